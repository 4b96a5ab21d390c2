package viewer_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer"
)

// TestOnDemand: there is a viewer while somebody looks, and none when nobody did for a while.
func TestOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened, open atomic.Int32
		source := viewer.Live("test", tracefmt.Lookup("perfetto"), func(ctx context.Context) (io.ReadCloser, error) {
			opened.Add(1)
			open.Add(1)
			in, out := io.Pipe()
			context.AfterFunc(ctx, func() {
				out.Close()
				open.Add(-1)
			})
			return in, nil
		})
		d := &viewer.OnDemand{New: func() *viewer.Viewer { return viewer.New(viewer.Config{}, source) }, Idle: 10 * time.Second}
		c := &client{t, d}
		look := func(openedWant, openWant int32) {
			t.Helper()
			synctest.Wait()
			if opened.Load() != openedWant || open.Load() != openWant {
				t.Errorf("%d were opened, %d are open, want %d and %d", opened.Load(), open.Load(), openedWant, openWant)
			}
		}
		look(0, 0)
		c.ask("GET", "/api/trace", "")
		look(1, 1)
		time.Sleep(9 * time.Second)
		c.ask("GET", "/api/formats", "")
		time.Sleep(9 * time.Second)
		look(1, 1)
		time.Sleep(2 * time.Second)
		look(1, 0)

		ctx, leave := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() {
			defer close(left)
			(&client{t: t, h: d}).askUntil(ctx, "/api/events")
		}()
		synctest.Wait()
		c.ask("GET", "/api/formats", "") // which is over soon
		time.Sleep(time.Hour)            // somebody looks all the time
		look(2, 1)
		leave()
		<-left
		time.Sleep(11 * time.Second)
		look(2, 0)

		c.ask("GET", "/api/trace", "")
		look(3, 1)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		look(3, 0)
		if w := c.ask("GET", "/api/trace", ""); w.Code != 503 {
			t.Errorf("after Close: %d %s", w.Code, w.Body)
		}
		look(3, 0)
	})
}
