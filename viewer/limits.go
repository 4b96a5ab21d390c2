package viewer

import (
	"context"
	"net/http"
	"time"
)

// slots bound how many requests of one kind are worked on at a time. Others wait for their turn.
type slots chan struct{}

// waitForSlot is how long a request waits for its turn.
const waitForSlot = 30 * time.Second

// take takes a slot, and returns how to give it back.
func (s slots) take(ctx context.Context) (release func(), err error) {
	release = func() { <-s }
	select {
	case s <- struct{}{}:
		return release, nil
	default:
	}
	late := time.NewTimer(waitForSlot)
	defer late.Stop()
	select {
	case s <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, refusal{http.StatusServiceUnavailable, "too many requests are under way: try again later", map[string]string{"Retry-After": "5"}}
	}
}
