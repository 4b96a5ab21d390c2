package spanlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

const (
	// DefaultMaxLine is the length of the longest line that a Reader takes in, in bytes. Those of package logging have
	// at most 64 KiB and one value more, escapes not counted.
	DefaultMaxLine = 4 << 20
	// MaxTracks is how many root tasks, and how many subsystems, get tracks of their own.
	MaxTracks = 256
)

// ErrHuman says that the lines are in package logging's format for eyes, which can't be read back. It comes wrapped in a
// SyntaxError, and only if no log line comes before.
var ErrHuman = errors.New("log lines in human format, which isn't made to be read by programs")

// Reader reads log lines. Its memory is bounded by the longest line, by [MaxTracks], and by a cache of strings.
type Reader struct {
	// Process is the name of the process that the lines are of; "log" if it is empty. It is set before the first Next.
	Process string
	// MaxLine bounds the length of a line in bytes. 0 means DefaultMaxLine. Longer ones are skipped and counted.
	MaxLine int

	in      io.Reader
	inErr   error // from in; io.EOF at its end
	buf     []byte
	pos     int   // of the next line in buf
	scanned int   // there is no line feed in buf[pos:scanned]
	offset  int64 // of buf[0] in the input
	err     error
	losses  tracefmt.Losses

	line   line
	raw    []byte // of the line of the event that was returned last
	lines  int64
	first  int64 // the first line's time, if timed
	last   int64 // that of the last line that has one
	timed  bool
	queue  []tracefmt.Event // what Next returns before it reads on
	queued int              // how many of them are returned already
	tracks tracks
}

// tracks gives tracks to root tasks and subsystems.
type tracks struct {
	tasks, subsystems map[string]tracefmt.TrackID
	last              tracefmt.TrackID // the highest number given

	stack  string           // the last one of a task that has a track
	track  tracefmt.TrackID // of that task
	parent string           // the innermost ID of that stack
}

const processTrack tracefmt.TrackID = 1

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{in: in} }

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.losses.List() }

// Line returns the text of the line that the last event is of, without its line feed. It is valid until the following
// call of Next, and nil for events that are of no line.
func (r *Reader) Line() []byte { return r.raw }

// Next returns the next event.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if r.queued < len(r.queue) {
			r.queued++
			return &r.queue[r.queued-1], nil
		}
		r.raw = nil
		if r.err != nil {
			return nil, r.err
		}
		r.queue, r.queued = r.queue[:0], 0
		text, at, err := r.readLine()
		if err == nil {
			err = r.take(text, at)
		}
		r.err = err
	}
}

// take turns a line, which begins at the given byte of the input, into events.
func (r *Reader) take(raw []byte, at int64) error {
	text := trim(raw)
	if len(text) == 0 {
		return nil
	}
	r.lines++
	l := &r.line
	if !l.parse(text) {
		if !r.timed && isHuman(text) {
			return r.syntax(at, ErrHuman)
		}
		r.losses.AddAt("line that is no log line", at)
		return nil
	}
	switch {
	case l.timed && !r.timed:
		r.first, r.timed = l.unix, true
		r.emit(tracefmt.Clock, 0).Unix = l.unix
		e := r.emit(tracefmt.Process, processTrack)
		if e.Name = r.Process; e.Name == "" {
			e.Name = "log"
		}
		r.tracks.last = processTrack
	case l.timed:
	case r.timed:
		r.losses.AddAt("line without a time, put where the one before it is", at)
		l.unix = r.last
	default:
		r.losses.AddAt("line without a time, before all that have one", at)
		return nil
	}
	r.last = l.unix
	track, parent := r.place(l)
	e := r.emit(tracefmt.Log, track)
	e.Time, e.Name, e.Severity, e.Parent = l.unix-r.first, l.message, l.severity, parent
	e.Attrs, l.attrs = l.attrs, e.Attrs
	r.raw = raw
	return nil
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID) *tracefmt.Event {
	if len(r.queue) < cap(r.queue) {
		r.queue = r.queue[:len(r.queue)+1]
	} else {
		r.queue = append(r.queue, tracefmt.Event{})
	}
	e := &r.queue[len(r.queue)-1]
	e.Reset()
	e.Kind, e.Track = kind, track
	return e
}

