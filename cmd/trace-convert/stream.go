package main

import (
	"context"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/filter"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// eventSize is about what an event takes in memory, in bytes, without long texts.
const eventSize = 512

// minWindow is the least number of events among which the order of time is found, whatever memory they take.
const minWindow = 1 << 10

// streams reports whether a large input can be converted without holding it. Logs can't: their lines get tracks.
// Nor can what flags leave of a trace if it depends on what comes later in it, but for its end, for which a file is
// read twice.
func (c *conversion) streams(s *source) bool {
	_, isLog := s.Reader.(*spanlog.Reader)
	return !c.summary && c.format.Mode != tracefmt.Whole && !isLog &&
		(c.filter.options.Streams() || c.filter.options.StreamsWithin() && s.isFile())
}

// A head is a reader whose first events are at hand.
type head struct {
	events []*tracefmt.Event
	err    error // what came behind them, if the input ended
	rest   tracefmt.Reader
}

// newHead reads events until they take some bytes of memory, or until the input ends: then there are no more.
func newHead(r tracefmt.Reader, bytes int64) (h *head, more bool) {
	h = &head{rest: r}
	for bytes > 0 {
		e, err := r.Next()
		if err != nil {
			h.err = err
			return h, false
		}
		h.events = append(h.events, e.Clone())
		bytes -= eventSize
		for _, a := range e.Attrs {
			if k := a.Value.Kind(); k == tracefmt.StringValue || k == tracefmt.RawValue { // others would be rendered for it
				bytes -= int64(len(a.Value.String()))
			}
		}
	}
	return h, true
}

// Next implements tracefmt.Reader.
func (h *head) Next() (*tracefmt.Event, error) {
	if len(h.events) > 0 {
		e := h.events[0]
		h.events[0] = nil
		h.events = h.events[1:]
		return e, nil
	}
	if h.err != nil {
		return nil, h.err
	}
	return h.rest.Next()
}

// Losses implements tracefmt.LossReporter.
func (h *head) Losses() []tracefmt.Loss { return tracefmt.LossesOf(h.rest) }

// isFile reports whether the source can be opened again.
func (s *source) isFile() bool { return s.file != nil && !s.slow }

// leave makes s read in the order of time, as far as the memory allows, what the flags leave of it.
func (c *conversion) leave(ctx context.Context, s *source) error {
	if !c.filter.options.Streams() {
		again, err := c.open(ctx, s.shown)
		if err != nil {
			return err
		}
		defer again.close()
		extent, _ := filter.Survey(again) // the error comes again, and is told then
		c.filter.options = c.filter.options.Within(extent)
	}
	s.Reader = c.filter.wrap(timeline.NewStream(s.Reader, max(minWindow, int(c.memory/8/eventSize))))
	return nil
}

// stream converts what is too large to be held.
func (c *conversion) stream(ctx context.Context, s *source, out io.Writer) error {
	if err := c.leave(ctx, s); err != nil {
		return err
	}
	return c.pack(out, func(out io.Writer) error {
		w := c.limited(c.format.NewWriter(out))
		n := int64(0)
		for {
			e, err := s.Next()
			if err == io.EOF {
				err = nil
			} else if err == nil {
				n++
				if err := w.Write(e); err != nil {
					return err
				}
				continue
			}
			if err := c.ended(ctx, s, n, "events", err); err != nil {
				return err
			}
			break
		}
		if err := w.Close(); err != nil {
			return err
		}
		c.lost("write "+c.format.Name, tracefmt.LossesOf(w))
		c.reportFilter()
		return c.complete()
	})
}
