package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// output is where the result goes: standard output, or a file that gets its name when it is complete.
type output struct {
	name   string
	stdout io.Writer

	mu      sync.Mutex // a signal can come at any time
	temp    string     // the file's name for now; empty if there is none
	dropped bool
}

func newOutput(name string, stdout io.Writer) *output { return &output{name: name, stdout: stdout} }

// write calls produce with a writer to the output. If produce fails there is no file afterwards, or the old one.
func (o *output) write(produce func(io.Writer) error) error {
	if o.name == "-" {
		return o.into(o.stdout, "standard output", produce)
	}
	mode := fs.FileMode(0o666)
	if old, err := os.Stat(o.name); err == nil {
		if !old.Mode().IsRegular() { // such as a named pipe
			f, err := os.OpenFile(o.name, os.O_WRONLY, 0)
			if err != nil {
				return fmt.Errorf("write %s: %w", o.name, withoutPath(err))
			}
			defer f.Close()
			return o.into(f, o.name, produce)
		}
		mode = old.Mode().Perm()
	}
	f, err := o.create(mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", o.name, withoutPath(err))
	}
	err = o.into(f, o.name, produce)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("write %s: %w", o.name, withoutPath(closeErr))
	}
	if err != nil {
		return err
	}
	return o.commit()
}

func (o *output) into(f io.Writer, shown string, produce func(io.Writer) error) error {
	w := &named{f, shown}
	b := bufio.NewWriterSize(w, 256<<10)
	if err := produce(b); err != nil {
		return err
	}
	return b.Flush()
}

// named gives errors of a writer its name.
type named struct {
	io.Writer
	name string
}

func (w *named) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = fmt.Errorf("write %s: %w", w.name, withoutPath(err))
	}
	return n, err
}

// create makes the temporary file, beside where the output will be.
func (o *output) create(mode fs.FileMode) (*os.File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dropped {
		return nil, errors.New("interrupted")
	}
	dir, base := filepath.Split(o.name)
	temp := filepath.Join(dir, "."+base+"."+rand.Text()[:8]+".tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		o.temp = temp
	}
	return f, err
}

// commit gives the file its name.
func (o *output) commit() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dropped {
		return errors.New("interrupted")
	}
	if err := os.Rename(o.temp, o.name); err != nil {
		return fmt.Errorf("write %s: %w", o.name, errors.Unwrap(err))
	}
	o.temp = ""
	return nil
}

// discard removes the temporary file, and makes sure that no other comes.
func (o *output) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dropped = true
	if o.temp != "" {
		os.Remove(o.temp)
		o.temp = ""
	}
}
