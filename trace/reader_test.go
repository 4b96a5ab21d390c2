package trace_test

import (
	"fmt"
	"slices"

	"github.com/spanstack/spanstack/trace"
)

// A reader has a consumer, notes what that delivered, and checks that nothing comes twice.
type reader struct {
	consumer    *trace.Consumer
	begun, done map[trace.ID]bool
	gone        map[trace.ID]bool
	parents     map[trace.ID]string // whose names are in the records of others
	records     []trace.Record      // of what ended
	instants    int
	anomalies   int // those of them
	lost        uint64
	lostEnds    int
}

func newReader(rec *trace.Recorder, c trace.ConsumerConfig) *reader {
	return &reader{consumer: rec.NewConsumer(c), begun: map[trace.ID]bool{}, done: map[trace.ID]bool{}, gone: map[trace.ID]bool{}, parents: map[trace.ID]string{}}
}

func (r *reader) knows(id trace.ID) bool { return r.begun[id] || r.done[id] || r.gone[id] }

// poll reads what there is.
func (r *reader) poll() error {
	for more := true; more; {
		var batch []trace.Record
		batch, more = r.consumer.Poll()
		for i := range batch {
			if err := r.add(&batch[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) add(rec *trace.Record) error {
	switch {
	case rec.Kind == trace.KindClock:
		return nil
	case rec.Kind == trace.KindLoss:
		r.lost += rec.Count
		return nil
	case rec.Parent != 0:
		r.parents[rec.Parent] = rec.Name
	}
	if rec.ID == 0 {
		r.instants++
		if rec.Kind == trace.KindAnomaly {
			r.anomalies++
		}
		return nil
	}
	begun, done := r.begun[rec.ID], r.done[rec.ID]
	if r.gone[rec.ID] {
		if rec.Phase != trace.PhaseEnd || done {
			return fmt.Errorf("%s came as gone, and then in phase %d; its end had come: %v", rec.Name, rec.Phase, done)
		}
		begun = true
	}
	switch rec.Phase {
	case trace.PhaseBegin, trace.PhaseGone:
		if begun || done {
			return fmt.Errorf("%s came twice as a begin, or after its end", rec.Name)
		}
		if rec.Phase == trace.PhaseGone {
			r.gone[rec.ID] = true
		} else {
			r.begun[rec.ID] = true
		}
		return nil
	case trace.PhaseComplete:
		if begun || done {
			return fmt.Errorf("%s came complete, but its begin had come: %v, its end: %v", rec.Name, begun, done)
		}
	default:
		if !begun || done {
			return fmt.Errorf("the end of %s came, but its begin had come: %v, its end: %v", rec.Name, begun, done)
		}
	}
	r.done[rec.ID] = true
	if rec.Phase == trace.PhaseLost {
		r.lostEnds++
		return nil
	}
	r.records = append(r.records, *rec)
	return nil
}

// orphans returns the names of records whose parents never came, but for parents in other processes.
func (r *reader) orphans(remote ...trace.ID) (names []string) {
	for id, name := range r.parents {
		if !r.knows(id) && !slices.Contains(remote, id) {
			names = append(names, name)
		}
	}
	return names
}
