package zfssend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// LockedError says that another program works on a dataset.
type LockedError struct {
	Dataset string // what is locked: the dataset itself, or one above or below it
	Holder  string // who locks it, such as "process 77"; "" if that isn't known
	Path    string // of the lock's file
}

// Error returns one line.
func (e *LockedError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "another process"
	}
	return fmt.Sprintf("%s is locked by %s (%s)", e.Dataset, holder, e.Path)
}

// Lock locks a dataset against others that lock it, which are programs that use this package; zfs itself knows nothing of it.
// A lock of a tree is one of all datasets below, too, whether they exist or not. The error is a *[LockedError] if it, or one
// that it is part of, or that is part of it, is locked already; Lock doesn't wait. The lock ends with Close, or with the
// process.
//
// Locks are files in [Client.LockDir]. Programs with different ones don't see each other's.
func (c *Client) Lock(_ context.Context, dataset string, tree bool) (io.Closer, error) {
	if _, err := parse(dataset, 0); err != nil {
		return nil, err
	}
	dir, err := c.lockDir()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dataset, err)
	}
	l := &lock{dir: dir}
	if err := l.all(dataset, tree); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// lock is a dataset's lock: those of the trees that it is part of, shared, and its own.
type lock struct {
	dir   string
	files []*os.File
}

func (l *lock) all(dataset string, tree bool) error {
	for i, c := range dataset {
		if c == '/' {
			if err := l.one(dataset[:i], ".tree", syscall.LOCK_SH); err != nil {
				return err
			}
		}
	}
	if tree {
		return l.one(dataset, ".tree", syscall.LOCK_EX)
	}
	if err := l.one(dataset, ".tree", syscall.LOCK_SH); err != nil {
		return err
	}
	return l.one(dataset, ".dataset", syscall.LOCK_EX)
}

// one locks a file.
func (l *lock) one(dataset, kind string, how int) error {
	f, err := os.OpenFile(filepath.Join(l.dir, url.PathEscape(dataset)+kind), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("lock %s: %w", dataset, err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		defer f.Close()
		return &LockedError{Dataset: dataset, Holder: holder(f), Path: f.Name()}
	case err != nil:
		f.Close()
		return fmt.Errorf("lock %s: %w", dataset, err)
	}
	l.files = append(l.files, f)
	if how == syscall.LOCK_EX {
		err = f.Truncate(0)
		if err == nil {
			_, err = f.WriteAt([]byte("process "+strconv.Itoa(os.Getpid())+"\n"), 0)
		}
	}
	return err
}

// holder returns who has written itself into a lock's file, which is whoever locked it last by itself.
func holder(f *os.File) string {
	text := make([]byte, 100)
	n, _ := f.ReadAt(text, 0)
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	return line
}

// Close ends the lock. The files stay: to remove one is a race with who opens it.
func (l *lock) Close() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Truncate(0), f.Close())
	}
	l.files = nil
	return errors.Join(errs...)
}

// lockDir returns the directory for locks, which it makes if there is none. It must not be another user's.
func (c *Client) lockDir() (string, error) {
	dir := cmp.Or(c.LockDir, defaultLockDir())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s isn't a directory of this user", dir)
	}
	return dir, nil
}

func defaultLockDir() string {
	runtime := os.Getenv("XDG_RUNTIME_DIR")
	switch uid := os.Geteuid(); {
	case uid == 0:
		return "/var/run/zferry"
	case runtime != "":
		return filepath.Join(runtime, "zferry")
	default:
		return filepath.Join(os.TempDir(), "zferry-"+strconv.Itoa(uid))
	}
}
