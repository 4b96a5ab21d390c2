// Package logging gives every line its place: which subsystem wrote it, in which task and span, and for what.
//
// It is a thin layer on log/slog. Code that logs asks for a logger where it needs one and keeps none in structs:
//
//	log := logging.GetLogger(ctx, "zfs")
//	log.Info("sent snapshot", "snapshot", name, "bytes", n)
//
// # Where a line's fields come from
//
// Each line has a time, a level and a message, and
//
//   - subsystem: what GetLogger was asked for. Levels can be set per subsystem, see [Levels].
//   - trace: the ID stack of the innermost task or span of the context, as package trace renders it, or "none" outside
//     any task. Searching a log for one ID finds the lines of that span and of all below it.
//   - span_ended: true, if that span had already ended: somebody kept a context for too long.
//   - the attributes that [With] injected into the context,
//   - the attributes of the logger ([slog.Logger.With]) and of the call.
//
// A name occurs once in a line. Of several attributes with the same name the innermost wins: the call's over the
// logger's over the context's, and an inner context's over an outer one's. Groups of the same name are merged. An
// attribute that has one of the names above is written as "fields.trace" and so on, so that nothing can pose as them.
//
// If a call has a context of its own, as in InfoContext(ctx, …), its span and injected attributes are used, and those
// of the logger's context only for what it lacks. The handler is always the logger's.
//
// Each line is also handed to the flight recorder, with the same time, so that captures show it on its span.
//
// # Where lines go
//
// A command opens a handler once and puts it into the context that everything else is derived from:
//
//	h, err := logging.Open(logging.Config{Format: logging.FormatJSON, File: "/var/log/zferry.log"})
//	…
//	defer h.Close()
//	ctx = logging.WithHandler(ctx, h)
//
// There may be several outlets, each with a format and levels of its own: [Join] makes one handler of them. Those that
// aren't files are in packages of their own:
//
//   - logfile: a file that is rotated
//   - syslog: the local daemon, or one that is reached by UDP, TCP or TLS
//   - journald: systemd's journal
//   - otlp: a collector of OpenTelemetry
//
// Package logconfig opens them all by a command's flags or a file, logctl changes levels at run time, and bridge brings
// in what others log.
//
// Without a handler, lines go to the process's default, which is human-readable text on stderr until [SetDefault]
// changes it; they are never lost in silence. Any [slog.Handler] will do, such as a [slog.MultiHandler] of several of
// ours; and slog.SetDefault(logging.GetLogger(ctx, "std")) brings what other packages log through slog and log into the
// same place; see package bridge.
//
// An outlet that blocks, such as a full pipe or a disk that hangs, does not block the program: [Queue] holds a bounded
// amount of lines, drops what is above, and says how many that were as soon as the outlet works again. The price is
// that a line may be a few microseconds away from its file when the program is killed, and that Close has to be called.
// What one outlet loses is also reported on the others that it is joined with.
//
// A line that is repeated again and again can be counted instead: see [Options].Collapse. [Handler.Counts] has how many
// lines there were of each subsystem and level.
//
// # Formats
//
// Human format is for eyes: aligned, local time, coloured on a terminal (never if NO_COLOR is set), the ID stack cut to
// its end. It is not meant to be parsed. Logfmt and JSON are: UTC with nanoseconds, and the fields that place a line
// come first, before anything that the outside may have influenced.
//
// In no format can a value break the line or reach the terminal: line breaks, quotes, control characters, invalid UTF-8
// and characters that change the direction of text are escaped, values are cut at [MaxValue] bytes, and attributes
// beyond [MaxLine] bytes are counted instead of written.
package logging
