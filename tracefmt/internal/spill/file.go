package spill

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Config says how much memory may be used, and where files are.
type Config struct {
	Memory int64  // bytes of events that are held at a time, with buffers, about
	Dir    string // of temporary files; "" is os.TempDir()
}

func (c Config) buffer() int { return int(min(max(c.Memory/64, 256), 64<<10)) }

// run returns how many bytes of events are sorted at a time.
func (c Config) run() int { return int(min(max(c.Memory/2, 1), 1<<30)) }

// fanIn returns how many runs are merged at a time, so that their buffers take a quarter of the memory.
func (c Config) fanIn() int { return int(min(max(c.Memory/4/int64(c.buffer()), 2), 128)) }

// Error says that a temporary file could not be made, written or read.
type Error struct {
	Op  string // create, write or read
	Dir string // where the file is
	Err error  // the cause, such as a full disk
}

func (e *Error) Error() string { return fmt.Sprintf("%s temporary file in %s: %v", e.Op, e.Dir, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// errDamaged says that a file isn't what was written.
var errDamaged = errors.New("it is damaged")

// file is a temporary file that is written at its end, through a buffer.
type file struct {
	f    *os.File
	dir  string
	name string // to be removed by close; "" if that is done
	buf  []byte
	size int64 // with what is in buf
	err  error // of a write; sticky
}

func create(c Config) (*file, error) {
	dir := c.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	f, err := os.CreateTemp(dir, "spanstack-*.spill")
	if err != nil {
		return nil, &Error{"create", dir, cause(err)}
	}
	s := &file{f: f, dir: dir, buf: make([]byte, 0, c.buffer())}
	if err := os.Remove(f.Name()); err != nil { // open files can't be removed everywhere
		s.name = f.Name()
	}
	return s, nil
}

// cause returns an error of package os without its operation and path.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// write adds bytes to the end.
func (s *file) write(p []byte) error {
	if len(s.buf)+len(p) > cap(s.buf) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.size += int64(len(p))
	if len(p) >= cap(s.buf) {
		return s.put(p)
	}
	s.buf = append(s.buf, p...)
	return s.err
}

func (s *file) flush() error {
	err := s.put(s.buf)
	s.buf = s.buf[:0]
	return err
}

func (s *file) put(p []byte) error {
	if s.err == nil && len(p) > 0 {
		if _, err := s.f.Write(p); err != nil {
			s.err = &Error{"write", s.dir, cause(err)}
		}
	}
	return s.err
}

// readAt fills p from a place.
func (s *file) readAt(p []byte, at int64) error {
	if _, err := s.f.ReadAt(p, at); err != nil {
		return &Error{"read", s.dir, cause(err)}
	}
	return nil
}

// close gives back the file's room.
func (s *file) close() {
	s.f.Close()
	if s.name != "" {
		os.Remove(s.name)
		s.name = ""
	}
	s.buf = nil
}
