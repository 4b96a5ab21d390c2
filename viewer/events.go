package viewer

import (
	"net/http"
	"time"
)

const (
	eventInterval = 250 * time.Millisecond // between two events, at least
	heartbeat     = 15 * time.Second       // between two signs of life, at most
)

// events sends what changes, as server-sent events, until the client goes away.
func (v *Viewer) events(w http.ResponseWriter, r *request) error {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // for proxies that would wait for the end
	out := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for last := ""; ; {
		changed := v.Changed()
		state := r.trace.status().State
		if text := r.trace.changing(); text != last {
			last = text
			if !send(w, out, "data: "+text+"\n\n") || !v.rest(r, state) {
				return nil
			}
			continue // it may have changed meanwhile
		}
		select {
		case <-changed:
		case <-beat.C:
			if !send(w, out, ": still here\n\n") {
				return nil
			}
		case <-r.Context().Done():
			return nil
		case <-v.closing:
			return nil
		}
	}
}

// send sends a piece of an answer, and reports whether there is anybody who takes it.
func send(w http.ResponseWriter, out *http.ResponseController, text string) bool {
	patient(w)
	if _, err := w.Write([]byte(text)); err != nil {
		return false
	}
	return out.Flush() == nil
}

// rest waits until it is time for another event, which it is at once when the trace has come to another state: nobody is to wait for a
// picture that is there. It reports whether the client is still there, too.
func (v *Viewer) rest(r *request, state State) bool {
	late := time.NewTimer(eventInterval)
	defer late.Stop()
	for {
		changed := v.Changed()
		if r.trace.status().State != state {
			return true
		}
		select {
		case <-changed:
		case <-late.C:
			return true
		case <-r.Context().Done():
			return false
		}
	}
}
