package catapult

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chromedp/chromedp"
)

// viewerFiles are what the Go distribution ships of Catapult.
var viewerFiles = []string{"trace_viewer_full.html", "webcomponents.min.js"}

// MissingError is something that must be installed first.
type MissingError struct {
	What string // the missing thing
	Hint string // how to get it
	Err  error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("find %s: %v (%s)", e.What, e.Err, e.Hint)
}

func (e *MissingError) Unwrap() error { return e.Err }

// findChromium returns the browser's path: the given one, or the first found.
func findChromium(given string) (string, error) {
	names := []string{"chromium", "chromium-browser", "google-chrome"}
	if given != "" {
		names = []string{given}
	}
	var firstErr error
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err == nil {
			return path, nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return "", &MissingError{What: "Chromium", Hint: "on Debian: apt-get install chromium", Err: firstErr}
}

// findViewer returns the folder with the viewer's files: the given one, or the
// one of the Go distribution, where "go tool trace" serves it from.
func findViewer(ctx context.Context, given string) (string, error) {
	dir := given
	if dir == "" {
		root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
		if err != nil {
			return "", &MissingError{What: "the Go distribution", Hint: "put go into PATH", Err: err}
		}
		dir = filepath.Join(strings.TrimSpace(string(root)), "src/internal/trace/traceviewer/static")
	}
	for _, name := range viewerFiles {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", &MissingError{
				What: "Catapult's trace viewer",
				Hint: "it is in the source part of Go 1.21 and later; Debian packages it as golang-src",
				Err:  err,
			}
		}
	}
	return dir, nil
}

// allocatorOptions are chromedp's defaults (headless, a temporary profile, and
// --no-sandbox for root only), what keeps Chromium off the network, and a home
// for what it writes outside of its profile: crash reports and sockets.
func (v *Viewer) allocatorOptions(chromium string) []chromedp.ExecAllocatorOption {
	return append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium),
		chromedp.WindowSize(v.width, v.height),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Env("XDG_CONFIG_HOME="+v.home, "XDG_CACHE_HOME="+v.home, "TMPDIR="+v.home),
	)
}
