// Package syslog sends log lines to a syslog daemon: the one of this host, or another by UDP, TCP or TLS.
//
//	h, err := syslog.Open(syslog.Config{Network: syslog.TCP, Address: "logs.example.org:601"})
//	…
//	defer h.Close()
//	ctx = logging.WithHandler(ctx, logging.Join(stderr, h))
//
// # Format
//
// Over the network, messages are those of RFC 5424, with the line's fields as structured data, so that the other side
// can search for them without parsing text:
//
//	<30>1 2026-01-31T09:05:00.123456Z host zferry 123 zfs [spanstack@32473 subsystem="zfs" trace="/…/" bytes="4096"] sent snapshot
//
// The subsystem is also the message ID. A key that can't be a parameter's name goes into the value of a parameter
// "attr", as in attr="my key=value" with logfmt's escapes. 32473 is the number that RFC 5612 reserves for examples:
// whoever has one of their own sets [Config].ID.
//
// Daemons expect something else on their local socket, which is what the C library's syslog(3) sends: there, the fields
// are logfmt pairs behind the message.
//
// In both, what isn't printable is escaped with backslashes, so that a message is one line whatever it contains. One
// that is longer than the daemon takes loses attributes, and says how many.
//
// # When the daemon is away
//
// Open doesn't wait for the daemon. Whenever there is no connection, lines wait in a [logging.Queue], and it is tried
// again to connect, at first soon and then every ten seconds. What has no room is lost, counted, and reported: on the
// daemon, when it is back, and on the other outlets.
//
// Syslog has no acknowledgements. What is lost on the way or in a daemon that dies isn't known here, apart from what
// TCP hadn't delivered yet. UDP and local daemons may drop lines at any time, and UDP may reorder them.
package syslog
