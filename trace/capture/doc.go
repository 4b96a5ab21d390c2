// Package capture shows what package trace records: as a file in a trace format, and by HTTP while the program runs.
//
// # A file from the environment
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
// package below tracefmt. With .gz behind that the file is packed, and as loadable: it consists of complete gzip members,
// which ui.perfetto.dev and trace-convert read. chrome://tracing reads only the first one: unpack it before.
//
// A trace of a program that runs for long is limited in size, and goes on in other files:
//
//	SPANSTACK_TRACE=trace-%n.json.gz,max_size=100MB,keep=5
//
// "%n" is the number of the file, each begins with what is open then, and the last five are kept: see [ParseFile].
//
// [Start] and [FileConfig.Start] do the same by a call, [Write] writes what the flight recorder holds now.
//
// # A look at a running program
//
// [Handler] is to traces what net/http/pprof is to profiles:
//
//	mux.Handle("/debug/trace/", capture.Handler(capture.Config{}))
//
// Its page lists what there is:
//
//	active                      the tree of what is open now, as text or JSON
//	anomalies                   how often the program misused package trace, and where of late
//	capture?seconds=5           what is recorded in the next five seconds, and what is open when they begin, as a file
//	flight?last=30s             what the flight recorder holds, or the last part of it; with debug=1 as lines of text
//	level                       how much is recorded; PUT sets it to off, ids or recording
//	profile?seconds=30          wall and self time by stacks of spans, for go tool pprof; the program imports tracefmt/pprof
//	stream                      what is open and what comes, live, until the client goes away; with last=30s, what was before, too
//	ui/                         the viewer on this process, if the program has given one: see [Config]
//
// Files have the format that ?format= names or that the client accepts, and are packed if it takes gzip. A stream can be
// loaded wherever it is cut. A client that is slow never delays the program: it misses records, and what it gets says so.
//
// A program without a server of its own has one by [Listen], on loopback or a Unix socket unless told otherwise. Its
// other handlers are added to that:
//
//	server, err := capture.Listen("localhost:6060", capture.Config{})
//	…
//	defer server.Stop()
//	server.Handle("/debug/pprof/", http.HandlerFunc(pprof.Index))
//
// Package captureflag gives a command the flags --trace and --debug-listen.
//
// # Who may look
//
// Traces tell what a program works on. By default only clients that call the server by a name of loopback, or by the
// address at which they reached it, get an answer, so that no web page in a browser on this host can (DNS rebinding); a
// page of another site changes nothing. A token keeps out other users: see [Access]. How long captures take, how many of
// them there are at a time, and how much memory they take is limited: see [Config]. The command line, which may hold
// secrets, is shown only on request.
//
// docs/capture.md tells how to attach to a program that hangs.
package capture
