package capture

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// capture serves what is recorded in the next seconds.
func (h *handler) capture(w http.ResponseWriter, r *request) error {
	d, err := r.seconds(5*time.Second, h.config.MaxTime)
	if err != nil {
		return err
	}
	format, err := r.format(false)
	if err != nil {
		return err
	}
	return h.during(w, r, format, d, format.NewWriter)
}

// profile serves the same as a profile, of these seconds alone. Its format is another package's.
func (h *handler) profile(w http.ResponseWriter, r *request) error {
	d, err := r.seconds(30*time.Second, h.config.MaxTime)
	if err != nil {
		return err
	}
	format := tracefmt.Lookup("pprof")
	if format == nil || format.NewWriter == nil {
		return refusal{status: http.StatusNotImplemented,
			reason: "this program can't write profiles: it has to import github.com/spanstack/spanstack/tracefmt/pprof"}
	}
	return h.during(w, r, format, d, func(out io.Writer) tracefmt.Writer {
		return newWindow(format.NewWriter(out), h.config.Recorder.Now)
	})
}

// during serves what is recorded within a time. If the client goes away, or the server ends, it ends early.
func (h *handler) during(w http.ResponseWriter, r *request, format *tracefmt.Format, d time.Duration,
	newWriter func(io.Writer) tracefmt.Writer) error {
	if r.Method == http.MethodHead {
		r.file(w, format)
		return nil
	}
	release, err := h.captures.take("captures")
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(r.Context(), d)
	defer cancel()
	out := r.file(w, format)
	p := newPump(newWriter(out), h.config.Recorder, trace.ConsumerConfig{FromNow: true})
	if format.Mode != tracefmt.Streaming {
		p.room = h.config.MaxRecords
	}
	_ = p.record(ctx, out) // the client is gone
	_ = out.Close()
	return nil
}

// stream serves what is open and what comes, until the client goes away.
func (h *handler) stream(w http.ResponseWriter, r *request) error {
	last, err := r.last()
	if err != nil {
		return err
	}
	if !r.query.Has("last") {
		last = 0
	}
	format, err := r.format(true)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		r.file(w, format)
		return nil
	}
	release, err := h.streams.take("streams")
	if err != nil {
		return err
	}
	defer release()
	out := r.file(w, format)
	out.show() // the client sees that it is connected
	_ = StreamLast(r.Context(), out, format, h.config.Recorder, last)
	_ = out.Close()
	return nil
}

// flight serves what the flight recorder holds.
func (h *handler) flight(w http.ResponseWriter, r *request) error {
	last, err := r.last()
	if err != nil {
		return err
	}
	debug, err := r.debug()
	if err != nil {
		return err
	}
	format, err := r.format(false)
	if err != nil && !(debug && !r.query.Has("format")) {
		return err
	}
	begin := func() *answer { return r.file(w, format) }
	if debug {
		begin = func() *answer { return r.answer(w, "text/plain; charset=utf-8", true) }
	}
	if r.Method == http.MethodHead {
		begin()
		return nil
	}
	release, err := h.captures.take("captures")
	if err != nil {
		return err
	}
	defer release()
	rec := h.config.Recorder
	records := since(rec.Snapshot(), rec.Now(), last)
	out := begin()
	if debug {
		_ = writeLines(out, rec, records)
	} else {
		_ = write(out, format, rec, records)
	}
	_ = out.Close()
	return nil
}

// since leaves out what was over before the last part of the time.
func since(records []trace.Record, now int64, last time.Duration) []trace.Record {
	if int64(last) > now {
		return records
	}
	return notBefore(records, now-int64(last))
}

// notBefore leaves out what was over before a time.
func notBefore(records []trace.Record, from int64) []trace.Record {
	return slices.DeleteFunc(records, func(r trace.Record) bool {
		switch {
		case r.Kind == trace.KindClock, r.Kind == trace.KindLoss, r.Phase == trace.PhaseBegin, r.Phase == trace.PhaseGone:
			return false
		}
		return max(r.Start, r.End) < from
	})
}
