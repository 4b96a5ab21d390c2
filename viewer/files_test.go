package viewer_test

import (
	"bytes"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer"
)

// A total is how much there is in a trace.
type total struct{ slices, marks int64 }

func (n *total) add(e *tracefmt.Event) {
	switch e.Kind {
	case tracefmt.Begin, tracefmt.Complete, tracefmt.AsyncBegin:
		n.slices++
	case tracefmt.Instant, tracefmt.Log, tracefmt.AsyncInstant:
		if e.Kind != tracefmt.Instant || e.Category != tracefmt.CategoryOpen {
			n.marks++
		}
	}
}

// shown returns how much of a trace its coarsest tiles show.
func shown(c *client, trace int) (n total) {
	var tracks struct {
		Tracks []struct {
			ID            int64
			Slices, Marks int64
			Hidden        int64
		}
	}
	c.get(&tracks, "tracks", "trace", trace)
	var ids [][2]int64
	for _, t := range tracks.Tracks {
		ids = append(ids, [2]int64{t.ID, 0})
		n.slices += t.Hidden
	}
	for _, t := range c.tiles(trace, 55, ids...) {
		n.slices += t.slices()
		for _, count := range t.marks {
			n.marks += int64(count)
		}
	}
	return n
}

// TestFiles opens the test data of all formats, and a sample in all that can be written, and compares what is shown with what their
// readers read.
func TestFiles(t *testing.T) {
	const maxInput = 2 << 20
	seen := map[string]bool{}
	err := filepath.WalkDir("../tracefmt", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, "/testdata/") || strings.Contains(path, "/fuzz/") {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() <= maxInput {
			t.Run(strings.TrimPrefix(path, "../tracefmt/"), func(t *testing.T) { seen[checkFile(t, path)] = true })
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tracefmt.Formats() {
		if f.NewReader == nil {
			continue
		}
		if f.NewWriter != nil {
			t.Run(f.Name, func(t *testing.T) { seen[checkFile(t, write(t, f.Name, fmttest.Sample()))] = true })
		}
		if !seen[f.Name] {
			t.Errorf("no file of format %s was opened", f.Name)
		}
	}
}

// checkFile compares what is shown of a file with what its reader reads, and returns the format, or "" if it is no trace.
func checkFile(t *testing.T, path string) (format string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	input, err := tracefmt.NewReader(bytes.NewReader(content))
	if err != nil {
		return "" // notes, and what other tests expect
	}
	var want total
	for {
		e, err := input.Next()
		if err != nil {
			break
		}
		want.add(e)
	}
	_, c := view(t, path)
	var about struct {
		State, Error, Format   string
		Slices, Instants, Logs int64
	}
	c.get(&about, "trace")
	if got := (total{about.Slices, about.Instants + about.Logs}); got != want || about.Format != input.Format.Name {
		t.Errorf("there are %+v of format %s, want %+v of %s", got, about.Format, want, input.Format.Name)
	}
	if got := shown(c, 0); got != want {
		t.Errorf("tiles show %+v, want %+v", got, want)
	}
	if broken := about.State == "failed"; broken != (about.Error != "") || broken && !strings.Contains(about.Error, "byte") && !strings.Contains(about.Error, "cut short") {
		t.Errorf("the state is %s, the error %q", about.State, about.Error)
	}
	return about.Format
}

// TestDownload writes a trace in all formats. What keeps everything comes back as it was.
func TestDownload(t *testing.T) {
	path := write(t, "perfetto", fmttest.Sample())
	_, c := view(t, path)
	var formats []struct{ Name, Extension string }
	c.get(&formats, "formats")
	if len(formats) < 10 {
		t.Errorf("there are only %d formats: %v", len(formats), formats)
	}
	var want total
	for _, e := range fmttest.Sample() {
		want.add(&e)
	}
	for _, f := range formats {
		w := c.ask("GET", "/api/download"+query("format", f.Name), "")
		_, params, err := mime.ParseMediaType(w.Header().Get("Content-Disposition"))
		if w.Code != 200 || err != nil || params["filename"] != "trace"+f.Extension || w.Body.Len() == 0 {
			t.Errorf("%s: %d, %d bytes, %v", f.Name, w.Code, w.Body.Len(), w.Header())
		}
		format := tracefmt.Lookup(f.Name)
		if format.NewReader == nil || format.Keeps != tracefmt.KeepsAll {
			continue
		}
		var got total
		for _, e := range eventsOf(t, w.Body) {
			got.add(e)
		}
		if got != want {
			t.Errorf("%s: there are %+v, want %+v", f.Name, got, want)
		}
	}
	part := c.ask("GET", "/api/download"+query("format", "perfetto", "from", 5200, "to", 5250, "track", trackNamed(c, "step")), "")
	var names []string
	for _, e := range eventsOf(t, part.Body) {
		if e.Kind == tracefmt.Complete || e.Kind == tracefmt.Begin {
			names = append(names, e.Name)
		}
	}
	if strings.Join(names, " ") != "step" {
		t.Errorf("of one track there is %q", names)
	}
}

// trackNamed returns the id of a track.
func trackNamed(c *client, name string) (id int64) {
	c.t.Helper()
	var tracks struct {
		Tracks []struct {
			ID   int64
			Name string
		}
	}
	c.get(&tracks, "tracks")
	for _, t := range tracks.Tracks {
		if t.Name == name {
			id = t.ID
		}
	}
	if id == 0 {
		c.t.Fatalf("there is no track %q: %v", name, tracks)
	}
	return id
}

// TestBroken: what can be read of a broken file is shown, with the error and its place.
func TestBroken(t *testing.T) {
	whole, err := os.ReadFile(write(t, "perfetto", fmttest.Sample()))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	v, c := view(t, file("cut.pftrace", whole[:len(whole)*3/4]), file("odd.txt", []byte("this is no trace")), file("empty.json", nil), filepath.Join(dir, "none.json"), dir)
	for i, want := range []string{"read cut.pftrace: event ", `unknown trace format: it begins with "this is no trace"; "trace-convert formats" lists`,
		"there is nothing in it", "no such file or directory", "it is a directory"} {
		var about struct {
			State, Error string
			Slices       int64
		}
		c.get(&about, "trace", "trace", i)
		if about.State != "failed" || !strings.Contains(about.Error, want) || (about.Slices > 0) != (i == 0) {
			t.Errorf("trace %d: %+v, want an error like %q", i, about, want)
		}
		status := v.Statuses()[i]
		if status.State != viewer.StateFailed || status.Err == nil || (status.Events > 0) != (i == 0) {
			t.Errorf("trace %d: %+v", i, status)
		}
		if w := c.ask("GET", "/api/kinds"+query("trace", i), ""); (w.Code == 409) != (i > 0) {
			t.Errorf("trace %d: kinds are answered with %d", i, w.Code)
		}
	}
}

// TestPacked: files that are packed are read, and how far is told by packed bytes.
func TestPacked(t *testing.T) {
	for _, c := range tracefmt.Compressions() {
		var out bytes.Buffer
		w := c.NewWriter(&out)
		content, err := os.ReadFile(write(t, "chrome", fmttest.Sample()))
		if err == nil {
			_, err = w.Write(content)
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "trace.json"+c.Extension)
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		v, client := view(t, path)
		var about struct{ Slices int64 }
		client.get(&about, "trace")
		if s := v.Statuses()[0]; s.State != viewer.StateLoaded || s.Progress != 1 || about.Slices == 0 {
			t.Errorf("%s: %+v, %d slices", c.Name, s, about.Slices)
		}
		cd := client.ask("GET", "/api/download?format=csv", "").Header().Get("Content-Disposition")
		if cd != `attachment; filename="trace.csv"` {
			t.Errorf("%s: a download is called %s", c.Name, cd)
		}
	}
}
