package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome" // the format that is always known
)

// ErrInUse says that another process writes a trace to the same file. It usually is the parent, whose SPANSTACK_TRACE
// its child inherited; "%p" in the name gives each process a file of its own.
var ErrInUse = errors.New(`another process is writing a trace to it; "%p" in the name gives each process its own`)

// A File is a trace that is being written. Its methods may be called concurrently.
type File struct {
	config FileConfig
	names  names
	pump   *pump

	mu   sync.Mutex
	part *part

	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	err     error // of the writing goroutine, until stopped is closed
}

// A part is one of the files that a trace consists of, the only one unless it is limited in size.
type part struct {
	number int // of its name; 0 if that has none
	path   string
	file   *os.File
	out    *counter
	w      tracefmt.Writer
	head   int64 // how much of it was written because it was open
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Start writes all that rec records, from what it still holds until Stop is called, to the file named path, whose
// extension says the format. A file of that name is overwritten, unless a process is writing a trace to it: then the
// error is [ErrInUse].
func Start(path string, rec *trace.Recorder) (*File, error) { return FileConfig{Path: path}.Start(rec) }

// Start is like the function [Start], with what else the configuration says.
func (c FileConfig) Start(rec *trace.Recorder) (*File, error) {
	names, err := c.names()
	if err != nil {
		return nil, fmt.Errorf("write trace %s: %w", c.Path, err)
	}
	first, err := names.create(0)
	if err != nil {
		return nil, fmt.Errorf("write trace: %w", err)
	}
	f := &File{config: c, names: names, part: first, stop: make(chan struct{}), stopped: make(chan struct{}),
		pump: newPump(first.w, rec, trace.ConsumerConfig{})}
	f.pump.flushed = f.rotate
	names.removeOld(first.number, c.Keep)
	go f.run()
	return f, nil
}

// newWriter returns a format's writer to a file. At any cut of that, as it is left by a kill, whole events remain.
func newWriter(format *tracefmt.Format, out io.Writer, packed bool) tracefmt.Writer {
	chrome := format.Name == "chrome"
	switch {
	case packed:
		return format.NewWriter(newMemberWriter(out, chrome))
	case chrome:
		return format.NewWriter(&pageWriter{w: out})
	}
	return format.NewWriter(out)
}

// formatOf returns the format that a file of this name has, and whether it is packed.
func formatOf(path string) (format *tracefmt.Format, packed bool, err error) {
	format = tracefmt.ByExtension(path)
	if format == nil || format.NewWriter == nil || format.Mode != tracefmt.Streaming {
		var known []string
		for _, f := range tracefmt.Formats() {
			if f.NewWriter != nil && f.Mode == tracefmt.Streaming {
				known = append(known, f.Extensions...)
			}
		}
		return nil, false, fmt.Errorf("the name must end with one of %s, and .gz if it is to be packed",
			strings.Join(known, ", "))
	}
	c := tracefmt.CompressionFor(format, path)
	if c != nil && c.Name != "gzip" { // of which it writes members that are complete at any cut
		return nil, false, fmt.Errorf("a capture can be packed as .gz, not as %s", c.Extension)
	}
	return format, c != nil, nil
}

// create opens the file for writing, and empties it once it is sure that nobody else writes to it. Non-blocking, a pipe
// that nobody reads is an error.
func create(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|nonBlocking|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err = lock(file); err == nil {
		if info, statErr := file.Stat(); statErr == nil && info.Mode().IsRegular() {
			err = file.Truncate(0)
		}
	}
	if err != nil {
		file.Close()
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return file, nil
}

func (f *File) run() {
	defer close(f.stopped)
	if f.err = f.pump.run(f.stop); f.err == nil {
		f.err = f.pump.w.Close()
	}
}

// rotate goes on with another file if this one is too large, but not before half of it is news, lest much that is open
// leads to nothing but heads.
func (f *File) rotate() error {
	old := f.part
	if f.config.MaxSize <= 0 || old.out.n < f.config.MaxSize || old.out.n < 2*old.head {
		return nil
	}
	if err := f.pump.w.Close(); err != nil {
		return err
	}
	next, err := f.names.create(old.number)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.part = next
	f.mu.Unlock()
	if err := old.file.Close(); err != nil {
		return err
	}
	f.names.removeOld(next.number, f.config.Keep)
	f.pump.w, f.pump.x = next.w, f.pump.x.follow(next.w, f.pump.rec)
	if err := errors.Join(f.pump.x.export(nil, f.pump.rec.Now()), next.w.Flush()); err != nil {
		return err
	}
	next.head = next.out.n
	return nil
}

func (f *File) current() *part {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.part
}

// Path returns the name of the file that is being written.
func (f *File) Path() string { return f.current().path }

// stopTimeout bounds how long Stop waits for a pipe whose reader is slow.
const stopTimeout = 2 * time.Second

// Stop writes what is left, completes the file and closes it. What is still open stays open in it. It returns the
// first error of writing the file; only the first call does anything. If the file is a pipe whose reader stalls, it gives
// up after two seconds.
func (f *File) Stop() error {
	if f == nil {
		return nil
	}
	f.once.Do(func() {
		close(f.stop)
		select {
		case <-f.stopped:
		case <-time.After(stopTimeout):
			f.current().file.SetWriteDeadline(time.Now()) // without effect on a file on disk: it never takes that long
			<-f.stopped
		}
		p := f.current()
		if err := errors.Join(f.err, p.file.Close()); err != nil {
			f.err = fmt.Errorf("write trace %s: %w", p.path, err)
		}
	})
	return f.err
}
