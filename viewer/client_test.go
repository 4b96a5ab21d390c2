package viewer_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/viewer"
)

// A client asks a viewer as the page does.
type client struct {
	t testing.TB
	h http.Handler
}

// ask sends one request. headers are pairs.
func (c *client) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	c.t.Helper()
	return c.send(c.t.Context(), method, target, body, headers...)
}

// askUntil asks for something that only ends with ctx.
func (c *client) askUntil(ctx context.Context, target string) { c.send(ctx, "GET", target, "") }

func (c *client) send(ctx context.Context, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, method, "http://localhost"+target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w
}

// get asks, and reads the answer into doc. Params are pairs of keys and values.
func (c *client) get(doc any, name string, params ...any) {
	c.t.Helper()
	w := c.ask("GET", "/api/"+name+query(params...), "")
	if w.Code != http.StatusOK {
		c.t.Fatalf("%s%s: %d %.1000s", name, query(params...), w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), doc); err != nil {
		c.t.Fatalf("%s%s: %v", name, query(params...), err)
	}
}

func query(params ...any) string {
	q := url.Values{}
	for i := 0; i < len(params); i += 2 {
		q.Add(fmt.Sprint(params[i]), fmt.Sprint(params[i+1]))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// tiles asks for tiles, and decodes them.
func (c *client) tiles(trace, level int, tiles ...[2]int64) []tile {
	c.t.Helper()
	body, _ := json.Marshal(map[string]any{"level": level, "gen": 1, "tiles": tiles})
	w := c.ask("POST", "/api/tiles"+query("trace", trace), string(body), "Content-Type", "application/json")
	if w.Code != http.StatusOK {
		c.t.Fatalf("tiles: %d %.1000s", w.Code, w.Body)
	}
	list, err := decodeTiles(w.Body.Bytes())
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

// A tile is one as the page gets it.
type tile struct {
	track, level, gen uint32
	index             float64
	rows              []uint32

	start, end       []float64 // of items of slices
	kind, pos, count []uint32
	cover            []float32

	marks []uint32 // counts of items of marks
}

// slices returns how many slices are in the tile.
func (t *tile) slices() (n int64) {
	for _, c := range t.count {
		n += int64(c & (1<<30 - 1))
	}
	return n
}

// A wire reads what docs/viewer-protocol.md describes.
type wire struct {
	b   []byte
	err error
}

func (w *wire) take(n int) []byte {
	if w.err == nil && n > len(w.b) {
		w.err = fmt.Errorf("the answer ends %d bytes early", n-len(w.b))
	}
	if w.err != nil {
		return make([]byte, n)
	}
	b := w.b[:n]
	w.b = w.b[n:]
	return b
}

func (w *wire) u32() uint32  { return binary.LittleEndian.Uint32(w.take(4)) }
func (w *wire) f64() float64 { return math.Float64frombits(binary.LittleEndian.Uint64(w.take(8))) }

func (w *wire) floats(n uint32) (list []float64) {
	for range min(n, uint32(len(w.b))) {
		list = append(list, w.f64())
	}
	return list
}

// uints reads values of 4 bytes, and what pads them.
func (w *wire) uints(n uint32) (list []uint32) {
	for range min(n, uint32(len(w.b))) {
		list = append(list, w.u32())
	}
	if n%2 == 1 {
		w.u32()
	}
	return list
}

func decodeTiles(b []byte) (list []tile, err error) {
	w := &wire{b: b}
	if magic := w.u32(); magic != 0x31545653 {
		return nil, fmt.Errorf("the answer begins with %#x", magic)
	}
	n := w.u32()
	w.f64() // now
	for range n {
		t := tile{track: w.u32(), level: w.u32(), index: w.f64(), gen: w.u32()}
		rows, slices, marks, counts := w.u32(), w.u32(), w.u32(), w.u32()
		w.u32()
		t.rows = w.uints(rows)
		t.start, t.end = w.floats(slices), w.floats(slices)
		t.kind, t.pos, t.count = w.uints(slices), w.uints(slices), w.uints(slices)
		for _, bits := range w.uints(slices) {
			t.cover = append(t.cover, math.Float32frombits(bits))
		}
		w.floats(marks)
		w.uints(marks)
		w.uints(marks)
		t.marks = w.uints(marks)
		w.uints(marks)
		w.uints(counts)
		for range 4 {
			w.floats(counts)
		}
		if w.err != nil {
			return nil, w.err
		}
		list = append(list, t)
	}
	if len(w.b) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last tile", len(w.b))
	}
	return list, w.err
}

// view returns a viewer of files, and its client, when all of them are read.
func view(t testing.TB, paths ...string) (*viewer.Viewer, *client) {
	t.Helper()
	var sources []viewer.Source
	for _, path := range paths {
		sources = append(sources, viewer.File(path))
	}
	v := viewer.New(viewer.Config{}, sources...)
	t.Cleanup(v.Close)
	waitFor(t, v, func(s viewer.Status) bool { return s.State != viewer.StateLoading })
	return v, &client{t, v}
}

// waitFor waits until something is right of all traces.
func waitFor(t testing.TB, v *viewer.Viewer, ok func(viewer.Status) bool) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		changed := v.Changed()
		all := true
		for _, s := range v.Statuses() {
			all = all && ok(s)
		}
		if all {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("it didn't happen within 30 s: %+v", v.Statuses())
		}
	}
}

// write writes a trace as a file of a format, and returns its path.
func write(t testing.TB, format string, events []tracefmt.Event) string {
	t.Helper()
	f := tracefmt.Lookup(format)
	var out bytes.Buffer
	w := f.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "trace"+f.Extensions[0])
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventsOf reads a trace, as far as that is possible.
func eventsOf(t testing.TB, in io.Reader) (events []*tracefmt.Event) {
	t.Helper()
	r, err := tracefmt.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := r.Next()
		if err != nil {
			return events
		}
		events = append(events, e.Clone())
	}
}
