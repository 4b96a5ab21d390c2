// Command hang is a bank that hangs, and shows where. Alice sends money to Bob while Bob sends some to Alice: each
// transfer holds the account that it takes from, and waits for the other one, for ever. Run it with
//
//	SPANSTACK_TRACE=trace.json go run ./examples/hang -dumps .
//
// and wait three seconds. Then it says
//
//	trace dumped to hang-20261129T112334.606Z-slow-4711.json because of slow: task "transfer" is open for 2.008s, and 1 more
//
// since the watcher that main made looks for transfers that take two, and dumps the flight recorder one later. End the
// program with Ctrl-C or kill -9, or leave it as it is: both files can be opened already. In chrome://tracing or at
// https://ui.perfetto.dev you see two transfers, and in each "hold account" with a "lock account" in it, all without an
// end. Their attributes tell the story: one holds account=alice and wants account=bob, the other one the reverse. The
// instant "trigger: slow" in the dump says why it was written.
//
//	go run ./cmd/trace-convert --summary trace.json
//
// says the same in short:
//
//	COUNT  TOTAL   SELF    P50    P95    MAX  FAILED  OPEN  NAME
//	    1  3.40s  3.40s      -      -      -       -     1  bank  [open for 3.40s]
//	    2  6.81s  493µs      -      -      -       -     2  └─ transfer  [open for 3.40s]
//	    2  6.81s  575µs      -      -      -       -     2     ├─ hold account  [open for 3.40s]
//	    2  6.81s  6.81s      -      -      -       -     2     │  └─ lock account  [open for 3.40s]
//	    2  882ns  882ns  431ns  451ns  451ns       -     -     └─ lock account
//
// Nothing of that has to be prepared but the address of an endpoint. Started with -debug localhost:6060, the program tells
// whoever comes later where it hangs:
//
//	curl localhost:6060/debug/trace/active
//
//	hang (pid 4711): 3 tasks and 4 spans are open, level recording
//	    AGE  KIND  ID             NAME
//	  4.01s  task  gttcdpjya4hdf  bank
//	  4.01s  task  mu724tldcdrrm    transfer          from=alice to=bob
//	  4.01s  span  kb4i6m62cwjbm      hold account    account=alice
//	  4.01s  span  e5wru3adurvcr        lock account  account=bob
//	  4.01s  task  jkn6xhhdluu3r    transfer          from=bob to=alice
//	  4.01s  span  maew6gjkjcbub      hold account    account=bob
//	  4.01s  span  el4kyxhpg2ere        lock account  account=alice
//
// and a profile of wall time, by go tool pprof 'http://localhost:6060/debug/trace/profile?seconds=5'. At
// http://localhost:6060/debug/trace/ui/ is a page that shows it as a picture, which goes on: two slices grow, and grow.
//
// A dump of the present moment comes by
//
//	kill -USR2 PID
//	curl -X POST localhost:6060/debug/trace/dump
//
// but there is at most one in ten seconds.
package main

import (
	"context"
	"flag"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/capture/trigger"
	_ "github.com/spanstack/spanstack/tracefmt/perfetto" // of streams
	_ "github.com/spanstack/spanstack/tracefmt/pprof"    // for /debug/trace/profile
	"github.com/spanstack/spanstack/viewer"
)

func main() {
	defer capture.FromEnv()() // SPANSTACK_TRACE
	dumps := flag.String("dumps", "", "where dumps go; the default is the directory for temporary files")
	debug := flag.String("debug", "", "serve /debug/trace/ on this address")
	flag.Parse()

	w, err := trigger.Watch(trigger.Config{Dir: *dumps, Interval: 10 * time.Second},
		trigger.Slow(2*time.Second, trigger.Named("transfer")), trigger.Signal())
	if err != nil {
		log.Print(err)
	}
	defer w.Close()
	defer w.OnPanic()
	if *debug != "" {
		if err := serve(*debug, w); err != nil {
			log.Print(err)
		}
	}
	bank(context.Background())
}

// serve serves the debug endpoints. Further handlers, such as those of net/http/pprof, are a line each.
func serve(address string, w *trigger.Watcher) error {
	s, err := capture.Listen(address, capture.Config{UI: &viewer.OnDemand{New: live}})
	if err != nil {
		return err
	}
	s.Handle("/debug/trace/dump", w)
	log.Printf("debug endpoints are on http://%s/debug/trace/", s.Addr())
	return nil
}

// live makes the viewer for whoever opens ui/.
func live() *viewer.Viewer {
	return viewer.New(viewer.Config{}, viewer.LiveEvents("hang", func(ctx context.Context) (viewer.EventReader, error) {
		return capture.OpenEvents(ctx, trace.Default(), time.Hour), nil
	}))
}

type account struct {
	owner string
	mu    sync.Mutex
	cents int
}

func bank(ctx context.Context) {
	alice, bob := &account{owner: "alice", cents: 1000}, &account{owner: "bob", cents: 1000}
	g, _ := trace.WithTaskGroup(ctx, "bank")
	var both sync.WaitGroup // lets each have its first account before they ask for the second, as bad luck does
	both.Add(2)
	for _, t := range []transfer{{alice, bob, 100}, {bob, alice, 300}} {
		g.Go("transfer", func(ctx context.Context) error { return t.run(ctx, &both) },
			slog.String("from", t.from.owner), slog.String("to", t.to.owner))
	}
	g.Wait()
}

type transfer struct {
	from, to *account
	cents    int
}

// run is where the bug is: who locks two accounts has to do so in an order that doesn't depend on the direction.
func (t transfer) run(ctx context.Context, both *sync.WaitGroup) error {
	ctx, held := t.from.lock(ctx)
	defer held.End()
	defer t.from.mu.Unlock()
	logging.GetLogger(ctx, "bank").Info("has the first account", "owner", t.from.owner)
	both.Done()
	both.Wait()

	_, held = t.to.lock(ctx)
	defer held.End()
	defer t.to.mu.Unlock()
	t.from.cents -= t.cents
	t.to.cents += t.cents
	return nil
}

// lock waits for an account in one span, and returns another one for as long as it is held.
func (a *account) lock(ctx context.Context) (context.Context, *trace.Span) {
	_, waiting := trace.WithSpan(ctx, "lock account", slog.String("account", a.owner))
	a.mu.Lock()
	waiting.End()
	return trace.WithSpan(ctx, "hold account", slog.String("account", a.owner))
}
