package machine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// BuildOptions say what [Build] builds. The zero value is the usual image, quietly.
type BuildOptions struct {
	// Line is the ZFS release line; empty means [DefaultLine].
	Line string
	// CacheDir is where images are kept; empty means [DefaultCacheDir].
	CacheDir string
	// Refresh asks Debian's archive for newer versions even if there is an image. If the archive can't be reached, the
	// image there is remains in use, and Progress is told.
	Refresh bool
	// Progress, if not nil, is called with what happens, never by two goroutines at once. It should return quickly.
	Progress func(Event)
}

// An Event tells of a build's progress.
type Event struct {
	Kind EventKind
	Text string // step's name, or the note

	Step, Steps int // number of the step, from 1, and how many there are

	Elapsed, Expected           time.Duration // of the step
	TotalElapsed, TotalExpected time.Duration // of the whole build
}

// EventKind is what an [Event] tells.
type EventKind int

// The kinds of events. A build is a sequence of steps, each of which starts, runs for a while, and is done or fails.
const (
	Note        EventKind = iota // a message; the numbers are zero
	StepStarted                  // a step starts
	StepRunning                  // it still runs; sent about once a second
	StepDone                     // it ended well
	StepFailed                   // it failed; Build returns the error
)

// A StepError says which step of a build failed. It matches [ErrUnavailable] if Debian's archive could not be reached.
type StepError struct {
	Step string // name
	Log  string // path of the step's whole output
	Tail string // its last lines
	Err  error

	unavailable bool
}

