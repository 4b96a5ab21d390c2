package outfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// text returns what fills a file with a text.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// content returns what a file holds, and wants no other one beside it.
func content(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) > 1 {
		t.Errorf("in the folder are %v (%v)", entries, err)
	}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	return string(data)
}

func TestFill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	for _, want := range []string{"one", "two", ""} {
		f := &File{Name: path, Sync: want == "two"}
		if err := f.Fill(text(want)); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestNotWhole has the old file stay, whatever goes wrong, and no other one.
func TestNotWhole(t *testing.T) {
	broken := errors.New("broken")
	for name, fill := range map[string]func(f *File) error{
		"producer fails": func(f *File) error {
			return f.Fill(func(w io.Writer) error { return errors.Join(text(strings.Repeat("new", 1<<20))(w), broken) })
		},
		"discarded before": func(f *File) error {
			f.Discard()
			return f.Fill(text("new"))
		},
		"discarded meanwhile": func(f *File) error {
			return f.Fill(func(w io.Writer) error {
				f.Discard()
				return text("late")(w)
			})
		},
		"discarded at the end": func(f *File) error {
			err := errors.Join(f.Create(), text("new")(f), f.Close())
			f.Discard()
			return errors.Join(err, f.Commit())
		},
	} {
		for _, old := range []string{"", "old"} {
			path := filepath.Join(t.TempDir(), "out")
			if old != "" {
				if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			err := fill(&File{Name: path})
			if !errors.Is(err, broken) && !(errors.Is(err, ErrDiscarded) && strings.HasPrefix(err.Error(), "write "+path+": ")) {
				t.Errorf("%s: %v", name, err)
			}
			if got := content(t, path); got != old {
				t.Errorf("%s: the file holds %q, want %q", name, got, old)
			}
		}
	}
}

// TestNowhere names files that can't be.
func TestNowhere(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{dir: nil, filepath.Join(dir, "none", "out"): fs.ErrNotExist, loop: nil} {
		err := (&File{Name: path}).Fill(text("x"))
		if err == nil || want != nil && !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "write "+path+": ") || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("left over: %v, %v", list, err)
	}
}

// TestCommitEarly has a file be seen while it is written.
func TestCommitEarly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f := &File{Name: path}
	if err := errors.Join(f.Create(), text("one")(f)); err != nil || content(t, path) != "" {
		t.Fatalf("%v: it is there already", err)
	}
	if err := errors.Join(f.Commit(), f.Commit(), text(", two")(f)); err != nil || content(t, path) != "one, two" {
		t.Errorf("%v: %q", err, content(t, path))
	}
	f.Discard()
	if err := f.Close(); err != nil || content(t, path) != "one, two" {
		t.Errorf("%v: what has its name is gone", err)
	}
}
