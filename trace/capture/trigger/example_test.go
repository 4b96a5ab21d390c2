package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture/trigger"
)

// What a daemon has in main. If the directory can't be written to, it runs without dumps: a nil Watcher does nothing.
func ExampleWatch() {
	w, err := trigger.Watch(trigger.Config{Dir: dir, OnDump: show},
		trigger.Slow(time.Minute, trigger.Named("replicate")), trigger.Failed(nil), trigger.Signal())
	if err != nil {
		log.Print(err)
	}
	defer w.Close()
	defer w.OnPanic()

	replicate := func(ctx context.Context) (err error) {
		ctx, task := trace.WithTask(ctx, "replicate")
		defer task.EndErr(&err)
		_, span := trace.WithSpan(ctx, "zfs list")
		defer span.EndErr(&err)
		return errors.New("no such pool")
	}
	replicate(context.Background())
	// Output:
	// failed: span "zfs list" failed: no such pool
	// failed: task "replicate" failed: no such pool
}

// A dump for ten errors in the log within a minute while a list is slow, but no more than one an hour.
func ExampleAllOf() {
	w, err := trigger.Watch(trigger.Config{Dir: dir}, trigger.Every(time.Hour, trigger.AllOf(time.Minute,
		trigger.Nth(10, trigger.When("errors", trigger.LogLine(slog.LevelError))),
		trigger.Slow(time.Second, trigger.Named("zfs list")))))
	if err != nil {
		log.Print(err)
	}
	defer w.Close()
}

// curl -X POST localhost:6060/debug/trace/dump
func ExampleWatcher_ServeHTTP() {
	w, err := trigger.Watch(trigger.Config{Dir: dir})
	if err != nil {
		log.Print(err)
	}
	defer w.Close()
	mux := http.NewServeMux()
	mux.Handle("/debug/trace/dump", w)
}

func ExampleOnPanic() {
	main := func() {
		defer trigger.OnPanic(trigger.Config{Dir: dir, OnDump: show})
		panic("disaster")
	}
	defer func() { fmt.Println("the program ends:", recover()) }()
	main()
	// Output:
	// panic: disaster
	// the program ends: disaster
}

// dir is where the examples' dumps go.
var dir = filepath.Join(os.TempDir(), fmt.Sprint("spanstack-example-", os.Getpid()))

// show prints why a dump was written, and deletes it.
func show(d trigger.Dump) {
	for _, c := range d.Causes {
		fmt.Println(c)
	}
	os.RemoveAll(dir)
}