func (e *StepError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v", e.Step, e.Err)
	if e.Tail != "" {
		fmt.Fprintf(&b, "\nThe end of its log:\n%s", indent(e.Tail))
	}
	if e.Log != "" {
		fmt.Fprintf(&b, "\nThe whole log is in %s", e.Log)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrUnavailable] and this is such a failure.
func (e *StepError) Is(target error) bool { return target == ErrUnavailable && e.unavailable }

// Build returns an image, which it builds if the cache has none of the line that this version of the recipe made.
// A cached image is used as it is, without asking for newer versions and without a network, unless Refresh is set.
// A build takes some minutes and a few hundred megabytes of disk, most of it only while it runs. Another process that
// builds in the same cache is waited for. When ctx ends, all that the build started is killed and removed.
//
// The host needs [HostPackages]. The build changes nothing outside the cache's directory.
func Build(ctx context.Context, opts BuildOptions) (*Image, error) {
	l, err := findLine(opts.Line)
	if err != nil {
		return nil, err
	}
	c, err := openCache(opts.CacheDir)
	if err != nil {
		return nil, err
	}
	b := &build{cache: c, line: l, progress: opts.Progress}
	if !opts.Refresh {
		if img, err := c.newest(l); img != nil || err != nil {
			return img, err
		}
	}
	if err := checkBuildHost(); err != nil {
		return nil, err
	}
	release, err := c.lock(ctx, func(owner string) {
		b.note("another process (%s) is building in %s; waiting for it", owner, c.dir)
	})
	if err != nil {
		return nil, err
	}
	defer release()
	present, err := c.newest(l) // another process may have built it by now
	if err != nil {
		return nil, err
	}
	if present != nil && !opts.Refresh {
		return present, nil
	}
	return b.run(ctx, present)
}

// A build is one run of the recipe.
type build struct {
	cache    cache
	line     line
	progress func(Event)

	start       time.Time
	number      int // of the current step
	total       int
	allExpected time.Duration
}

// run makes an image, or returns present, which may be nil, if there is nothing newer.
func (b *build) run(ctx context.Context, present *Image) (*Image, error) {
	c := b.cache
	c.removeBuilds() // what a killed process left; its lock is gone, so nobody uses it
	work, err := os.MkdirTemp(c.dir, buildPrefix)
	if err != nil {
		return nil, err
	}
	defer removeTree(work)
	r := &recipeRun{line: b.line, work: work, image: filepath.Join(work, "image"), logs: filepath.Join(c.dir, logDir)}
	for _, dir := range []string{r.root(), r.image, r.logs} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	first := recipeStep{"read the package lists", 4 * time.Second, r.resolve}
	steps := r.steps()
	b.start, b.total = time.Now(), len(steps)+1
	for _, s := range append(steps, first) {
		b.allExpected += s.expected
	}

	if err := b.step(ctx, first); err != nil {
		if present != nil && ctx.Err() == nil {
			b.note("can't look for newer versions; using the image of %s", present.Built.Format(time.DateOnly))
			return present, nil
		}
		return nil, unavailable(err)
	}
	m := manifest{Recipe: b.line.recipe(), Line: b.line.name, versions: r.versions}
	if have, err := readManifest(filepath.Join(c.dir, m.key())); err == nil {
		b.note("kernel %s and ZFS %s are the newest; nothing to build", m.Kernel, m.ZFS)
		return c.image(m.key(), have), nil
	}
	b.note("building a machine with kernel %s and ZFS %s: about %s on an idle host, once",
		m.Kernel, m.ZFS, rough(b.allExpected))
	for i, s := range steps {
		if err := b.step(ctx, s); err != nil {
			if i == 0 {
				err = unavailable(err)
			}
			return nil, err
		}
	}
	m.Built = time.Now().UTC().Truncate(time.Second)
	if err := writeManifest(r.image, m); err != nil {
		return nil, err
	}
	final := filepath.Join(c.dir, m.key())
	if err := os.RemoveAll(final); err != nil { // a damaged one
		return nil, err
	}
	if err := os.Rename(r.image, final); err != nil {
		return nil, err
	}
	return c.image(m.key(), m), nil
}

// unavailable marks a failure of a step that needs the network.
func unavailable(err error) error {
	if e, ok := errors.AsType[*StepError](err); ok {
		e.unavailable = true
	}
	return err
}

// step runs s with a log of its own and reports on it.
func (b *build) step(ctx context.Context, s recipeStep) error {
	b.number++
	log, err := os.Create(filepath.Join(b.cache.dir, logDir, strings.ReplaceAll(s.name, " ", "-")+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	start := time.Now()
	event := func(kind EventKind) {
		b.send(Event{Kind: kind, Text: s.name, Step: b.number, Steps: b.total,
			Elapsed: time.Since(start), Expected: s.expected,
			TotalElapsed: time.Since(b.start), TotalExpected: b.allExpected})
	}
	event(StepStarted)
	done := make(chan error, 1)
	go func() { done <- s.run(ctx, log) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			event(StepRunning)
			continue
		case err = <-done:
		}
		break
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err == nil {
		event(StepDone)
		return nil
	}
	event(StepFailed)
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return &StepError{Step: s.name, Log: log.Name(), Tail: tailOfFile(log.Name(), tailLines), Err: err}
}

func (b *build) send(e Event) {
	if b.progress != nil {
		b.progress(e)
	}
}

func (b *build) note(format string, args ...any) {
	b.send(Event{Kind: Note, Text: fmt.Sprintf(format, args...)})
}

// removeBuilds removes directories of builds that did not end. The lock must be held.
func (c cache) removeBuilds() {
	left, _ := filepath.Glob(filepath.Join(c.dir, buildPrefix+"*"))
	for _, dir := range left {
		removeTree(dir)
	}
}

// removeTree removes dir, trying again while killed processes still end in it.
func removeTree(dir string) {
	for range 10 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Clean removes the images that [Build] would no longer use, and their tools, and returns their directories. With all it removes every
// image and the logs. It waits for a build that runs. An empty cacheDir is [DefaultCacheDir].
func Clean(ctx context.Context, cacheDir string, all bool) (removed []string, err error) {
	c, err := openCache(cacheDir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	release, err := c.lock(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer release()
	keep := map[string]bool{}
	var kept []string // prefixes of directories with tools
	if !all {
		keep[filepath.Join(c.dir, logDir)] = true
		for _, l := range lines {
			if img, err := c.newest(l); err == nil && img != nil {
				keep[img.Dir] = true
				kept = append(kept, img.toolsPrefix())
			}
		}
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		dir := filepath.Join(c.dir, e.Name())
		if keep[dir] || !ours(e.Name()) || slices.ContainsFunc(kept, func(p string) bool { return strings.HasPrefix(dir, p) }) {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			return removed, err
		}
		removed = append(removed, dir)
	}
	return removed, nil
}

// ours reports whether a name in the cache's directory is one that this package makes.
func ours(name string) bool {
	return name == logDir || strings.HasPrefix(name, buildPrefix) || strings.Contains(name, keyZFS)
}

// tailLines is how many lines of a log an error carries.
const tailLines = 40

// tailOfFile returns the last n lines of a log.
func tailOfFile(file string, n int) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	const window = 64 << 10 // long enough for n lines of compilers
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-window), io.SeekStart)
	}
	var last []string
	for s := bufio.NewScanner(f); s.Scan(); {
		if last = append(last, s.Text()); len(last) > n {
			last = last[1:]
		}
	}
	return strings.Join(last, "\n")
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
