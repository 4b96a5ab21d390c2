package catapult

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/chromedp"
)

// ScreenshotOptions configure Screenshot. The zero value draws the timeline in
// the window's size with nothing selected.
type ScreenshotOptions struct {
	// Select is a slice of the last report whose details are shown below the
	// timeline.
	Select *Slice

	// FromMs and ToMs are the time range to show, in milliseconds on the
	// trace's clock; the whole trace if ToMs is not later.
	FromMs, ToMs float64

	// MaxHeight allows the picture to grow up to this many pixels if not all
	// tracks fit into the window.
	MaxHeight int
}

// Screenshot draws the last loaded trace and returns a PNG of the window:
// all flow arrows switched on (the viewer shows none at first), and the notice
// about its polyfill hidden as its own button does.
func (v *Viewer) Screenshot(ctx context.Context, opt ScreenshotOptions) ([]byte, error) {
	if !v.loaded {
		return nil, errors.New("screenshot: no trace is loaded")
	}
	var guid int64
	if opt.Select != nil {
		guid = opt.Select.GUID
	}
	if err := v.resize(ctx, v.height); err != nil { // the last picture may have grown
		return nil, err
	}
	draw := fmt.Sprintf("driver.draw(%d, %g, %g)", guid, opt.FromMs, opt.ToMs)
	missing, err := eval[float64](ctx, v, draw)
	if err != nil {
		return nil, fmt.Errorf("draw trace: %w", err)
	}
	if height := min(v.height+int(missing), opt.MaxHeight); height > v.height {
		if err := v.resize(ctx, height); err != nil {
			return nil, err
		}
		if _, err := eval[float64](ctx, v, draw); err != nil {
			return nil, fmt.Errorf("draw trace: %w", err)
		}
	}
	png, err := run(ctx, v, chromedp.CaptureScreenshot())
	if err != nil {
		return nil, fmt.Errorf("capture screenshot: %w", err)
	}
	return png, nil
}

func (v *Viewer) resize(ctx context.Context, height int) error {
	if _, err := run(ctx, v, chromedp.EmulateViewport(int64(v.width), int64(height))); err != nil {
		return fmt.Errorf("resize window: %w", err)
	}
	return nil
}
