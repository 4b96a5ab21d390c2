package zfsmodel

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// Fault is how a subcommand of the model goes wrong. The zero value is none.
type Fault struct {
	// After is how many bytes a send writes, or a receive reads, before the fault happens. Other commands fail at once.
	After int64
	// Text goes to stderr, and Exit is the exit status then; it fails if either is set.
	Text string
	Exit int
	// Block does nothing more for ever instead.
	Block bool
	// Delay is waited at each write of a send and each read of a receive.
	Delay time.Duration
	// IgnoreSIGTERM makes the process deaf to that signal.
	IgnoreSIGTERM bool
}

func (f Fault) fails() bool { return f.Block || f.Text != "" || f.Exit != 0 }

// instead reports whether the command doesn't do anything else.
func (f Fault) instead() bool { return f.fails() && f.After == 0 }

// fault returns the fault of the command.
func (c *command) fault() (Fault, error) {
	text, err := os.ReadFile(c.path("faults.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Fault{}, nil
	}
	faults := make(map[string]Fault)
	if err == nil {
		err = json.Unmarshal(text, &faults)
	}
	return faults[c.name], err
}

// misbehave does what the fault is.
func (c *command) misbehave(f Fault) error {
	for f.Block {
		time.Sleep(time.Hour)
	}
	c.say("%s", f.Text)
	return failure(max(f.Exit, 1))
}

// faultyWriter lets a stream pass until its fault happens.
type faultyWriter struct {
	w io.Writer
	c *command
	f Fault
	n int64
}

func (f Fault) writer(c *command, w io.Writer) io.Writer {
	if !f.fails() && f.Delay == 0 {
		return w
	}
	return &faultyWriter{w: w, c: c, f: f}
}

func (w *faultyWriter) Write(p []byte) (int, error) {
	time.Sleep(w.f.Delay)
	if left := w.f.After - w.n; w.f.fails() && int64(len(p)) >= left {
		n, err := w.w.Write(p[:left])
		if err != nil {
			return n, err
		}
		return n, w.c.misbehave(w.f)
	}
	n, err := w.w.Write(p)
	w.n += int64(n)
	return n, err
}

// faultyReader is a faultyWriter's mirror.
type faultyReader struct {
	r io.Reader
	c *command
	f Fault
	n int64
}

func (f Fault) reader(c *command, r io.Reader) io.Reader {
	if !f.fails() && f.Delay == 0 {
		return r
	}
	return &faultyReader{r: r, c: c, f: f}
}

func (r *faultyReader) Read(p []byte) (int, error) {
	time.Sleep(r.f.Delay)
	if r.f.fails() {
		left := r.f.After - r.n
		if left <= 0 {
			return 0, r.c.misbehave(r.f)
		}
		p = p[:min(int64(len(p)), left)]
	}
	n, err := r.r.Read(p)
	r.n += int64(n)
	return n, err
}
