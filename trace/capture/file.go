package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome" // the format that is always known
)

// flushInterval is how often new records are written. A span that is open shows up in the file after at most two of
// them.
const flushInterval = 100 * time.Millisecond

// ErrInUse says that another process writes a trace to the same file. It usually is the parent, whose SPANSTACK_TRACE
// its child inherited; "%p" in the name gives each process a file of its own.
var ErrInUse = errors.New(`another process is writing a trace to it; "%p" in the name gives each process its own`)

// A File is a trace that is being written. Its methods may be called concurrently.
type File struct {
	path string
	file *os.File
	w    tracefmt.Writer
	rec  *trace.Recorder
	con  *trace.Consumer
	x    *exporter

	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once
	err     error // of the writing goroutine, until stopped is closed
}

// Start writes all that rec records, from what it still holds until Stop is called, to the file named path, whose
// extension says the format. A file of that name is overwritten, unless a process is writing a trace to it: then the
// error is [ErrInUse].
func Start(path string, rec *trace.Recorder) (*File, error) {
	path = strings.ReplaceAll(path, "%p", strconv.Itoa(os.Getpid()))
	format, err := formatOf(path)
	if err != nil {
		return nil, fmt.Errorf("write trace %s: %w", path, err)
	}
	file, err := create(path)
	if err != nil {
		return nil, fmt.Errorf("write trace: %w", err)
	}
	f := &File{path: path, file: file, w: newWriter(format, file), rec: rec, con: rec.NewConsumer(trace.ConsumerConfig{}),
		stop: make(chan struct{}), stopped: make(chan struct{})}
	f.x = newExporter(f.w, rec)
	go f.run()
	return f, nil
}

func newWriter(format *tracefmt.Format, file *os.File) tracefmt.Writer {
	if format.Name == "chrome" {
		return format.NewWriter(&pageWriter{w: file})
	}
	return format.NewWriter(file)
}

func formatOf(path string) (*tracefmt.Format, error) {
	format := tracefmt.ByExtension(path)
	if format == nil || format.NewWriter == nil || format.Mode != tracefmt.Streaming || strings.HasSuffix(path, ".gz") {
		var known []string
		for _, f := range tracefmt.Formats() {
			if f.NewWriter != nil && f.Mode == tracefmt.Streaming {
				known = append(known, f.Extensions...)
			}
		}
		return nil, fmt.Errorf("the name must end with one of %s", strings.Join(known, ", "))
	}
	return format, nil
}

// create opens the file for writing, and empties it once it is sure that nobody else writes to it. Non-blocking, a pipe
// that nobody reads is an error.
func create(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|nonBlocking, 0o600)
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
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-f.stop:
			_, f.err = f.flush(24)
			f.err = errors.Join(f.err, f.w.Close())
			return
		default:
		}
		more, err := f.flush(4)
		if err != nil {
			f.err = err
			return
		}
		if more {
			continue
		}
		select {
		case <-f.stop:
		case <-tick.C:
		}
	}
}

// flush writes what is new, in at most so many batches: a program may make records faster than anybody can write them.
func (f *File) flush(batches int) (more bool, err error) {
	for more = true; more && batches > 0; batches-- {
		var records []trace.Record
		records, more = f.con.Poll()
		if err := f.x.export(records, f.rec.Now()); err != nil {
			return false, err
		}
		if err := f.w.Flush(); err != nil {
			return false, err
		}
	}
	return more, nil
}

// Path returns the name of the file.
func (f *File) Path() string { return f.path }

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
			f.file.SetWriteDeadline(time.Now()) // without effect on a file on disk: it never takes that long
			<-f.stopped
		}
		if err := errors.Join(f.err, f.file.Close()); err != nil {
			f.err = fmt.Errorf("write trace %s: %w", f.path, err)
		}
	})
	return f.err
}

// Write writes what rec holds now, open tasks and spans included, to out: a snapshot of the flight recorder.
func Write(out io.Writer, format *tracefmt.Format, rec *trace.Recorder) error {
	w := format.NewWriter(out)
	err := newExporter(w, rec).export(rec.Snapshot(), rec.Now())
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	return nil
}
