package zfssend

import (
	"errors"
	"io"
	"os"
	"time"
)

// output is what a command answers on stdout.
type output struct {
	pipe *os.File
	text []byte // may be read after done
	err  error  // likewise
	done chan struct{}
}

// outputDelay bounds how long the exit of a command waits for the end of its output, which another process may hold.
const outputDelay = 5 * time.Second

// errOutputHeld is the failure of a command whose output has no end. What there is of it may be less than all: a list, say, that
// lacks datasets, and looks complete.
var errOutputHeld = errors.New("zfs exited 0, but another process holds its output open")

// newOutput returns an output that is being read, and the end of its pipe for the command. The caller must close both.
func newOutput() (*output, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	o := &output{pipe: r, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		o.text, o.err = io.ReadAll(o.pipe)
	}()
	return o, w, nil
}

// wait waits for the end of the output of a command that has exited, and reports whether it came within the bound.
func (o *output) wait(bound time.Duration) (text []byte, whole bool) {
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-o.done:
	case <-timer.C:
		o.close()
	}
	return o.text, o.err == nil
}

// close ends the reading.
func (o *output) close() {
	o.pipe.Close()
	<-o.done
}
