// Package journald sends log lines to systemd's journal, each field as a field of the journal's own:
//
//	h, err := journald.Open(journald.Config{})
//	…
//	defer h.Close()
//	ctx = logging.WithHandler(ctx, logging.Join(stderr, h))
//
// so that "journalctl SUBSYSTEM=zfs DATASET=tank/home" finds them, and "journalctl -o verbose" shows all. See
// systemd.journal-fields(7).
//
// # Fields
//
//	MESSAGE, PRIORITY        the message as it is, and the level: 7 debug, 6 info, 4 warn, 3 error
//	SYSLOG_IDENTIFIER        the program's name
//	TIME                     when it was logged: RFC 3339, UTC. The journal's own time is when it got the line.
//	SUBSYSTEM, TRACE         where it was logged: see package logging
//	SPAN_ENDED               true, if it is there
//
// and the attributes, in upper case, with underscores for the dots of groups. A key that isn't made of ASCII letters,
// digits, underscores and dots, that is longer than 64 bytes, or that is one of the journal's own goes with its value
// into a field ATTR, as in ATTR=my key=value with logfmt's escapes.
//
// Values are neither escaped nor quoted: the journal takes any bytes, and tells its clients where a value ends.
//
// # When the journal is away
//
// Lines wait in a [logging.Queue], as for package syslog. The journal limits how much a service may log
// (RateLimitBurst= in journald.conf(5)) and doesn't tell the program when it drops lines.
package journald
