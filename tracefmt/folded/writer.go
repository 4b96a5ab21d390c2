package folded

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/bypath"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

// Writer sums up a trace and writes its folded stacks when it is closed.
type Writer struct {
	out    io.Writer
	err    error
	closed bool
	trace  bypath.Collector
}

// NewWriter returns a Writer to out.
func NewWriter(out io.Writer) *Writer { return &Writer{out: out} }

// Write adds an event.
func (w *Writer) Write(e *tracefmt.Event) error {
	if w.closed {
		return fmt.Errorf("write folded stacks: it is closed")
	}
	w.trace.Add(e)
	return nil
}

// Flush does nothing: the stacks are known at the end.
func (w *Writer) Flush() error { return w.err }

// Losses returns what has no place in folded stacks, beyond the times and attributes of slices.
func (w *Writer) Losses() []tracefmt.Loss { return w.trace.Losses() }

// Close writes the stacks.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	w.closed = true
	if _, err := w.out.Write(Append(nil, w.trace.Finish())); err != nil {
		w.err = fmt.Errorf("write folded stacks: %w", err)
	}
	return w.err
}

// Append adds the folded stacks of a finished summary to dst.
func Append(dst []byte, sum *summary.Summary) []byte {
	self := make(map[string]int64)
	for _, p := range sum.Processes {
		var process []string
		if len(sum.Processes) > 1 {
			process = append(process, processName(p))
		}
		for path := range p.Paths() {
			n := path[len(path)-1]
			if n.Self <= 0 {
				continue
			}
			frames := process[:len(process):len(process)]
			for _, n := range path {
				frames = append(frames, n.Name)
			}
			self[string(appendStack(nil, frames))] += n.Self // paths that are spelt alike are added up
		}
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
