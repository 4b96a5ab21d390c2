package machine

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range headers {
		content := h.Linkname // of regular files
		if h.Typeflag == tar.TypeReg {
			h.Linkname, h.Size = "", int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, content)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func regular(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: content, Mode: 0o644}
}

// filesIn lists what is below dir as "name=content".
func filesIn(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		name, _ := filepath.Rel(dir, p)
		found = append(found, name+"="+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestUnpackFiles(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "old"), []byte("replaced"), 0o644)
	stream := tarOf(t, tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755},
		regular("./trace.json", "[]"), regular("./a/b/c", ""), regular("old", "new"),
		tar.Header{Typeflag: tar.TypeReg, Name: "./tool", Linkname: "#!", Mode: 0o755})
	r := bytes.NewReader(append(stream, make([]byte, 9000)...)) // padding as some tars write it
	if err := unpackFiles(r, dir, 100); err != nil {
		t.Fatal(err)
	}
	if r.Len() != 0 {
		t.Errorf("%d bytes were left unread, which would block the guest", r.Len())
	}
	if got, want := filesIn(t, dir), []string{"a/b/c=", "old=new", "tool=#!", "trace.json=[]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if st, err := os.Stat(filepath.Join(dir, "tool")); err != nil || st.Mode().Perm()&0o100 == 0 {
		t.Errorf("tool is %v, %v: not executable", st.Mode(), err)
	}
}

// Nothing may be written outside the directory, and one bad entry must not lose the others.
func TestUnpackFilesHostile(t *testing.T) {
	top := t.TempDir()
	dir, outside := filepath.Join(top, "out"), filepath.Join(top, "outside")
	for _, d := range []string{dir, outside} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "trap")); err != nil { // as left by an earlier run
		t.Fatal(err)
	}
	hostile := []tar.Header{
		regular("../outside/up", "x"), regular("/"+outside+"/absolute", "x"), regular("a/../../outside/back", "x"),
		regular("trap/through", "x"), regular("big", strings.Repeat("x", 101)),
		{Typeflag: tar.TypeSymlink, Name: "link", Linkname: outside},
		regular("link/x", "fine: link is a directory now"),
		{Typeflag: tar.TypeLink, Name: "hard", Linkname: "../outside/up"},
		{Typeflag: tar.TypeChar, Name: "null", Devmajor: 1, Devminor: 3},
		{Typeflag: tar.TypeFifo, Name: "fifo"},
	}
	stream := tarOf(t, append(hostile, regular("good", "kept"))...)
	err := unpackFiles(bytes.NewReader(stream), dir, 100)
	failed, ok := errors.AsType[*FilesError](err)
	if !ok || len(failed.Problems) != 9 {
		t.Errorf("got %v, want a FilesError with 9 problems", err)
	}
	if left := filesIn(t, outside); len(left) != 0 {
		t.Errorf("written outside: %q", left)
	}
	os.Remove(filepath.Join(dir, "trap"))
	if got, want := filesIn(t, dir), []string{"good=kept", "link/x=fine: link is a directory now"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A guest that dies while it sends leaves whole files or none, and an error.
func TestUnpackFilesTruncated(t *testing.T) {
	whole := tarOf(t, regular("first", "whole"), regular("second", strings.Repeat("x", 2000)))
	for cut := 0; cut <= len(whole); cut += 17 {
		dir := t.TempDir()
		os.WriteFile(filepath.Join(dir, "second"), []byte("of an earlier run"), 0o644)
		if err := unpackFiles(newMarkReader(bytes.NewReader(whole[:cut]), "mark"), dir, 1<<20); err == nil {
			t.Fatalf("cut at %d: no error", cut)
		}
		files := filesIn(t, dir)
		if !strings.HasPrefix(files[len(files)-1], "second=") {
			t.Fatalf("cut at %d: the file of an earlier run is lost", cut)
		}
		for _, f := range files {
			switch f {
			case "first=whole", "second=of an earlier run", "second=" + strings.Repeat("x", 2000):
			default:
				t.Fatalf("cut at %d: half a file is left: %.40q", cut, f)
			}
		}
	}
}
