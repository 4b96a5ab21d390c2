package logging

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Config says where lines go, which and how. The zero value is human format at level info on stderr.
type Config struct {
	Level  Levels
	Format Format
	// File is the path of a file that lines are appended to; "" or "-" is stderr. A new file gets mode 0600. Several
	// programs may append to one file.
	File  string
	Stack StackStyle

	QueueBytes   int           // see [QueueConfig].Bytes
	FlushTimeout time.Duration // see [QueueConfig].FlushTimeout
}

// Largest writes: a pipe takes up to PIPE_BUF bytes in one piece, which is 4096 on Linux and 512 on FreeBSD, where most
// lines still fit. Appending to a regular file is in one piece anyway.
const (
	pipeChunk = 4 << 10
	fileChunk = 64 << 10
)

// Open opens the outlet of c and returns a handler for it. It must be closed, lest the last lines are lost.
func Open(c Config) (*Handler, error) {
	out, err := openOutlet(c.File)
	if err != nil {
		return nil, err
	}
	o := Options{Levels: c.Level, Format: c.Format, Stack: c.Stack}
	return NewFileHandler(out, o, QueueConfig{Bytes: c.QueueBytes, FlushTimeout: c.FlushTimeout}), nil
}

// NewFileHandler returns a handler for an open file, pipe or terminal, which it closes at the end. Lines wait in a
// [Queue]; whether they have colours depends on f, and so does the queue's Chunk, unless there is one.
func NewFileHandler(f *os.File, o Options, q QueueConfig) *Handler {
	o.Color = wantsColor(f)
	if q.Chunk == 0 {
		q.Chunk = pipeChunk
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			q.Chunk = fileChunk
		}
	}
	h := NewHandler(NewQueue(f, q), o)
	h.core.closer = f
	return h
}

// How long a line waits for a default stderr that nobody will flush at exit.
const stderrWait = 100 * time.Millisecond

// stderrHandler is the process's default as long as there is no other. Nobody closes it, so that each line waits for
// being written, though not for ever.
var stderrHandler = sync.OnceValue(func() *Handler {
	out, err := openOutlet("")
	if err != nil {
		out = os.Stderr
	}
	return NewFileHandler(out, Options{}, QueueConfig{Wait: stderrWait})
})

func openOutlet(path string) (*os.File, error) {
	if path == "" || path == "-" {
		return DupStd(os.Stderr)
	}
	return OpenFile(path, 0o600)
}

// OpenFile opens a file for lines to be appended to it, also by several programs, and creates it with the given
// permissions if need be. A last line that another program has left incomplete is ended. Errors are of type
// [*OpenError].
func OpenFile(path string, mode fs.FileMode) (*os.File, error) {
	// O_NONBLOCK: a FIFO that nobody reads is an error instead of a hang. Regular files don't care.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, mode)
	if err != nil {
		return nil, openError(path, err)
	}
	if err := completeLastLine(f, path); err != nil {
		f.Close()
		return nil, openError(path, err)
	}
	return f, nil
}

// An OpenError says that a log file could not be opened.
type OpenError struct {
	Path string
	Err  error
}

func (e *OpenError) Error() string { return "open log file " + e.Path + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *OpenError) Unwrap() error { return e.Err }

func openError(path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if errors.Is(err, syscall.ENXIO) {
		err = errors.New("it is a FIFO that nobody reads")
	}
	return &OpenError{Path: path, Err: err}
}

// completeLastLine ends a line that a program which died left incomplete. A program that lives may be in the middle of
// one, too, which it completes itself: so each holds a shared lock while it has the file open, and only who gets the
// exclusive one looks. Where locks don't work, the line stays as it is.
func completeLastLine(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	defer flock(f, syscall.LOCK_SH|syscall.LOCK_NB)
	if flock(f, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	r, err := os.Open(path)
	if err != nil {
		return nil // it is not ours to read
	}
	defer r.Close()
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	var last [1]byte
	if _, err := r.ReadAt(last[:], size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.Write([]byte{'\n'})
	return err
}

func flock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	ctlErr := conn.Control(func(fd uintptr) { err = syscall.Flock(int(fd), how) })
	return errors.Join(ctlErr, err)
}

// DupStd returns [os.Stdout] or [os.Stderr] under another descriptor: the Go runtime ends a program that gets SIGPIPE on
// descriptor 1 or 2, while the loss of a log should not end anything.
func DupStd(std *os.File) (*os.File, error) {
	name := filepath.Base(std.Name())
	conn, err := std.SyscallConn()
	if err != nil {
		return nil, &OpenError{Path: name, Err: err}
	}
	fd := -1
	var dupErr error
	err = conn.Control(func(old uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = syscall.Dup(int(old)); dupErr == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if fd < 0 {
		return nil, &OpenError{Path: name, Err: errors.Join(err, dupErr)}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// wantsColor reports whether f is a terminal and nobody objects: see https://no-color.org.
func wantsColor(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
