package viewer

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestRest: the next event waits for its time, but not if the trace has come to another state.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &Viewer{}
		r := &request{Request: httptest.NewRequest("GET", "/api/events", nil), trace: newTrace(Source{}, 0, &v.changed, func() {})}
		time.AfterFunc(eventInterval/4, func() { r.trace.changed.give() }) // of the progress
		began := time.Now()
		if !v.rest(r, StateLoading) || time.Since(began) != eventInterval {
			t.Errorf("without another state it waits for %v", time.Since(began))
		}
		time.AfterFunc(eventInterval/2, func() { r.trace.update(func() { r.trace.state = StateLoaded }) })
		began = time.Now()
		if !v.rest(r, StateLoading) || time.Since(began) != eventInterval/2 {
			t.Errorf("with another state after %v it waits for %v", eventInterval/2, time.Since(began))
		}
		began = time.Now()
		if !v.rest(r, StateLoading) || time.Since(began) != 0 {
			t.Errorf("with another state since before it waits for %v", time.Since(began))
		}
	})
}
