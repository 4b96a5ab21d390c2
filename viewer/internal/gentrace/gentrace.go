// Package gentrace makes large traces for measurements: what a program with many tasks would record, always the same for
// the same Config. Tasks form a tree. Each goes through one operation after the other, of ten spans that nest; whole
// spans come in the order of their ends, and that of a task as a begin and an end, as in a live capture.
package gentrace

import (
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

// Config says how large the trace is, and what its spans have.
type Config struct {
	Spans int // without those of the tasks, rounded down to whole operations of all tasks
	Tasks int
	Plain bool // spans have names and times only: no IDs, attributes, log lines and arrows
}

// operation is the spans of an operation in the order of their ends: when each begins and ends, in thousandths of the
// operation, and which of them is around it.
var operation = [...]struct {
	name       string
	start, end int64
	parent     int
}{
	{"zfs list", 10, 90, 9}, {"read", 110, 240, 4}, {"read", 250, 380, 4}, {"read", 390, 580, 4}, {"send", 100, 600, 9},
	{"write", 630, 700, 7}, {"write", 720, 850, 7}, {"receive", 610, 900, 9}, {"hold", 910, 960, 9}, {"dataset", 0, 1000, -1},
}

// Reader reads a generated trace. It is a [tracefmt.Reader].
type Reader struct {
	config Config
	queue  []tracefmt.Event
	next   int
	round  int // of operations; -1 is before the first
	rounds int
	task   int
	ended  bool
	random uint64
	ids    uint64
	tasks  []string // IDs
}

// opTime is how long an operation takes about, in ns.
const opTime = 1_000_000

// NewReader returns a Reader of the trace.
func NewReader(config Config) *Reader {
	config.Tasks = max(config.Tasks, 1)
	return &Reader{config: config, round: -1, rounds: config.Spans / (len(operation) * config.Tasks), random: 1}
}

// Next returns the next event, and io.EOF after the last.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for r.next == len(r.queue) {
		r.queue, r.next = r.queue[:0], 0
		switch {
		case r.ended:
			return nil, io.EOF
		case r.round < 0:
			r.begin()
			r.round = 0
		case r.round == r.rounds:
			r.end()
			r.ended = true
		default:
			r.operate(r.task)
			if r.task++; r.task == r.config.Tasks {
				r.task = 0
				r.round++
			}
		}
	}
	r.next++
	return &r.queue[r.next-1], nil
}

// roll returns a number below n.
func (r *Reader) roll(n uint64) uint64 { // xorshift
	r.random ^= r.random << 13
	r.random ^= r.random >> 7
	r.random ^= r.random << 17
	return r.random % n
}

// id returns the next ID, in the form that those of package trace have.
func (r *Reader) id() string {
	if r.config.Plain {
		return ""
	}
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	r.ids++
	n := r.ids * 0x9e3779b97f4a7c15
	var b [13]byte
	for i := range b {
		b[i] = digits[n>>(60-5*i)&31]
	}
	return string(b[:])
}

const process = 1

func track(task int) tracefmt.TrackID { return tracefmt.TrackID(task + 2) }

// begin begins all tasks: each but the first is started by one that was there before.
func (r *Reader) begin() {
	r.queue = append(r.queue, tracefmt.Event{Kind: tracefmt.Clock, Unix: 1_764_460_800_000_000_000},
		tracefmt.Event{Kind: tracefmt.Process, Track: process, Name: "zferry", SourceID: tracefmt.Int64(820)})
	for task := range r.config.Tasks {
		name := "step"
		if task == 0 {
			name = "replicate"
		}
		id, parent, from := r.id(), "", (task-1)/8
		if task > 0 {
			parent = r.tasks[from]
		}
		r.tasks = append(r.tasks, id)
		at := int64(task) * 10
		r.queue = append(r.queue, tracefmt.Event{Kind: tracefmt.Track, Track: track(task), Process: process,
			Name: fmt.Sprintf("%s #%d", name, task+1), SourceID: tracefmt.Int64(int64(task + 1)), Order: int64(task + 1)},
			tracefmt.Event{Kind: tracefmt.Begin, Track: track(task), Time: at, Name: name, Category: tracefmt.CategoryTask, ID: id, Parent: parent})
		if parent != "" {
			arrow := tracefmt.Event{Kind: tracefmt.FlowStart, Track: track(from), Time: at, Name: "child task", Category: tracefmt.CategoryTask, Key: id}
			r.queue = append(r.queue, arrow)
			arrow.Kind, arrow.Track = tracefmt.FlowEnd, track(task)
			r.queue = append(r.queue, arrow)
		}
	}
}

// operate makes the next operation of a task.
func (r *Reader) operate(task int) {
	start := opTime + int64(r.round)*opTime + int64(r.roll(opTime/10))
	scale := opTime/2000 + int64(r.roll(opTime/2500))
	var ids [len(operation)]string
	for i := range ids {
		ids[i] = r.id()
	}
	for i, span := range operation {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: track(task), Time: start + span.start*scale, Dur: (span.end - span.start) * scale,
			Name: span.name, Category: tracefmt.CategorySpan, ID: ids[i]}
		if e.Parent = r.tasks[task]; span.parent >= 0 {
			e.Parent = ids[span.parent]
		}
		if !r.config.Plain {
			r.describe(&e, task, i)
		}
		r.queue = append(r.queue, e)
	}
	if !r.config.Plain && r.roll(20) == 0 {
		r.queue = append(r.queue, tracefmt.Event{Kind: tracefmt.Log, Track: track(task), Time: start + 500*scale, Name: "sent a part",
			Severity: tracefmt.SeverityInfo, Parent: ids[4], Attrs: []tracefmt.Attr{{Key: tracefmt.AttrSubsystem, Value: tracefmt.String("zfssend")}}})
	}
}

// describe gives some spans attributes.
func (r *Reader) describe(e *tracefmt.Event, task, i int) {
	switch i {
	case 9:
		e.Attrs = []tracefmt.Attr{{Key: "dataset", Value: tracefmt.String(fmt.Sprintf("tank/db%d", task))}}
	case 4, 7:
		e.Attrs = []tracefmt.Attr{{Key: "bytes", Value: tracefmt.Int64(int64(r.roll(1 << 20)))}}
	case 8:
		if r.roll(500) == 0 {
			e.Attrs = []tracefmt.Attr{{Key: tracefmt.AttrError, Value: tracefmt.String("dataset is busy")}}
		}
	}
}

// end ends all tasks but the first.
func (r *Reader) end() {
	at := int64(r.rounds+3) * opTime
	for task := r.config.Tasks - 1; task > 0; task-- {
		r.queue = append(r.queue, tracefmt.Event{Kind: tracefmt.End, Track: track(task), Time: at})
	}
}
