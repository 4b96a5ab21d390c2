package pprof_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/pprof"
)

func TestConformance(t *testing.T) {
	profile := handMade()
	profile.DefaultSampleType, profile.TimeNanos = "", 0 // they are encoded last, and what is cut off before is whole
	fmttest.RunSums(t, pprof.Format, map[string]fmttest.Input{
		"protobuf": {Data: encode(t, profile)},
		"gzip":     {Data: write(t, replication())},
	})
}

func write(t testing.TB, events []tracefmt.Event) []byte {
	var out bytes.Buffer
	w := pprof.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func parse(t *testing.T, data []byte) *profile.Profile {
	p, err := profile.ParseData(data)
	if err == nil {
		err = p.CheckValid()
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// slice returns a slice from start to end in ms; an end of -1 is none.
func slice(track tracefmt.TrackID, start, end int64, name, category, id, parent string, attrs ...tracefmt.Attr) tracefmt.Event {
	const ms = 1e6
	e := tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: start * ms, Dur: (end - start) * ms, Name: name, Category: category,
		ID: id, Parent: parent, Attrs: attrs}
	if end < 0 {
		e.Dur = tracefmt.Open
	}
	return e
}

func failed(text string) tracefmt.Attr {
	return tracefmt.Attr{Key: tracefmt.AttrError, Value: tracefmt.String(text)}
}

// replication is a task that starts two others, which run at the same time, in two processes. Slices come in the order
// of their ends, as from a running program.
func replication() []tracefmt.Event {
	return []tracefmt.Event{
		{Kind: tracefmt.Clock, Time: 0, Unix: 1_700_000_000_000_000_000},
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(754), Name: "zferry"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "replicate"},
		{Kind: tracefmt.Track, Track: 3, Process: 1, SourceID: tracefmt.Int64(2), Name: "step"},
		{Kind: tracefmt.Track, Track: 4, Process: 1, SourceID: tracefmt.Int64(3), Name: "step"},
		{Kind: tracefmt.Process, Track: 5, SourceID: tracefmt.Int64(755), Name: "agent"},
		{Kind: tracefmt.Log, Track: 2, Time: 5, Name: "lost"},
		slice(2, 10, 20, "zfs list", "span", "l1", "r"),
		slice(2, 20, 40, "zfs list", "span", "l2", "r"),
		slice(3, 50, 90, "zfs send", "span", "s1", "t1"),
		slice(3, 50, 100, "step", "task", "t1", "g"),
		slice(4, 50, 95, "zfs send", "span", "s2", "t2", failed("exit 1")),
		slice(4, 50, 100, "step", "task", "t2", "g", failed("exit 1")),
		slice(2, 45, 100, "steps", "span", "g", "r"),
		{Kind: tracefmt.AsyncBegin, Track: 2, Time: 46e6, Name: "upload", Category: "async", ID: "u", Parent: "g"},
		{Kind: tracefmt.AsyncEnd, Track: 2, Time: 48e6, Name: "upload", Category: "async", ID: "u", Attrs: []tracefmt.Attr{failed("no")}},
		slice(5, 60, -1, "serve", "task", "a", ""), // up to the end, which is 110
		slice(2, 0, 110, "replicate", "task", "r", ""),
	}
}

// TestSamples has the values and labels of each stack.
func TestSamples(t *testing.T) {
	p := parse(t, write(t, replication()))
	var got []string
	for _, s := range p.Sample {
		var frames []string
		for _, l := range slices.Backward(s.Location) {
			frames = append(frames, l.Line[0].Function.Name)
		}
		var labels []string
		for k, v := range s.Label {
			labels = append(labels, k+"="+v[0])
		}
		slices.Sort(labels)
		got = append(got, fmt.Sprintf("%s: %d, %d ms, %d ms, %s pid=%v", strings.Join(frames, ";"),
			s.Value[0], s.Value[1]/1e6, s.Value[2]/1e6, strings.Join(labels, " "), s.NumLabel["pid"]))
	}
	want := []string{
		"replicate: 1, 110 ms, 25 ms, process=zferry task=replicate pid=[754]",
		"replicate;steps: 1, 55 ms, 55 ms, process=zferry task=replicate pid=[754]",
		"replicate;steps;step: 1, 50 ms, 10 ms, process=zferry task=step pid=[754]",
		"replicate;steps;step: 1, 50 ms, 5 ms, error=true process=zferry task=step pid=[754]",
		"replicate;steps;step;zfs send: 1, 40 ms, 40 ms, process=zferry task=step pid=[754]",
		"replicate;steps;step;zfs send: 1, 45 ms, 45 ms, error=true process=zferry task=step pid=[754]",
		"replicate;steps;upload: 1, 2 ms, 2 ms, error=true process=zferry task=replicate pid=[754]",
		"replicate;zfs list: 2, 30 ms, 30 ms, process=zferry task=replicate pid=[754]",
		"serve: 1, 50 ms, 50 ms, process=agent task=serve pid=[755]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if p.TimeNanos != 1_700_000_000_000_000_000 || p.DurationNanos != 110e6 || p.DefaultSampleType != "self" {
		t.Errorf("time %d, duration %d, default %s", p.TimeNanos, p.DurationNanos, p.DefaultSampleType)
	}
}

// TestTracks has slices without IDs: on several tracks the track is a label, on one there is none.
func TestTracks(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(7)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "one"},
		{Kind: tracefmt.Track, Track: 3, Process: 1, SourceID: tracefmt.Int64(2), Name: "two"},
		slice(2, 0, 10, "a", "", "", ""), slice(2, 2, 4, "", "", "", ""), slice(3, 0, 10, "a", "", "", ""),
	}
	var got []string
	for _, s := range parse(t, write(t, events)).Sample {
		got = append(got, fmt.Sprint(len(s.Location), s.Location[0].Line[0].Function.Name, s.Label["track"], s.Value[2]/1e6))
	}
	slices.Sort(got)
	if want := []string{"1a[one] 8", "1a[two] 10", "2(no name)[one] 2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, s := range parse(t, write(t, events[:5])).Sample {
		if len(s.Label) > 0 {
			t.Errorf("labels %v of a process without a name and with one track", s.Label)
		}
	}
}

