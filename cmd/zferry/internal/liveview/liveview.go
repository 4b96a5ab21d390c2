// Package liveview shows what zferry does as a page, which follows it: /debug/trace/ui/ of its listeners.
package liveview

import (
	"context"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/viewer"
)

// keep is how many bytes of what zferry did a page shows, about: it is a part of zferry's own memory while somebody looks.
const keep = 64 << 20

// past is how far back a page begins, as far as the flight recorder goes.
const past = 24 * time.Hour

// Handler returns the page of a recorder, for [capture.Config].
func Handler(rec *trace.Recorder) *viewer.OnDemand {
	open := func(ctx context.Context) (viewer.EventReader, error) {
		return capture.OpenEvents(ctx, rec, past), nil
	}
	return &viewer.OnDemand{New: func() *viewer.Viewer {
		return viewer.New(viewer.Config{Keep: keep}, viewer.LiveEvents("zferry", open))
	}}
}
