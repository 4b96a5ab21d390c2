package viewer

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlots: beyond the limit, requests wait for their turn, as long as their client does, and not for ever.
func TestSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := make(slots, 2)
		first, err := s.take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, first)
		began := time.Now()
		if _, err := s.take(t.Context()); err != nil || time.Since(began) != time.Second {
			t.Errorf("the third has its turn after %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that goes away gets %v", err)
		}
		began = time.Now()
		_, err = s.take(t.Context())
		if refused, ok := errors.AsType[refusal](err); !ok || refused.status != http.StatusServiceUnavailable || time.Since(began) != waitForSlot {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
