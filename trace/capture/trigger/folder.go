package trigger

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A folder is the directory that dumps go to. Their names are
//
//	zferry-20261129T105309.123Z-slow-4711.json
//
// the program, the time in UTC, the trigger and the process's number. Nothing with another name is ever touched.
type folder struct {
	path     string
	program  string
	own      *regexp.Regexp // names of dumps; its group is the part that all files of one dump share
	temps    *regexp.Regexp // names of dumps that are being written
	maxFiles int
	maxBytes int64
}

// Names of files that are being written begin and end with these.
const (
	tempPrefix = "."
	tempSuffix = ".tmp"
)

func newFolder(c Config) folder {
	program := sanitize(strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), "._-")
	stem := regexp.QuoteMeta(program) + `-\d{8}T\d{6}\.\d{3}Z-[a-z0-9+-]+-\d+`
	endings := `(?:` + regexp.QuoteMeta(goTraceEnding) + `|\.[a-z0-9.]+)`
	return folder{
		path: c.Dir, program: program, maxFiles: c.MaxFiles, maxBytes: c.MaxBytes,
		own: regexp.MustCompile(`^(` + stem + `)` + endings + `$`),
		temps: regexp.MustCompile(`^` + regexp.QuoteMeta(tempPrefix) + stem + endings +
			regexp.QuoteMeta(tempSuffix) + `$`),
	}
}

// sanitize replaces all but letters, digits and those in also by dashes.
func sanitize(s, also string) string {
	return cmp.Or(strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(also, r) {
			return r
		}
		return '-'
	}, s), "-")
}

const maxTriggerName = 40 // bytes of a trigger's name in a file's name

// stem returns the name of a new dump, without ending. No two in a process are the same.
func (f *folder) stem(trigger string) string {
	trigger = sanitize(strings.ToLower(trigger), "+")
	trigger = trigger[:min(len(trigger), maxTriggerName)]
	ms := time.Now().UnixMilli()
	for last := lastStem.Load(); ; last = lastStem.Load() { // several watchers may wait for the same signal
		if ms == last {
			ms++
		}
		if lastStem.CompareAndSwap(last, ms) {
			break
		}
	}
	at := time.UnixMilli(ms).UTC().Format("20060102T150405.000Z")
	return f.program + "-" + at + "-" + trigger + "-" + strconv.Itoa(os.Getpid())
}

var lastStem atomic.Int64 // its time, in Unix milliseconds

// check finds out whether files can be made.
func (f *folder) check() error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return err
	}
	file, err := f.temp(f.stem("check") + ".new")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// temp makes a file that will get that name.
func (f *folder) temp(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(f.path, tempPrefix+name+tempSuffix), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// A dumped is a dump in a folder.
type dumped struct {
	stem  string
	names []string
	bytes int64
}

// dumps returns the dumps in the folder, oldest first, and deletes what processes that died left unfinished.
func (f *folder) dumps() (all []dumped, err error) {
	entries, err := os.ReadDir(f.path) // sorted by name, so that files of one dump are neighbours
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it has just been deleted
		}
		if f.temps.MatchString(e.Name()) && time.Since(info.ModTime()) > staleTemp {
			os.Remove(filepath.Join(f.path, e.Name()))
		}
		m := f.own.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if n := len(all); n == 0 || all[n-1].stem != m[1] {
			all = append(all, dumped{stem: m[1]})
		}
		d := &all[len(all)-1]
		d.names, d.bytes = append(d.names, e.Name()), d.bytes+info.Size()
	}
	slices.SortStableFunc(all, func(a, b dumped) int { return strings.Compare(a.stem, b.stem) })
	return all, nil
}

const staleTemp = time.Hour // no dump takes that long

// makeRoom deletes the oldest dumps until there is room for one more of this size.
func (f *folder) makeRoom(bytes int64) error {
	all, err := f.dumps()
	if err != nil {
		return err
	}
	for _, d := range all {
		bytes += d.bytes
	}
	for len(all) > 0 && (len(all) >= f.maxFiles || bytes > f.maxBytes) {
		for _, name := range all[0].names {
			if err := os.Remove(filepath.Join(f.path, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("make room for a new one: %w", err)
			}
		}
		bytes -= all[0].bytes
		all = all[1:]
	}
	return nil
}

// files are the files of a dump that is being written.
type files struct {
	temps []string
	names []string
	bytes int64
}

// create makes a file of that name and lets f write it; if that fails, there is none. All files together have at most
// the bytes that the folder allows.
func (d *files) create(to *folder, name string, f func(io.Writer) error) error {
	if err := os.MkdirAll(to.path, 0o700); err != nil { // somebody may have deleted it
		return err
	}
	file, err := to.temp(name)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // f failed or panicked
			file.Close()
			os.Remove(file.Name())
		}
	}()
	out := &limited{w: file, left: to.maxBytes - d.bytes}
	if err := f(out); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	done = true
	d.temps, d.names = append(d.temps, file.Name()), append(d.names, filepath.Join(to.path, name))
	d.bytes = to.maxBytes - out.left
	return nil
}

// publish gives the files their names, and returns that of the last.
func (d *files) publish() (path string, err error) {
	for len(d.temps) > 0 {
		path = d.names[0]
		if _, err := os.Lstat(path); err == nil {
			return "", &os.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
		if err := os.Rename(d.temps[0], path); err != nil {
			return "", err
		}
		d.temps, d.names = d.temps[1:], d.names[1:]
	}
	return path, nil
}

// discard deletes what wasn't published.
func (d *files) discard() {
	for _, name := range d.temps {
		os.Remove(name)
	}
}

// errTooLarge is the cause of failures of dumps that are larger than all of them may be.
var errTooLarge = errors.New("it is larger than Config.MaxBytes allows; a smaller recorder or a .gz format helps")

// limited fails when more than left bytes are written to it.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (n int, err error) {
	if int64(len(p)) > l.left {
		return 0, errTooLarge
	}
	n, err = l.w.Write(p)
	l.left -= int64(n)
	return n, err
}