// place returns a line's track, declaring it if it is new, and the ID of its span.
func (r *Reader) place(l *line) (track tracefmt.TrackID, parent string) {
	t := &r.tracks
	if l.stack == "" {
		return processTrack, ""
	}
	if l.stack == t.stack {
		return t.track, t.parent
	}
	stack := tracefmt.Stack(l.stack)
	root := stack.Root()
	if root == "" || t.tasks[root] == 0 && len(t.tasks) >= MaxTracks {
		if l.subsystem == "" {
			return processTrack, stack.Innermost()
		}
		return r.trackOf(&t.subsystems, l.subsystem, "subsystem ", ""), stack.Innermost()
	}
	t.stack, t.parent = l.stack, stack.Innermost()
	t.track = r.trackOf(&t.tasks, root, "task ", l.message)
	return t.track, t.parent
}

// trackOf returns the track of a task or subsystem, or the process's if there are too many. A new one is named after the
// message that it begins with, too, if there is one.
func (r *Reader) trackOf(known *map[string]tracefmt.TrackID, key, sort, message string) tracefmt.TrackID {
	const maxTitle = 80
	if id := (*known)[key]; id != 0 {
		return id
	}
	if len(*known) >= MaxTracks {
		return processTrack
	}
	if *known == nil {
		*known = make(map[string]tracefmt.TrackID)
	}
	r.tracks.last++
	id := r.tracks.last
	(*known)[key] = id
	title := sort + key
	if message != "" {
		title += ": " + message
	}
	e := r.emit(tracefmt.Track, id)
	e.Process, e.SourceID, e.Name = processTrack, tracefmt.Int64(int64(id)), short(title, maxTitle)
	return id
}

// readLine returns the next line, without its line feed, and the byte of the input at which it begins.
func (r *Reader) readLine() (text []byte, at int64, err error) {
	limit := r.MaxLine
	if limit <= 0 {
		limit = DefaultMaxLine
	}
	tooLong := int64(-1) // where a line that is too long began
	for {
		if i := bytes.IndexByte(r.buf[r.scanned:], '\n'); i >= 0 {
			text, at = r.buf[r.pos:r.scanned+i], r.offset+int64(r.pos)
			r.pos = r.scanned + i + 1
			r.scanned = r.pos
			if tooLong < 0 && len(text) <= limit {
				return text, at, nil
			}
			if tooLong < 0 {
				tooLong = at
			}
			r.losses.AddAt(fmt.Sprintf("line longer than %d bytes", limit), tooLong)
			tooLong = -1
			continue
		}
		if len(r.buf)-r.pos > limit || tooLong >= 0 {
			if tooLong < 0 {
				tooLong = r.offset + int64(r.pos)
			}
			r.pos = len(r.buf)
		}
		r.scanned = len(r.buf)
		if err := r.more(); err != nil {
			return r.rest(err, tooLong >= 0)
		}
	}
}

// rest returns what is left of the input when it ends, or fails, without a line feed.
func (r *Reader) rest(err error, tooLong bool) (text []byte, at int64, _ error) {
	text, at = r.buf[r.pos:], r.offset+int64(r.pos)
	end := r.offset + int64(len(r.buf))
	r.pos, r.scanned = len(r.buf), len(r.buf)
	switch {
	case err != io.EOF && errors.Is(err, tracefmt.ErrTruncated):
		r.lines++
		return nil, 0, r.syntax(end, err)
	case err != io.EOF:
		return nil, 0, fmt.Errorf("read log lines: at byte %d: %w", end, err)
	case !tooLong && len(trim(text)) == 0:
		return nil, 0, io.EOF
	case !tooLong && trim(text)[0] == '{' && r.line.parse(trim(text)):
		return text, at, nil // the object is complete
	}
	r.lines++
	return nil, 0, r.syntax(end, tracefmt.ErrTruncated)
}

const (
	firstBuffer = 256 << 10
	maxIdle     = 100 // reads without a byte
)

// more reads more bytes behind those that aren't done with. It returns the input's error if there are none.
func (r *Reader) more() error {
	if r.pos > 0 {
		r.offset += int64(r.pos)
		r.scanned -= r.pos
		r.buf = r.buf[:copy(r.buf, r.buf[r.pos:])]
		r.pos = 0
	}
	if len(r.buf) == cap(r.buf) {
		grown := make([]byte, len(r.buf), max(firstBuffer, 2*cap(r.buf)))
		copy(grown, r.buf)
		r.buf = grown
	}
	for range maxIdle {
		if r.inErr != nil {
			return r.inErr
		}
		var n int
		n, r.inErr = r.in.Read(r.buf[len(r.buf):cap(r.buf)])
		if r.buf = r.buf[:len(r.buf)+n]; n > 0 {
			return nil
		}
	}
	r.inErr = io.ErrNoProgress
	return r.inErr
}

func (r *Reader) syntax(offset int64, err error) error {
	return &tracefmt.SyntaxError{Format: Format.Name, Event: r.lines, Offset: offset, Err: err}
}
