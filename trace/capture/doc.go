// Package capture writes what package trace records as a file in a trace format.
//
// A program that wants its users to get a trace adds one line to main:
//
//	func main() {
//		defer capture.FromEnv()()
//		…
//	}
//
// Then SPANSTACK_TRACE=trace.json makes it write everything that it traces, from this line on, to that file, which
// chrome://tracing and ui.perfetto.dev open. "%p" in the name becomes the process's number.
//
// The file is one that viewers load at any moment: events are written whole, at least every 250 ms, and what is open
// is in it as open. So after a crash, an os.Exit or a kill -9, and while the program hangs, it shows what the program
// was doing.
//
// The format follows from the file's name. Chrome JSON (.json) is always known, others if the program imports their
// package below tracefmt.
//
// [Start] does the same by a call, [Write] writes what the flight recorder holds now.
package capture
