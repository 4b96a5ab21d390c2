package machine

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// cpioEntry is an entry as a reader of the archive sees it.
type cpioEntry struct {
	name string
	mode uint32
	data string
	ino  uint64
}

// readCPIO parses newc archives that follow each other, by the format's description, independently of the writer.
func readCPIO(data []byte) ([]cpioEntry, error) {
	var entries []cpioEntry
	for pos := 0; pos < len(data); {
		if len(data)-pos < 110 || string(data[pos:pos+6]) != "070701" {
			return nil, fmt.Errorf("no header at %d", pos)
		}
		field := func(i int) int {
			n, err := strconv.ParseUint(string(data[pos+6+8*i:pos+14+8*i]), 16, 32)
			if err != nil {
				panic(err)
			}
			return int(n)
		}
		size, nameSize := field(6), field(11)
		e := cpioEntry{ino: uint64(field(0)), mode: uint32(field(1))}
		name := string(data[pos+110 : pos+110+nameSize])
		if name[nameSize-1] != 0 {
			return nil, fmt.Errorf("name %q is not terminated", name)
		}
		e.name = name[:nameSize-1]
		start := (pos + 110 + nameSize + 3) &^ 3
		e.data = string(data[start : start+size])
		pos = (start + size + 3) &^ 3
		if e.name != "TRAILER!!!" {
			entries = append(entries, e)
		} else if size != 0 {
			return nil, fmt.Errorf("trailer has %d bytes", size)
		}
	}
	return entries, nil
}

func TestCPIOEntries(t *testing.T) {
	var buf bytes.Buffer
	w := newCPIOWriter(&buf)
	for _, err := range []error{
		w.Bytes("a/b/program", 0o755, "\x7fELF1"),
		w.Dir("a", 0o700), // is there already
		w.Symlink("a/link", "b/program"),
		w.Dir("tmp", 0o777|fs.ModeSticky),
		w.Bytes("a/empty", 0o4600, ""),
		w.Bytes("a/setuid", 0o755|fs.ModeSetuid, "x"),
		w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if buf.Len()%4 != 0 {
		t.Errorf("length %d is no multiple of 4, so the next archive would not be found", buf.Len())
	}
	entries, err := readCPIO(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	inodes := map[uint64]bool{}
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%06o %s %q", e.mode, e.name, e.data))
		if inodes[e.ino] {
			t.Errorf("%s shares inode number %d", e.name, e.ino)
		}
		inodes[e.ino] = true
	}
	want := []string{
		`040755 a ""`, `040755 a/b ""`, `100755 a/b/program "\x7fELF1"`, `120777 a/link "b/program"`,
		`041777 tmp ""`, `100600 a/empty ""`, `104755 a/setuid "x"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCPIORefuses(t *testing.T) {
	for _, name := range []string{"", ".", "/etc/passwd", "../x", "a/../../x", "a//b", "a\x00b", strings.Repeat("n", 4096)} {
		if err := newCPIOWriter(&bytes.Buffer{}).Bytes(name, 0o644, ""); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	w := newCPIOWriter(&bytes.Buffer{})
	if err := w.File("short", 0o644, 5, strings.NewReader("four")); err == nil {
		t.Error("a file shorter than its size was taken")
	}
	if err := w.File("huge", 0o644, 1<<32, strings.NewReader("")); err == nil {
		t.Error("a file of 4 GiB was taken")
	}
}

func TestCPIORoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		files := rapid.MapOf(rapid.StringMatching(`[a-z]{1,9}`), rapid.SliceOfN(rapid.Byte(), 0, 9)).Draw(t, "files")
		var buf bytes.Buffer
		w := newCPIOWriter(&buf)
		for name, data := range files {
			if err := w.File("d/"+name, 0o644, int64(len(data)), bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		entries, err := readCPIO(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name, ok := strings.CutPrefix(e.name, "d/")
			if !ok {
				continue
			}
			if data, there := files[name]; !there || e.data != string(data) {
				t.Fatalf("%s holds %q, want %q", e.name, e.data, data)
			}
			delete(files, name)
		}
		if len(files) != 0 {
			t.Fatalf("missing: %v", files)
		}
	})
}

func TestAddTree(t *testing.T) {
	var buf bytes.Buffer
	w := newCPIOWriter(&buf)
	payload := fstest.MapFS{
		"run":            {Data: []byte("#!/bin/sh\n"), Mode: 0o755},
		"testdata/x.txt": {Data: []byte("x"), Mode: 0o640},
		"latest":         {Data: []byte("testdata/x.txt"), Mode: fs.ModeSymlink | 0o777},
	}
	if err := addTree(w, "payload", payload); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := readCPIO(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		got[e.name] = fmt.Sprintf("%o %s", e.mode, e.data)
	}
	for name, want := range map[string]string{"payload/run": "100755 #!/bin/sh\n", "payload/testdata/x.txt": "100640 x",
		"payload/latest": "120777 testdata/x.txt"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}

	payload["pipe"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	if err := addTree(newCPIOWriter(&buf), "payload", payload); err == nil || !strings.Contains(err.Error(), "pipe") {
		t.Errorf("a pipe in the payload: error %v, want one that names it", err)
	}
}
