package catapult

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Times that a Viewer waits when the caller's context sets no earlier limit.
// On two cores the page is ready within 2 s of the start, and Chromium exits in
// less than one.
const (
	readyTimeout = 60 * time.Second
	closeTimeout = 10 * time.Second
)

// Options configure Start. The zero value is what tests use.
type Options struct {
	// Chromium is the browser's executable. If empty, the first of chromium,
	// chromium-browser and google-chrome in PATH is used.
	Chromium string

	// ViewerDir is the folder with trace_viewer_full.html and
	// webcomponents.min.js. If empty, it is the Go distribution's.
	ViewerDir string

	// Width and Height are the window's size in CSS pixels, 1600 by 900 if
	// zero. Screenshots have this size unless they are asked to grow.
	Width, Height int
}

// ErrCrashed is returned by a Viewer whose page has died, for instance because
// a trace took all memory. Close it and start another.
var ErrCrashed = errors.New("the viewer's page has crashed")

// Viewer is a headless Chromium with Catapult's trace viewer loaded. It holds
// one trace at a time. Methods may not be called concurrently, apart from
// Close.
type Viewer struct {
	browser     context.Context // chromedp's context of the browser and its only tab
	tab         context.Context // ends also when the tab crashes, with ErrCrashed as its cause
	crash       context.CancelCauseFunc
	cancelAlloc context.CancelFunc
	server      *httptest.Server
	files       *traceFiles
	home        string // folder of all files that the browser keeps outside of its profile
	loaded      bool
	width       int
	height      int

	closeOnce sync.Once
	closeErr  error
}

// Start runs Chromium with a fresh, temporary profile and opens the viewer in
// it. Cancelling ctx kills Chromium; the caller must still call Close, which
// waits until its processes and its profile are gone.
//
// Start returns a *MissingError if Chromium or the viewer's files are not
// installed.
func Start(ctx context.Context, opt Options) (*Viewer, error) {
	chromium, err := findChromium(opt.Chromium)
	if err != nil {
		return nil, err
	}
	dir, err := findViewer(ctx, opt.ViewerDir)
	if err != nil {
		return nil, err
	}

	v := &Viewer{files: &traceFiles{}, width: opt.Width, height: opt.Height}
	if v.width <= 0 {
		v.width = 1600
	}
	if v.height <= 0 {
		v.height = 900
	}
	// The name is short: Chromium binds a socket in it, whose path has a limit of 107 bytes.
	if v.home, err = os.MkdirTemp("", "ct"); err != nil {
		return nil, fmt.Errorf("start chromium: %w", err)
	}
	v.server = httptest.NewServer(newHandler(dir, v.files))
	allocator, cancelAlloc := chromedp.NewExecAllocator(ctx, v.allocatorOptions(chromium)...)
	v.cancelAlloc = cancelAlloc
	v.browser, _ = chromedp.NewContext(allocator, // Close cancels it, through chromedp.Cancel
		chromedp.WithErrorf(func(string, ...any) {})) // it logs what the methods return, and lost pipes after a kill
	v.tab, v.crash = context.WithCancelCause(v.browser)

	if err := v.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open trace viewer in %s: %w", chromium, err), v.Close())
	}
	return v, nil
}

// open starts the browser, and waits until the page's HTML import is
// registered: Chromium has no HTML imports of its own any more, the polyfill
// loads the viewer after the page's load event.
func (v *Viewer) open(ctx context.Context) error {
	err := chromedp.Listen(v.browser, func(event any) {
		if _, ok := event.(*inspector.EventTargetCrashed); ok {
			v.crash(ErrCrashed)
		}
	})
	if err != nil {
		return err
	}
	err = chromedp.Do(v.browser,
		chromedp.EmulateViewport(int64(v.width), int64(v.height)),
		chromedp.Navigate(v.server.URL+"/"))
	if err != nil {
		return err
	}
	failure, err := run(ctx, v, chromedp.Poll[string](
		`driver.error || (driver.ready && "ready")`, chromedp.WithPollingTimeout(readyTimeout)))
	if err != nil {
		return fmt.Errorf("wait for the viewer page: %w", err)
	}
	if failure != "ready" {
		return errors.New(failure)
	}
	return nil
}

// Load imports a trace in any form that the viewer knows and reports what the
// viewer made of it. Warnings are in the report; if the importer gives up, the
// error is an *ImportError.
func (v *Viewer) Load(ctx context.Context, trace []byte) (*Report, error) {
	v.loaded = false
	url := v.files.add(trace)
	defer v.files.remove(url)
	text, err := eval[string](ctx, v, fmt.Sprintf("driver.load(%q)", url))
	if err != nil {
		return nil, fmt.Errorf("load trace: %w", err)
	}
	report, err := decodeReport([]byte(text))
	if err != nil {
		return nil, err
	}
	v.loaded = true
	return report, nil
}

// Close stops Chromium and waits until its processes have ended and its
// profile is removed. It may be called twice and by another goroutine; the
// methods in progress then fail.
func (v *Viewer) Close() error {
	v.closeOnce.Do(func() {
		ctx, cancel := context.WithTimeout(v.browser, closeTimeout)
		defer cancel()
		err := chromedp.Cancel(ctx)
		if v.browser.Err() != nil && errors.Is(err, context.Canceled) {
			err = nil // the context of Start was cancelled and has killed Chromium
		}
		v.crash(nil)
		v.cancelAlloc() // waits for the process, and kills it if Cancel failed
		v.server.Close()
		if err := errors.Join(err, os.RemoveAll(v.home)); err != nil {
			v.closeErr = fmt.Errorf("close chromium: %w", err)
		}
	})
	return v.closeErr
}

// run runs an action in the page until it is done, or ctx ends, or the page or
// the browser dies.
func run[T any](ctx context.Context, v *Viewer, action chromedp.Action[T]) (T, error) {
	bound, cancel := context.WithCancelCause(v.tab)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })()
	result, err := chromedp.Run(bound, action)
	if cause := context.Cause(bound); err != nil && cause != nil && cause != context.Canceled {
		err = cause // chromedp says only "context canceled"
	}
	return result, err
}

// eval runs an expression in the page, waits for its promise, and fails also
// when the page reported an uncaught exception meanwhile.
func eval[T any](ctx context.Context, v *Viewer, expression string) (T, error) {
	result, err := run(ctx, v, chromedp.Evaluate[T](expression, awaitPromise))
	if exception, ok := errors.AsType[*chromedp.ExceptionError](err); ok && exception.Exception != nil {
		message, _, _ := strings.Cut(exception.Exception.Description, "\n") // the rest is our own stack
		return result, errors.New(message)
	}
	if err != nil {
		return result, err
	}
	uncaught, err := run(ctx, v, chromedp.Evaluate[[]string](`driver.pageErrors.splice(0)`))
	if err != nil {
		return result, err
	}
	if len(uncaught) > 0 {
		return result, fmt.Errorf("the page reported %d uncaught errors, first: %s", len(uncaught), uncaught[0])
	}
	return result, nil
}

func awaitPromise(p *runtime.EvaluateParams) {
	yes := true
	p.AwaitPromise = &yes
}
