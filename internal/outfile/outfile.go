// Package outfile writes the files that commands are told to write, each as a whole or not at all.
//
//	f := &outfile.File{Name: "trace.json"}
//	err := f.Fill(func(w io.Writer) error { … })
//
// A [File] has another name, in the same folder, until it is complete; then it takes the place of the one that was there. A reader sees
// the old file or the new one, and never a part. Symbolic links stay, and what they lead to is replaced. What is there and is no
// regular file, such as /dev/null or a named pipe, is written in place: a root user's "-o /dev/null" must not leave a file there.
package outfile

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
	"syscall"
)

// ErrDiscarded is matched by the errors of a file that was discarded before it had its name.
var ErrDiscarded = errors.New("it was discarded")

// File is a file to write: by Fill at once, or by Create, Write, Close and Commit. Its errors name it. Discard can be called at any time
// by any goroutine, all else by one at a time.
type File struct {
	Name string
	Mode fs.FileMode // of a new file, before the umask; 0 is 0666. One that is there keeps its permissions
	Sync bool        // whether a crash must leave the old file or the new one, too: Close waits for the disk

	file *os.File
	path string // Name, without the symbolic links at its end

	mu        sync.Mutex
	temp      string // the name for now; "" if it has none
	discarded bool
}

// Fill writes the file by produce, whose writer is buffered. If that fails, the old file is still there, or none.
func (f *File) Fill(produce func(io.Writer) error) error {
	if err := f.Create(); err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 256<<10)
	err := produce(b)
	if err == nil {
		err = b.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = f.Commit()
	}
	if err != nil {
		f.Discard()
	}
	return err
}

// Create opens the file, under a name for now. Of a named pipe, it waits for the reader.
func (f *File) Create() error {
	mode := f.Mode
	if mode == 0 {
		mode = 0o666
	}
	old, err := os.Stat(f.Name)
	if err == nil && !old.Mode().IsRegular() {
		f.file, err = os.OpenFile(f.Name, os.O_WRONLY, 0)
		return f.failed(err)
	}
	if err == nil {
		mode = old.Mode().Perm()
	}
	if f.path, err = follow(f.Name); err == nil {
		err = f.create(mode)
	}
	if err == nil && old != nil {
		_ = f.file.Chmod(mode) // whatever the umask is, where the filesystem has permissions
	}
	return f.failed(err)
}

// create makes the temporary file, beside where the file will be.
func (f *File) create(mode fs.FileMode) (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.discarded {
		return ErrDiscarded
	}
	dir, base := filepath.Split(f.path)
	temp := dir + "." + base + "." + rand.Text()[:8] + ".tmp"
	if f.file, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode); err == nil {
		f.temp = temp
	}
	return err
}

// follow returns a path without the symbolic links at its end, of which the last one may lead to nothing.
func follow(path string) (string, error) {
	for range 40 { // as many as Linux follows
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil
		}
		if !filepath.IsAbs(link) {
			dir, _ := filepath.Split(path)
			link = dir + link // not cleaned: ".." of a folder that is a link is elsewhere
		}
		path = link
	}
	return "", syscall.ELOOP
}

// Write writes to the file.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	return n, f.failed(err)
}

// Close ends the writing, before Commit or after it.
func (f *File) Close() error {
	var err error
	if f.Sync && f.path != "" {
		err = f.file.Sync()
	}
	if closeErr := f.file.Close(); err == nil {
		err = closeErr
	}
	return f.failed(err)
}

// Commit gives the file its name. What is written after it can be seen as it comes.
func (f *File) Commit() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.discarded:
		return f.failed(ErrDiscarded)
	case f.temp == "":
		return nil // it was written in place, or has its name
	}
	if err := os.Rename(f.temp, f.path); err != nil {
		return f.failed(err)
	}
	f.temp = ""
	return nil
}

// Discard removes the file if it hasn't got its name, and makes sure that it won't.
func (f *File) Discard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.discarded = true
	if f.temp != "" {
		os.Remove(f.temp)
		f.temp = ""
	}
}

// failed gives an error the file's name, in the place of those that package os has put there.
func (f *File) failed(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("write %s: %w", f.Name, err)
}
