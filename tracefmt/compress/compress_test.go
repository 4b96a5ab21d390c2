package compress_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/compress"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

func pack(t *testing.T, c *tracefmt.Compression, data []byte) []byte {
	var out bytes.Buffer
	w := c.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// names returns the names of the slices in an input, and how it ended.
func names(in io.Reader) (list []string, packed string, err error) {
	r, err := tracefmt.NewReader(in)
	if err != nil {
		return nil, "", err
	}
	events, err := fmttest.ReadAll(r)
	for _, e := range events {
		if e.Kind == tracefmt.Complete {
			list = append(list, e.Name)
		}
	}
	return list, r.Packed, err
}

// TestFiles reads what the zstd command wrote.
func TestFiles(t *testing.T) {
	for file, want := range map[string]string{
		"two.json": "", "plain.json.zst": "zstd", "frames.json.zst": "zstd", "pzstd.json.zst": "zstd", "long27.json.zst": "zstd",
	} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data))} {
			list, packed, err := names(in)
			if !slices.Equal(list, []string{"a", "b"}) || packed != want || err != nil {
				t.Errorf("%s: slices %q, packed %q, %v", file, list, packed, err)
			}
		}
		if want == "" {
			continue
		}
		for cut := 4; cut < len(data); cut++ {
			list, _, err := names(bytes.NewReader(data[:cut]))
			if !errors.Is(err, tracefmt.ErrTruncated) && !(err == nil && len(list) == 2) { // only a checksum is missing
				t.Errorf("%s, cut at %d: %q, %v, want an error that Is ErrTruncated", file, cut, list, err)
			}
		}
	}
}

// TestWindow refuses a frame that wants 2 GiB of memory.
func TestWindow(t *testing.T) {
	data, err := os.ReadFile("testdata/long31.json.zst")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err = names(bytes.NewReader(data))
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "zstd: ") || !strings.Contains(err.Error(), "window") {
		t.Errorf("error %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("it took %d bytes", n)
	}
}

// TestTruncated wants what is there of a cut file to be delivered.
func TestTruncated(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("[")
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		b := make([]byte, 16)
		for i := range b {
			b[i] = 'a' + byte(random.IntN(26))
		}
		text.WriteString(`{"ph":"X","ts":1,"dur":1,"name":"` + string(b) + "\"},\n")
	}
	for _, c := range []*tracefmt.Compression{compress.Zstd, compress.Gzip} {
		data := pack(t, c, text.Bytes())
		list, packed, err := names(bytes.NewReader(data[:len(data)*3/4]))
		if packed != c.Name || len(list) < 10_000 || len(list) >= 20_000 || !errors.Is(err, tracefmt.ErrTruncated) {
			t.Errorf("%s: %d slices, packed %q, %v", c.Name, len(list), packed, err)
		}
		data[len(data)/2] ^= 1
		if list, _, err = names(bytes.NewReader(data)); err == nil || errors.Is(err, tracefmt.ErrTruncated) {
			t.Errorf("%s, broken: %d slices, %v", c.Name, len(list), err)
		}
	}
}

// TestOtherPrograms has the zstd and gzip commands unpack what is written.
func TestOtherPrograms(t *testing.T) {
	text := bytes.Repeat([]byte(`{"ph":"X","ts":1,"dur":1,"name":"a"},`), 10_000)
	for _, c := range []*tracefmt.Compression{compress.Zstd, compress.Gzip} {
		program, err := exec.LookPath(c.Name)
		if err != nil {
			t.Logf("not compared with the %s command: %v", c.Name, err)
			continue
		}
		cmd := exec.Command(program, "-dc")
		cmd.Stdin = bytes.NewReader(pack(t, c, text))
		out, err := cmd.Output()
		if err != nil || !bytes.Equal(out, text) {
			t.Errorf("%v: %d bytes, %v, want %d", cmd, len(out), err, len(text))
		}
	}
}

func TestExtensions(t *testing.T) {
	for path, want := range map[string]string{"a.json.zst": "zstd", "A.JSON.ZST": "zstd", "a.zst": "zstd", "a.json.gz": "gzip", "a.json": ""} {
		got := ""
		if c := tracefmt.CompressionByExtension(path); c != nil {
			got = c.Name
		}
		if got != want {
			t.Errorf("CompressionByExtension(%q) = %q, want %q", path, got, want)
		}
	}
	if f := tracefmt.ByExtension("a.json.zst"); f == nil || f.Name != "chrome" {
		t.Errorf("a.json.zst has format %v", f)
	}
	selfPacked := &tracefmt.Format{Packed: true}
	if c := tracefmt.CompressionFor(selfPacked, "a.pb.gz"); c != nil {
		t.Errorf("what is packed is packed with %s again", c.Name)
	}
	if c := tracefmt.CompressionFor(selfPacked, "a.pb.gz.zst"); c == nil {
		t.Error("what the name says isn't done")
	}
}

// FuzzReader reads rubbish behind zstd's magic.
func FuzzReader(f *testing.F) {
	for _, file := range []string{"plain.json.zst", "frames.json.zst", "pzstd.json.zst", "long31.json.zst"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := compress.Zstd.NewReader(bytes.NewReader(data))
		if err == nil {
			io.Copy(io.Discard, io.LimitReader(r, 16<<20))
		}
	})
}
