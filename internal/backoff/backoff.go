// Package backoff waits between attempts to reach somebody who may be away for long.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// First and Max are the shortest and the longest wait, of which each is up to half as long again.
const (
	First = 100 * time.Millisecond
	Max   = 10 * time.Second
)

// Waits are those between attempts, each twice as long as the one before. The zero value begins with First.
type Waits struct{ next time.Duration }

// Reset begins anew.
func (w *Waits) Reset() { w.next = 0 }

// Wait waits, and reports whether it is to be tried again: not, if ctx is done.
func (w *Waits) Wait(ctx context.Context) bool {
	d := max(w.next, First)
	w.next = min(2*d, Max)
	t := time.NewTimer(d + rand.N(d/2))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
