package trigger

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

// panicTimeout bounds how long a panic waits for its dump: a disk may hang.
const panicTimeout = 5 * time.Second

// OnPanic writes a dump if the goroutine that deferred it panics, and then lets it panic on, with the same value. It
// must be deferred itself, and needs no [Watcher]:
//
//	func main() {
//		defer trigger.OnPanic(trigger.Config{Dir: "/var/lib/zferry"})
//
// There is no delay and no limit but for those of files. Panics of other goroutines, which end a program, too, are
// theirs.
func OnPanic(c Config) {
	if v := recover(); v != nil {
		if w, err := newWatcher(c); err == nil {
			w.dumpPanic(v)
		} else {
			c.withDefaults().OnError(fmt.Errorf("dump trace because of a panic: %w", err))
		}
		panic(v)
	}
}

// OnPanic is like the function [OnPanic], for the goroutine that defers it, with the watcher's configuration. What
// fired and isn't dumped yet goes into the same dump.
func (w *Watcher) OnPanic() {
	if v := recover(); v != nil {
		if w != nil {
			w.dumpPanic(v)
		}
		panic(v)
	}
}

func (w *Watcher) dumpPanic(v any) {
	c := Cause{Trigger: "panic", Reason: cut(fmt.Sprint(v)), Time: w.c.Recorder.Now()}
	c.stack = cut(string(debug.Stack()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		causes, more, waiters := w.queue.take(true)
		w.dumpNow(append([]Cause{c}, causes...), more, waiters)
	}()
	select {
	case <-done:
	case <-time.After(panicTimeout):
	}
}

const maxText = 8 << 10 // bytes of a reason, of a panic's value and of its stack

// cut bounds a text.
func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
