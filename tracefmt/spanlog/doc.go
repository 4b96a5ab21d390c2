// Package spanlog reads log files whose lines say in which task and span they were written, as those of package logging
// do in JSON and in logfmt. Lines of log/slog's own handlers are read, too; they have no place.
//
// Each line becomes a tracefmt.Log event: the message is its Name, the level its Severity, the innermost ID of the ID
// stack its Parent. Everything else is an attribute, the subsystem (tracefmt.AttrSubsystem) and the whole stack
// (tracefmt.AttrStack) among them; the trace "none" of lines outside of any task is left out. Objects and arrays in JSON
// stay JSON. In logfmt values have no types: a bare word is a number or a boolean if it is spelt exactly as one of that
// value would be, so that its text is never changed, and the text 5 can't be told from the number.
//
// The time of the first line is 0 on the trace's clock, which a Clock event anchors. By itself a log has a track for
// each root task, one for each subsystem of lines whose root isn't known or beyond the first [MaxTracks], and the
// process's own for lines outside of any task. Package timeline moves lines to the spans of a trace.
//
// A file may be the join of several, in both formats, as rotation and restarts leave them. Lines that are no log lines,
// such as the stack trace of a panic, are skipped and counted. Of a name that occurs twice in a line the first counts
// if it is one of the fields that place the line, as nothing from outside can come before them, and else the last. A
// last line without its line feed is an error that Is tracefmt.ErrTruncated, unless it is a whole JSON object.
//
// Facts: package logging's own documentation (Formats); https://brandur.org/logfmt; RFC 8259; RFC 3339, section 5.6.
package spanlog
