// Package onsignal does something whenever the program gets a signal.
package onsignal

import (
	"os"
	"os/signal"
	"sync"
)

// Do calls f, on a goroutine of its own, whenever the signal s comes, until stop is called. Signals that come while f
// runs are one. When stop returns, f has, too.
func Do(s os.Signal, f func()) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, s)
	go func() {
		defer close(done)
		for range signals {
			f()
		}
	}()
	return sync.OnceFunc(func() {
		signal.Stop(signals)
		close(signals)
		<-done
	})
}
