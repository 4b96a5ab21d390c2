package folded

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

var errNoNumber = errors.New("a line without a number at its end")

// maxLine is the length of the longest line that is read, in bytes.
const maxLine = 1 << 20

// Reader reads folded stacks. Its memory is bounded by the longest line.
type Reader struct {
	in      *bufio.Reader
	offset  int64 // of the next line
	line    int64
	time    int64 // ns: the sum of all numbers so far
	started bool  // the track is declared
	err     error
	losses  tracefmt.Losses
	queue   []tracefmt.Event
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, maxLine)}
}

// Losses returns what had to be left out so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.losses.List() }

// Next returns the next slice; those of one line have the same start, from the outermost to the innermost. A line at
// the end of the input without its newline might be cut short in its number: it is an error that Is ErrTruncated.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for len(r.queue) == 0 {
		if r.err == nil {
			r.err = r.readLine()
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	e := &r.queue[0]
	r.queue = r.queue[1:]
	return e, nil
}

func (r *Reader) readLine() error {
	text, err := r.in.ReadSlice('\n')
	start := r.offset
	r.offset += int64(len(text))
	r.line++
	switch {
	case err == io.EOF && len(text) == 0:
		return io.EOF
	case err == io.EOF:
		return r.syntax(r.offset, tracefmt.ErrTruncated)
	case err == bufio.ErrBufferFull:
		return r.syntax(start, fmt.Errorf("longer than %d bytes", maxLine))
	case errors.Is(err, tracefmt.ErrTruncated):
		return r.syntax(r.offset, err)
	case err != nil:
		return fmt.Errorf("read folded stacks: at byte %d: %w", r.offset, err)
	}
	line := strings.TrimRight(string(text), "\r\n")
	if line == "" || line[0] == '#' {
		return nil
	}
	stack, err := parseLine(line)
	if err == nil && stack.n > math.MaxInt64-r.time {
		err = errors.New("the numbers add up to more than 64 bits hold")
	}
	if err != nil {
		return r.syntax(start, err)
	}
	if stack.rounded {
		r.losses.AddAt("number with decimals, rounded", start)
	}
	if stack.before {
		r.losses.AddAt("first number of two, that of the earlier profile", start)
	}
	r.queue = nil
	if !r.started {
		r.started = true
		r.queue = append(r.queue, tracefmt.Event{Kind: tracefmt.Process, Track: 1},
			tracefmt.Event{Kind: tracefmt.Track, Track: 2, Process: 1})
	}
	for _, name := range stack.frames {
		r.queue = append(r.queue, tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Time: r.time, Dur: stack.n, Name: name})
	}
	r.time += stack.n
	return nil
}

func (r *Reader) syntax(offset int64, err error) error {
	return &tracefmt.SyntaxError{Format: Format.Name, Event: r.line, Offset: offset, Err: err}
}
