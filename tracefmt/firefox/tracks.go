package firefox

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
)

// tracks gives numbers to processes and threads.
type tracks struct {
	processes map[string]tracefmt.TrackID
	last      tracefmt.TrackID
	current   tracefmt.TrackID // of the thread that is being delivered
	process   tracefmt.TrackID // and of its process
}

// declare declares a thread, and its process if that is new.
func (t *tracks) declare(r *Reader, th *thread) {
	if t.processes == nil {
		t.processes = make(map[string]tracefmt.TrackID)
	}
	x := &th.extra
	key := th.pid.String()
	if th.pid.IsZero() { // older versions don't say; each Gecko profile is of one process
		key = fmt.Sprintf("%p %s", th.document, th.processType)
	}
	process, known := t.processes[key]
	if !known {
		t.last++
		process = t.last
		t.processes[key] = process
		e := r.emit(tracefmt.Process, process)
		e.SourceID = th.pid
		e.Name = th.processName
		if e.Name == "" && (th.processType == "default" || th.processType == "") {
			e.Name = r.main.product
		}
		e.Name = cmp.Or(e.Name, th.processType)
		if x.isProcess {
			x.put(e)
		}
	}
	t.process = process
	if x.isProcess {
		t.current = process
		return
	}
	t.last++
	t.current = t.last
	e := r.emit(tracefmt.Track, t.current)
	e.Process, e.Name, e.SourceID = process, th.name, th.tid
	if th.tid.IsZero() {
		e.SourceID = tracefmt.Int64(int64(t.current))
	}
	x.put(e)
}

// samples declares a track for the samples of the thread that was declared last: they are no part of the nesting of its
// markers.
func (t *tracks) samples(r *Reader, th *thread) tracefmt.TrackID {
	t.last++
	e := r.emit(tracefmt.Track, t.last)
	e.Process, e.Name = t.process, th.name+" (samples)"
	e.SourceID = tracefmt.String(cmp.Or(th.tid.String(), strconv.Itoa(int(t.last))) + " samples")
	return t.last
}

// put sets what our Writer said of a process or track.
func (x *extra) put(e *tracefmt.Event) {
	e.Order, e.Attrs = x.order, x.attrs
	if !x.id.IsZero() {
		e.SourceID = x.id
	}
	if x.id == tracefmt.RawJSON("null") {
		e.SourceID = tracefmt.Value{}
	}
	if x.name.Kind() == tracefmt.StringValue {
		e.Name = x.name.String()
	}
}