// TestGoTool looks at a profile with go tool pprof.
func TestGoTool(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err) // who runs tests has it
	}
	file := filepath.Join(t.TempDir(), "t.pb.gz")
	if err := os.WriteFile(file, write(t, replication()), 0o666); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		cmd := exec.Command(goTool, append([]string{"tool", "pprof", "-symbolize=none"}, append(args, file)...)...)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
		}
		return string(out)
	}
	for _, c := range []struct {
		args []string
		want []string // regular expressions
	}{
		{[]string{"-top"}, []string{`(?m)^Type: self$`, `(?m)^Duration: 110ms`, `(?m)^\s*85ms .* 85ms .* zfs send$`, `(?m)^\s*25ms .* 212ms .* replicate$`}},
		{[]string{"-top", "-sample_index=wall"}, []string{`(?m)^\s*110ms .* replicate$`, `(?m)^\s*100ms .* step$`, `(?m)^\s*30ms .* zfs list$`}},
		{[]string{"-top", "-sample_index=spans"}, []string{`(?m)^\s*2 .* zfs list$`}},
		{[]string{"-top", "-tagfocus=error=true"}, []string{`(?m)^\s*45ms .* zfs send$`}},
		{[]string{"-raw"}, []string{`spans/count wall/nanoseconds self/nanoseconds\[dflt\]`, `1\s+55000000\s+55000000: \d+ \d+`}},
		{[]string{"-tags"}, []string{`(?s) task: .* step`, `pid: `}},
	} {
		out := run(c.args...)
		for _, want := range c.want {
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("%v: no %s in\n%s", c.args, want, out)
			}
		}
	}
}
