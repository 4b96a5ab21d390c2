// Package bridge brings what others log into the log: package log, slog's default, and the lines that child processes
// write to their stderr.
//
// A command takes over what packages log that know nothing of this one:
//
//	defer bridge.TakeOver(ctx, "std")()
//
// and what its children say, line by line, in the place of the call:
//
//	w := bridge.Lines(ctx, "ssh", slog.LevelInfo)
//	defer w.Close()
//	cmd.Stderr = w
package bridge
