package folded

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// Writer collects a trace and writes its folded stacks when it is closed.
type Writer struct {
	out    io.Writer
	err    error
	closed bool
	trace  timeline.Timeline
	losses tracefmt.Losses
	report []tracefmt.Loss
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.closed {
		return fmt.Errorf("write folded stacks: it is closed")
	}
	switch e.Kind {
	case tracefmt.Process, tracefmt.Track, tracefmt.Begin, tracefmt.End, tracefmt.Complete,
		tracefmt.AsyncBegin, tracefmt.AsyncEnd:
		w.trace.Add(e)
	default:
		w.losses.Add(e.Kind.String())
	}
	return nil
}

// Flush does nothing: the stacks are known at the end.
func (w *Writer) Flush() error { return w.err }

// Losses returns what has no place in folded stacks, beyond the times and attributes of slices.
func (w *Writer) Losses() []tracefmt.Loss { return slices.Concat(w.losses.List(), w.report) }

// Close writes the stacks.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	var sum summary.Summary
	for e := range w.trace.Events() {
		sum.Add(e)
	}
	sum.Finish()
	w.report = slices.Concat(w.trace.Losses(), sum.Losses())
	if _, err := w.out.Write(Append(nil, &sum)); err != nil {
		w.err = fmt.Errorf("write folded stacks: %w", err)
	}
	return w.err
}

// Append adds the folded stacks of a finished summary to dst.
func Append(dst []byte, sum *summary.Summary) []byte {
	self := make(map[string]int64)
	for _, p := range sum.Processes {
		var frames []string
		if len(sum.Processes) > 1 {
			frames = append(frames, processName(p))
		}
		collect(self, frames, p.Root)
	}
	stacks := make([]string, 0, len(self))
	for stack := range self {
		stacks = append(stacks, stack)
	}
	slices.SortFunc(stacks, strings.Compare)
	for _, stack := range stacks {
		dst = append(append(dst, stack...), ' ')
		dst = strconv.AppendInt(dst, self[stack], 10)
		dst = append(dst, '\n')
	}
	return dst
}

func processName(p *summary.Process) string {
	if p.Name != "" {
		return p.Name
	}
	return "process " + p.ID.String()
}

// collect adds the self times of all nodes below n. Paths that are spelt alike are added up.
func collect(self map[string]int64, frames []string, n *summary.Node) {
	for _, c := range n.Children {
		path := append(frames[:len(frames):len(frames)], c.Name)
		if c.Self > 0 {
			self[string(appendStack(nil, path))] += c.Self
		}
		collect(self, path, c)
	}
}
