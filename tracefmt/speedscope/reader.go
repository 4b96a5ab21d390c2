package speedscope

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsonstream"
)

// Reader reads speedscope files. It holds a file in compact form, since the names of frames may come behind profiles. If
// the file is broken or cut short, what is before that place is delivered.
type Reader struct {
	in     *jsonstream.Decoder
	events int64 // in the input
	err    error
	losses tracefmt.Losses

	started  bool
	known    bool // frames are
	frames   []frame
	base     int64 // ns
	name     string
	profiles []*profile
	next     int // the profile that is being delivered
	play     player
	queue    []tracefmt.Event
	queued   int // how many of them are returned already
}

// frame is one of shared.frames.
type frame struct {
	name  string
	attrs []tracefmt.Attr
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{in: jsonstream.New(in)} }

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.losses.List() }

// Next returns the next event. Each profile is a track, and its slices are begins and ends.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if r.queued < len(r.queue) {
			r.queued++
			return &r.queue[r.queued-1], nil
		}
		r.queue, r.queued = r.queue[:0], 0
		switch {
		case !r.started:
			r.started = true
			r.err = r.read()
		case r.play.left():
			r.play.step(r)
		case r.next < len(r.profiles):
			r.begin(r.profiles[r.next])
			r.profiles[r.next] = nil
			r.next++
		default:
			return nil, r.err
		}
	}
}

// read reads the whole document. What precedes an error stays.
func (r *Reader) read() error {
	ok, err := r.in.Object(r.member)
	if err == nil && ok {
		err = r.in.End()
	}
	switch {
	case err != nil:
		return r.in.Fail(Format.Name, r.events, err)
	case !ok:
		return r.in.Fail(Format.Name, 0, fmt.Errorf("no object"))
	case !r.known && len(r.profiles) == 0:
		return r.in.Fail(Format.Name, 0, fmt.Errorf("no profiles in it"))
	}
	return io.EOF
}

// member reads a member of the file.
func (r *Reader) member(key string) error {
	switch key {
	case "shared":
		r.known = true
		_, err := r.in.Object(func(key string) error {
			if key != "frames" {
				return r.in.Skip()
			}
			_, err := r.in.Array(r.frame)
			return err
		})
		return err
	case "profiles":
		_, err := r.in.Array(r.profile)
		return err
	case "name":
		text, _, err := r.in.Text()
		r.name = text
		return err
	case keyBase:
		text, _, err := r.in.Text()
		if n, bad := strconv.ParseInt(text, 10, 64); bad == nil {
			r.base = n
		}
		return err
	}
	return r.in.Skip()
}

// frame reads one of the shared frames.
func (r *Reader) frame() error {
	var f frame
	_, err := r.in.Object(func(key string) (err error) {
		switch key {
		case "name":
			f.name, _, err = r.in.Text()
			return err
		case attrFile, attrLine, attrCol:
			v, err := r.in.Value()
			if v != tracefmt.RawJSON("null") {
				f.attrs = append(f.attrs, tracefmt.Attr{Key: key, Value: v})
			}
			return err
		}
		return r.in.Skip()
	})
	r.frames = append(r.frames, f)
	return err
}

// begin declares a profile's track, and has its events come next.
func (r *Reader) begin(p *profile) {
	const process tracefmt.TrackID = 1
	if r.next == 0 {
		r.emit(tracefmt.Process, process).Name = r.name
	}
	id := process + 1 + tracefmt.TrackID(r.next)
	e := r.emit(tracefmt.Track, id)
	e.Process, e.SourceID, e.Name = process, tracefmt.Int64(int64(r.next)+1), p.name
	places, isTime := units[p.unit]
	if !isTime {
		r.losses.AddAt(fmt.Sprintf("profile in %q, read as if they were nanoseconds", p.unit), p.offset)
	}
	r.play = player{profile: p, track: id, places: places}
	r.play.start(r)
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID) *tracefmt.Event {
	r.queue = append(r.queue, tracefmt.Event{Kind: kind, Track: track})
	return &r.queue[len(r.queue)-1]
}
