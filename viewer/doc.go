// Package viewer shows traces as a page: files of any format that the program's tracefmt packages read, and processes while
// they run.
//
// A [Source] is where a trace comes from: a file ([File]), a process that answers as package capture does ([Process]), or a
// function that opens a stream of bytes ([Live]) or of events ([LiveEvents]), such as those of this process. A [Viewer] reads its sources at once, in the
// background, and is an HTTP handler: the page is at "/", and what it asks for is below that, see docs/viewer-protocol.md.
// The page holds nothing but what it draws; what it shows is found here, in an index, in the time that a screen takes.
//
//	v := viewer.New(viewer.Config{}, viewer.File("before.pftrace"), viewer.File("after.pftrace"))
//	defer v.Close()
//	http.Handle("/view/", http.StripPrefix("/view", v))
//
// Reading goes on when there is something wrong with a trace: what came before that place is shown, with the error. Of a
// live trace, Config.Keep bounds the memory: what is oldest leaves first, and the page says where it was. An input of unknown size,
// such as a pipe, is shown as it comes, since it may never end.
//
// # A page in a program of its own
//
// With [OnDemand], a viewer costs nothing while nobody looks. Package capture serves it at /debug/trace/ui/:
//
//	ui := &viewer.OnDemand{New: func() *viewer.Viewer {
//		return viewer.New(viewer.Config{}, viewer.LiveEvents("this process", func(ctx context.Context) (viewer.EventReader, error) {
//			return capture.OpenEvents(ctx, trace.Default(), time.Hour), nil
//		}))
//	}}
//	capture.Listen("localhost:6060", capture.Config{UI: ui})
//
// # Who may look
//
// A Viewer answers whoever reaches it. Traces tell what a program works on, so whoever mounts one keeps others out: package
// capture does by its Access, and the command trace-view by a random token in the path, besides looking at the names by which it
// is called. What the page may do is bounded by a Content-Security-Policy: its own scripts run, nothing is loaded from or sent
// to elsewhere, and what a trace has in its names is text.
//
// Who only wants to look at a trace needs the command, and not this package.
package viewer
