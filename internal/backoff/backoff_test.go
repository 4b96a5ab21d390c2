package backoff_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/internal/backoff"
)

func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w backoff.Waits
		wait := func(want time.Duration) {
			t.Helper()
			start := time.Now()
			if !w.Wait(t.Context()) {
				t.Error("it isn't to be tried again")
			}
			if d := time.Since(start); d < want || d > want*3/2 {
				t.Errorf("it waits %v, want %v and up to half as much", d, want)
			}
		}
		for _, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000} {
			wait(want * time.Millisecond)
		}
		w.Reset()
		wait(backoff.First)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if w.Wait(ctx) {
			t.Error("it is to be tried again, although ctx is done")
		}
	})
}
