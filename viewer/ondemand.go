package viewer

import (
	"net/http"
	"sync"
	"time"
)

// OnDemand is a handler that has a Viewer as long as somebody looks: it is made for the first request, and closed when
// there was none for Idle. So a page in a program of its own costs nothing while it isn't open. Its methods may be called concurrently.
//
//	ui := &viewer.OnDemand{New: func() *viewer.Viewer { return viewer.New(viewer.Config{}, viewer.LiveEvents("this process", open)) }}
//	defer ui.Close()
//	capture.Listen("localhost:6060", capture.Config{UI: ui})
type OnDemand struct {
	New  func() *Viewer
	Idle time.Duration // one minute, if it is 0

	mu     sync.Mutex
	viewer *Viewer
	active int // requests
	visits int // that there were, to know whether there was one since
	idle   *time.Timer
	closed bool
}

// ServeHTTP implements [http.Handler].
func (d *OnDemand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := d.enter()
	if v == nil {
		setSafe(w.Header())
		refuse(w, refusal{status: http.StatusServiceUnavailable, reason: "the program ends"})
		return
	}
	defer d.leave()
	v.ServeHTTP(w, r)
}

// enter returns the viewer for a request, or nil after Close.
func (d *OnDemand) enter() *Viewer {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	if d.viewer == nil {
		d.viewer = d.New()
	}
	d.active++
	d.visits++
	return d.viewer
}

func (d *OnDemand) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.active--
	if d.active > 0 || d.closed {
		return
	}
	after := d.Idle
	if after <= 0 {
		after = time.Minute
	}
	visits := d.visits
	if d.idle != nil {
		d.idle.Stop()
	}
	d.idle = time.AfterFunc(after, func() { d.end(visits) })
}

// end closes the viewer, unless there was a request since.
func (d *OnDemand) end(visits int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.visits == visits {
		d.close()
	}
}

func (d *OnDemand) close() {
	if d.viewer != nil {
		d.viewer.Close()
		d.viewer = nil
	}
}

// Close closes the viewer. Requests get 503 from now on. The error is nil.
func (d *OnDemand) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.idle != nil {
		d.idle.Stop()
	}
	d.closed = true
	d.close()
	return nil
}
