package logfile

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanstack/spanstack/logging"
)

// checkInterval is how often it is looked whether the path still leads to the file.
const checkInterval = time.Second

// A file is the file that lines go to now. Write is called by the queue's goroutine, reopen and close by others.
type file struct {
	config   Config
	complain func(error)

	mu      sync.Mutex
	f       *os.File
	info    fs.FileInfo
	size    int64
	period  int64     // of the lines in it
	checked time.Time // when the path was looked at
	failed  time.Time // when a rotation failed
	base    string    // of the last rotated file's name
	number  int       // of the names with that base
	closed  bool

	work    sync.WaitGroup // on rotated files
	tidying sync.Mutex     // one at a time
	closing atomic.Bool    // it should come to an end
}

// open opens the file at the path, also in place of one that is open.
func (f *file) open() error {
	opened, err := logging.OpenFile(f.config.Path, f.config.Mode)
	if err != nil {
		return err
	}
	info, err := opened.Stat()
	if err != nil {
		opened.Close()
		return err
	}
	if f.f != nil {
		f.f.Close()
	}
	f.f, f.info, f.size, f.checked = opened, info, info.Size(), time.Now()
	f.period = f.periodOf(info.ModTime())
	return nil
}

// periodOf numbers the times between rotations.
func (f *file) periodOf(t time.Time) int64 {
	if f.config.Every == 0 {
		return 0
	}
	_, offset := t.Zone()
	return (t.UnixNano() + int64(offset)*int64(time.Second)) / int64(f.config.Every)
}

// Write appends lines to the file, or to the next one.
func (f *file) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, os.ErrClosed
	}
	now := time.Now()
	if now.Sub(f.checked) >= checkInterval || now.Before(f.checked) {
		f.follow()
	}
	if f.due(now, len(p)) {
		f.rotate(now)
	}
	if f.size == 0 {
		f.period = f.periodOf(now)
	}
	n, err := f.f.Write(p)
	f.size += int64(n)
	return n, err
}

// due reports whether the file has to be rotated before n more bytes are written. If that fails, it isn't tried at once
// again.
func (f *file) due(now time.Time, n int) bool {
	if f.size == 0 || !f.info.Mode().IsRegular() || now.Sub(f.failed) < checkInterval && !now.Before(f.failed) {
		return false
	}
	return f.config.MaxBytes > 0 && f.size+int64(n) > f.config.MaxBytes || f.periodOf(now) != f.period
}

// follow opens the file anew if its path leads somewhere else.
func (f *file) follow() {
	f.checked = time.Now()
	info, err := os.Stat(f.config.Path)
	if err == nil && os.SameFile(info, f.info) || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err := f.open(); err != nil {
		f.complain(err)
	}
}

// reopen opens the file anew.
func (f *file) reopen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	if err := f.open(); err != nil {
		f.complain(err)
	}
}

// stamp is the time in the names of rotated files.
const stamp = "20060102T150405Z"

// rotate renames the file and opens the next one.
func (f *file) rotate(now time.Time) {
	old := f.nextName(now)
	err := os.Rename(f.config.Path, old)
	if err == nil {
		err = f.open()
	}
	if err != nil {
		f.failed = now
		f.complain(err)
		return
	}
	f.work.Go(func() {
		if err := f.tidy(old); err != nil {
			f.complain(err)
		}
	})
}

// tidy does what is to be done with a rotated file, and with older ones.
func (f *file) tidy(old string) error {
	f.tidying.Lock()
	defer f.tidying.Unlock()
	var err error
	if f.config.Compress && !f.closing.Load() {
		if err = f.compress(old); errors.Is(err, errClosing) {
			err = nil
		}
	}
	return errors.Join(err, f.prune())
}

// errClosing is why a file isn't compressed.
var errClosing = errors.New("the program ends")

// An interruptible is a reader that ends when the file is closed.
type interruptible struct {
	file *file
	from io.Reader
}

// Read implements io.Reader.
func (r *interruptible) Read(p []byte) (int, error) {
	if r.file.closing.Load() {
		return 0, errClosing
	}
	return r.from.Read(p)
}

// nextName returns a name for a rotated file that sorts behind those of all others, also of the same second.
func (f *file) nextName(now time.Time) string {
	base := f.config.Path + "." + now.UTC().Format(stamp)
	if base != f.base {
		f.base, f.number = base, 0
	}
	for {
		name := base
		if i := f.number - 1; i >= 0 {
			name += strings.Repeat("z", i/26) + string(rune('a'+i%26))
		}
		f.number++
		if !taken(name) {
			return name
		}
	}
}

func taken(path string) bool {
	for _, name := range []string{path, path + ".gz"} {
		if _, err := os.Lstat(name); err == nil {
			return true
		}
	}
	return false
}

// compress makes a .gz file of a file, under a temporary name until it is whole.
func (f *file) compress(path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	const temporary = ".gz.tmp"
	out, err := os.OpenFile(path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	z.Name, z.ModTime = filepath.Base(path), info.ModTime()
	_, err = io.Copy(z, &interruptible{f, in})
	err = errors.Join(err, z.Close(), out.Sync(), out.Close())
	if err == nil {
		err = os.Rename(path+temporary, path+".gz")
	}
	if err != nil {
		os.Remove(path + temporary)
		return err
	}
	return os.Remove(path)
}

// rotated is what follows the path in the names of rotated files.
var rotated = regexp.MustCompile(`^\.\d{8}T\d{6}Z[a-z]*(\.gz)?$`)

// prune removes the oldest rotated files.
func (f *file) prune() error {
	if f.config.Keep == 0 {
		return nil
	}
	dir, base := filepath.Split(f.config.Path)
	entries, err := os.ReadDir(filepath.Clean(dir + "."))
	if err != nil {
		return err
	}
	var old []string
	for _, e := range entries {
		if suffix, ok := strings.CutPrefix(e.Name(), base); ok && rotated.MatchString(suffix) && e.Type().IsRegular() {
			old = append(old, e.Name())
		}
	}
	slices.SortFunc(old, func(a, b string) int {
		return strings.Compare(strings.TrimSuffix(a, ".gz"), strings.TrimSuffix(b, ".gz"))
	})
	for _, name := range old[:max(0, len(old)-f.config.Keep)] {
		if rerr := os.Remove(dir + name); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}

// close closes the file. One that is being compressed stays as it is.
func (f *file) close() error {
	f.closing.Store(true)
	f.mu.Lock()
	f.closed = true
	err := f.f.Close()
	f.mu.Unlock()
	f.work.Wait()
	return err
}
