// Package logfile writes lines to a file that is rotated: when it is full, when a day is over, or when somebody else
// has moved it away.
//
//	h, err := logfile.Open(logfile.Config{Path: "/var/log/zferry.log", MaxBytes: 100 << 20, Every: 24 * time.Hour, Keep: 14})
//	…
//	defer h.Close()
//
// A rotated file is renamed to zferry.log.20260131T090500Z, by the time of its rotation in UTC, and the oldest of them
// are removed. Only files with such names are ever touched. If the program is alone with its file, no line is lost or
// torn by that.
//
// Rotation can be left to logrotate(8), too, without copytruncate and without a signal: within a second, the file is
// opened anew if its path leads to another one or to none. SIGHUP makes that happen at once, if [Config].SIGHUP is set.
package logfile
