package logfile_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logfile"
)

func open(t *testing.T, c logfile.Config) *logging.Handler {
	t.Helper()
	c.Options.Format = logging.FormatLogfmt
	h, err := logfile.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// logNumbers logs the numbers from first on.
func logNumbers(t *testing.T, h *logging.Handler, first, n int) {
	t.Helper()
	log := logging.GetLogger(logging.WithHandler(t.Context(), h), "x")
	for i := first; i < first+n; i++ {
		log.Info(strconv.Itoa(i))
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func closeLog(t *testing.T, h *logging.Handler) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

// files returns the names of all files of a log, old ones first.
func files(t *testing.T, path string) (names []string) {
	t.Helper()
	names, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if _, err := os.Stat(path); err == nil {
		names = append(names, path)
	}
	return names
}

// numbers returns the numbers in a file.
func numbers(t *testing.T, path string) (list []int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil && strings.HasSuffix(path, ".gz") {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(data)); err == nil {
			data, err = io.ReadAll(z)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " msg=")
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Errorf("%s has the line %q", path, line)
		}
		list = append(list, n)
	}
	return list
}

// wantNumbers wants the files together to have all numbers in order.
func wantNumbers(t *testing.T, paths []string, first, n int) {
	t.Helper()
	var got []int
	for _, path := range paths {
		got = append(got, numbers(t, path)...)
	}
	var want []int
	for i := first; i < first+n; i++ {
		want = append(want, i)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d numbers in %d files, want %d from %d on; they begin with %v", len(got), len(paths), n, first, got[:min(len(got), 10)])
	}
}

func TestSize(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		t.Run(fmt.Sprintf("compressed %t", compressed), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			h := open(t, logfile.Config{Path: path, MaxBytes: 4 << 10, Compress: compressed})
			for i := range 100 {
				logNumbers(t, h, i*10, 10)
			}
			if compressed { // the last ones needn't be when it ends
				for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && !allCompressed(files(t, path)); {
					time.Sleep(10 * time.Millisecond)
				}
			}
			closeLog(t, h)
			names := files(t, path)
			wantNumbers(t, names, 0, 1000)
			if len(names) < 15 {
				t.Errorf("only %d files", len(names))
			}
			if compressed && !allCompressed(names) {
				t.Errorf("not all are compressed: %v", names)
			}
			for _, name := range names {
				info, err := os.Stat(name)
				if err != nil || info.Size() > 4<<10 || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: %v, %v", name, info, err)
				}
			}
		})
	}
}

// allCompressed reports whether all but the last one are.
func allCompressed(names []string) bool {
	return !slices.ContainsFunc(names[:len(names)-1], func(name string) bool { return !strings.HasSuffix(name, ".gz") })
}

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	others := []string{"log.20260131T090500Z.orig", "log.1", "log2.20260131T090500Z", "log.20260131T090500"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	oldest := path + ".20200131T090500Z"
	if err := os.WriteFile(oldest, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, logfile.Config{Path: path, MaxBytes: 1 << 10, Keep: 3})
	for i := range 100 {
		logNumbers(t, h, i, 1)
	}
	closeLog(t, h)
	for _, name := range others {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	names := files(t, path)
	if len(names) != 4 {
		t.Errorf("kept %v", names)
	}
	if _, err := os.Stat(oldest); err == nil {
		t.Error("the oldest one is still there")
	}
	first := numbers(t, names[0])[0]
	wantNumbers(t, names, first, 100-first)
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		h := open(t, logfile.Config{Path: path, Every: time.Hour})
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour + 30*time.Minute)))
		logNumbers(t, h, 0, 2)
		time.Sleep(29 * time.Minute)
		logNumbers(t, h, 2, 1)
		time.Sleep(2 * time.Minute)
		logNumbers(t, h, 3, 1)
		time.Sleep(10 * time.Hour)
		logNumbers(t, h, 4, 1)
		closeLog(t, h)
		names := files(t, path)
		if len(names) != 3 || !slices.Equal(numbers(t, names[0]), []int{0, 1, 2}) || !slices.Equal(numbers(t, names[1]), []int{3}) {
			t.Errorf("the files are %v", names)
		}
		wantNumbers(t, names, 0, 5)
	})
}

// TestEveryAfterRestart: a file with lines of yesterday is rotated before the first one of today.
func TestEveryAfterRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	h := open(t, logfile.Config{Path: path, Every: 24 * time.Hour})
	logNumbers(t, h, 0, 1)
	closeLog(t, h)
	h = open(t, logfile.Config{Path: path, Every: 24 * time.Hour})
	logNumbers(t, h, 1, 1)
	closeLog(t, h)
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(path, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	h = open(t, logfile.Config{Path: path, Every: 24 * time.Hour})
	logNumbers(t, h, 2, 1)
	closeLog(t, h)
	names := files(t, path)
	if len(names) != 2 || !slices.Equal(numbers(t, path), []int{2}) {
		t.Errorf("the files are %v", names)
	}
}

// TestMovedAway is what logrotate does, with and without a signal.
func TestMovedAway(t *testing.T) {
	for _, hup := range []bool{false, true} {
		t.Run(fmt.Sprintf("SIGHUP %t", hup), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			h := open(t, logfile.Config{Path: path, SIGHUP: hup})
			logNumbers(t, h, 0, 5)
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			logNumbers(t, h, 5, 5) // still there
			if hup {
				if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
			} else {
				time.Sleep(1100 * time.Millisecond)
				logNumbers(t, h, 10, 1)
			}
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				if _, err := os.Stat(path); err == nil {
					break
				}
			}
			if hup {
				logNumbers(t, h, 10, 1)
			}
			logNumbers(t, h, 11, 4)
			closeLog(t, h)
			wantNumbers(t, []string{path + ".1"}, 0, 10)
			wantNumbers(t, []string{path}, 10, 5)
		})
	}
}

// TestRotationFails: lines go on, and one of them tells why.
func TestRotationFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	h := open(t, logfile.Config{Path: path, MaxBytes: 1 << 10})
	logNumbers(t, h, 0, 5)
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil { // so that neither renaming nor opening works
		t.Fatal(err)
	}
	logNumbers(t, h, 5, 200)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(filepath.Join(moved, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(data), " msg=\"log file wasn't rotated\""); got < 1 || strings.Count(string(data), "\n") != 205+got {
		t.Errorf("%d complaints in\n%s", got, data)
	}
	if h.Dropped() > 0 {
		t.Errorf("%d were lost", h.Dropped())
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	for want, c := range map[string]logfile.Config{
		"log file: no path": {},
		"log file x: sizes, times and counts can't be negative": {Path: "x", Keep: -1},
		"open log file " + dir + ": is a directory":             {Path: dir},
	} {
		if _, err := logfile.Open(c); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
}

// TestCloseOfWhatHangs: a FIFO that isn't read stands for a disk that hangs.
func TestCloseOfWhatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() // ends what hangs
	h := open(t, logfile.Config{Path: path, SIGHUP: true, Queue: logging.QueueConfig{FlushTimeout: 10 * time.Millisecond}})
	for range 10 {
		logging.GetLogger(logging.WithHandler(t.Context(), h), "x").Info(strings.Repeat("x", 16<<10))
	}
	done := make(chan error, 1)
	go func() { done <- h.Close() }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "it hangs, and can't be closed") || !strings.Contains(err.Error(), "unwritten") {
			t.Errorf("Close: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Close hangs")
	}
}
