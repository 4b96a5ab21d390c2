package capture

import (
	"errors"

	"github.com/spanstack/spanstack/tracefmt"
)

// A window is a writer of what happens within a time, for formats that add up times: what began earlier begins at its
// start, and what is open when it is closed ends then.
type window struct {
	tracefmt.Writer
	from  int64
	now   func() int64
	open  map[tracefmt.TrackID]int  // how many slices
	async map[string]tracefmt.Event // by key
}

func newWindow(w tracefmt.Writer, now func() int64) *window {
	return &window{Writer: w, from: now(), now: now, open: map[tracefmt.TrackID]int{}, async: map[string]tracefmt.Event{}}
}

// Write adds an event, as an exporter makes them: an async slice that is open is an instant, and whole when it ends.
func (w *window) Write(e *tracefmt.Event) error {
	c := *e
	switch c.Kind {
	case tracefmt.Begin:
		w.open[c.Track]++
	case tracefmt.End:
		w.open[c.Track]--
	case tracefmt.AsyncInstant:
		if open, _ := c.Attr("open").Bool(); !open {
			break
		}
		c.Kind = tracefmt.AsyncBegin
		w.async[c.AsyncKey()] = tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: c.Track, Name: c.Name, Category: c.Category, Key: c.AsyncKey()}
	case tracefmt.AsyncBegin:
		if _, begun := w.async[c.AsyncKey()]; begun {
			return nil
		}
	case tracefmt.AsyncEnd:
		delete(w.async, c.AsyncKey())
	}
	if early := w.from - c.Time; early > 0 && c.Kind.Timed() && c.Kind != tracefmt.Clock {
		if c.Kind == tracefmt.Complete {
			if c.Dur -= early; c.Dur < 0 {
				return nil
			}
		}
		c.Time = w.from
	}
	return w.Writer.Write(&c)
}

// Close ends what is open, and completes the output.
func (w *window) Close() error {
	now := w.now()
	var err error
	for track, n := range w.open {
		for range n {
			err = errors.Join(err, w.Writer.Write(&tracefmt.Event{Kind: tracefmt.End, Track: track, Time: now}))
		}
	}
	for _, e := range w.async {
		e.Time = now
		err = errors.Join(err, w.Writer.Write(&e))
	}
	return errors.Join(err, w.Writer.Close())
}
