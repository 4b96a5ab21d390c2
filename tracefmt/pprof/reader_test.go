package pprof_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/folded"
	"github.com/spanstack/spanstack/tracefmt/pprof"
)

// handMade returns a profile with an inlined call, with frames without a name, and with labels.
func handMade() *profile.Profile {
	function := func(id uint64, name, system string) *profile.Function {
		return &profile.Function{ID: id, Name: name, SystemName: system}
	}
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "microseconds"}, {Type: "more", Unit: "bytes"}},
		TimeNanos:  1_700_000_000_000_000_000, PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 10,
		Comments: []string{"a", "b"}, DefaultSampleType: "cpu",
		Mapping: []*profile.Mapping{{ID: 1, File: "/usr/bin/server"}},
		Function: []*profile.Function{function(1, "main", ""), function(2, "inlined", ""), function(3, "", "_ZN1aE"),
			function(4, "caller", "")},
	}
	p.Location = []*profile.Location{
		{ID: 1, Line: []profile.Line{{Function: p.Function[0]}}},
		{ID: 2, Line: []profile.Line{{Function: p.Function[1]}, {Function: p.Function[3]}}}, // the innermost first
		{ID: 3, Line: []profile.Line{{Function: p.Function[2]}}},
		{ID: 4, Address: 0xc0ffee},
	}
	l := p.Location
	p.Sample = []*profile.Sample{
		{Location: []*profile.Location{l[1], l[0]}, Value: []int64{1, 5, 0}},
		{Location: []*profile.Location{l[2], l[0]}, Value: []int64{1, 7, 0}, Label: map[string][]string{"thread": {"worker"}}},
		{Location: []*profile.Location{l[3], l[0]}, Value: []int64{2, 1, 0}, NumLabel: map[string][]int64{"goroutine": {17}}},
		{Location: []*profile.Location{l[0]}, Value: []int64{3, 2, 0}, Label: map[string][]string{"thread": {"worker"}}},
		{Location: []*profile.Location{l[0]}, Value: []int64{3, 0, 9}},
		{Location: []*profile.Location{l[0]}, Value: []int64{3, -1, 0}},
		{Value: []int64{3, 1, 0}},
	}
	return p
}

func encode(t testing.TB, p *profile.Profile) []byte {
	var out bytes.Buffer
	if err := p.WriteUncompressed(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// towers returns the slices and tracks of a profile as text.
func towers(t testing.TB, r tracefmt.Reader) (list []string) {
	events, err := fmttest.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Complete:
			list = append(list, fmt.Sprintf("%d: %s %d+%d", e.Track, e.Name, e.Time, e.Dur))
		case tracefmt.Clock:
			list = append(list, fmt.Sprint("clock ", e.Unix))
		default:
			list = append(list, fmt.Sprintf("%v %d of %d %q %v", e.Kind, e.Track, e.Process, e.Name, e.Attr("pprof.unit")))
		}
	}
	return list
}

func TestReader(t *testing.T) {
	r := pprof.NewReader(bytes.NewReader(encode(t, handMade())))
	got := towers(t, r)
	want := []string{
		"clock 1700000000000000000",
		`process 1 of 0 "server" microseconds`, `track 2 of 1 "" `, "2: main 0+5000", "2: caller 0+5000", "2: inlined 0+5000",
		`track 3 of 1 "worker" `, "3: main 0+7000", "3: _ZN1aE 0+7000",
		`track 4 of 1 "goroutine 17" `, "4: main 0+1000", "4: 0xc0ffee 0+1000",
		"3: main 7000+2000",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	losses := fmt.Sprint(r.Losses())
	for _, want := range []string{"negative value", "without a stack", `the type "samples"`, `the type "more"`} {
		if !strings.Contains(losses, want) {
			t.Errorf("losses don't say %q: %s", want, losses)
		}
	}

	// Without a default type, the last one counts, and bytes are taken for ns.
	p := handMade()
	p.DefaultSampleType = ""
	r = pprof.NewReader(bytes.NewReader(encode(t, p)))
	if got := towers(t, r); got[len(got)-1] != "2: main 0+9" || !strings.Contains(fmt.Sprint(r.Losses()), `values in "bytes"`) {
		t.Errorf("got %q, losses %v", got, r.Losses())
	}
}

// TestOlderFormats compares what is read with what pprof prints.
func TestOlderFormats(t *testing.T) {
	for file, unit := range map[string]int64{"gobench.cpu": 1, "java.contention": 1000} {
		data, err := os.ReadFile(filepath.Join("testdata", "pprof", file))
		if err != nil {
			t.Fatal(err)
		}
		in, err := tracefmt.NewReader(bytes.NewReader(data))
		if err != nil || in.Format != pprof.Format {
			t.Fatalf("%s: %v", file, err)
		}
		events, err := fmttest.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string // towers, from the innermost on
		for _, e := range events {
			if e.Kind != tracefmt.Complete {
				continue
			}
			tower := fmt.Sprintf("%d+%d", e.Time, e.Dur)
			if n := len(got); n > 0 && strings.HasPrefix(got[n-1], tower+" ") {
				got[n-1] = tower + " " + e.Name + strings.TrimPrefix(got[n-1], tower)
			} else {
				got = append(got, tower+" "+e.Name)
			}
		}
		if want := printed(t, file+".string", unit); !slices.Equal(got, want) {
			t.Errorf("%s: got\n%.600s\nwant\n%.600s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// printed returns the samples of pprof's text form, one after the other.
func printed(t *testing.T, file string, unit int64) (list []string) {
	f, err := os.Open(filepath.Join("testdata", "pprof", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sample := regexp.MustCompile(`^ +\d+ +(\d+): ([\d ]+)$`)
	location := regexp.MustCompile(`^ +(\d+): (0x[0-9a-f]+) (\S+)`)
	names := map[string]string{}
	type stack struct {
		value int64
		ids   []string
	}
	var stacks []stack
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if m := sample.FindStringSubmatch(lines.Text()); m != nil {
			s := stack{ids: strings.Fields(m[2])}
			fmt.Sscan(m[1], &s.value)
			stacks = append(stacks, s)
		} else if m := location.FindStringSubmatch(lines.Text()); m != nil {
			if names[m[1]] = m[3]; strings.HasPrefix(m[3], "M=") {
				names[m[1]] = m[2] // nothing but an address
			}
		}
	}
	now := int64(0)
	for _, s := range stacks {
		tower := fmt.Sprintf("%d+%d", now, s.value*unit)
		for _, id := range s.ids {
			tower += " " + names[id]
		}
		list = append(list, tower)
		now += s.value * unit
	}
	return list
}

// TestFolded turns a profile into folded stacks, and our own profile back into the self times that it was made of.
func TestFolded(t *testing.T) {
	convert := func(data []byte) string {
		in, err := tracefmt.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if in.Format != pprof.Format {
			t.Fatalf("taken for %s", in.Format.Name)
		}
		var out bytes.Buffer
		w := folded.NewWriter(&out)
		if _, err := tracefmt.Copy(w, in); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	p := handMade()
	for _, s := range p.Sample {
		s.Label, s.NumLabel = nil, nil
	}
	if got, want := convert(encode(t, p)), "main 2000\nmain;0xc0ffee 1000\nmain;_ZN1aE 7000\nmain;caller;inlined 5000\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	got := convert(write(t, replication()))
	for _, want := range []string{"zferry;replicate;replicate 25000000\n", "zferry;step;replicate;steps;step 15000000\n", "agent;serve 50000000\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestReaderErrors(t *testing.T) {
	whole := encode(t, handMade())
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	zw.Write(make([]byte, 1<<20))
	zw.Close()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":     {nil, "read pprof trace: at byte 0: input is cut short"},
		"wire":        {append(slices.Clone(whole), 0x0f), fmt.Sprintf("read pprof trace: at byte %d: no field of a protobuf message", len(whole))},
		"no types":    {[]byte("\x32\x00"), "read pprof trace: at byte 0: a profile without sample types"},
		"no profile":  {[]byte("what?"), "read pprof trace: at byte 0: parsing profile: unrecognized profile format"},
		"too large":   {packed.Bytes(), "read pprof trace: at byte 65536: larger than 65536 bytes, which is too large for memory"},
		"cut strings": {[]byte("\x0a\x04\x08\x01\x10\x02"), "read pprof trace: at byte 6: input is cut short, or broken: "},
	} {
		r := pprof.NewReader(bytes.NewReader(c.data))
		r.MaxSize = 1 << 16
		if _, err := r.Next(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// TestDetect tells profiles from other messages that begin with field 1.
func TestDetect(t *testing.T) {
	for name, c := range map[string]struct {
		prefix string
		want   bool
	}{
		"sample type":         {"\x0a\x04\x08\x01\x10\x02", true},
		"strings first":       {"\x32\x00\x32\x03cpu\x0a\x04\x08\x01\x10\x00", true},
		"cut in a sample":     {"\x0a\x04\x08\x01\x10\x02\x12\x7f\x0a", true},
		"goroutines as text":  {"goroutine profile: total 3\n", true},
		"strings only":        {"\x32\x00\x32\x03cpu", false},
		"a packet":            {"\x0a\x04\x40\x01\x50\x02", false},         // Perfetto: timestamp and sequence
		"a resource":          {"\x0a\x06\x0a\x04\x0a\x02\x0a\x00", false}, // OTLP: a message in a message
		"an unknown field":    {"\x0a\x04\x08\x01\x10\x02\x82\x01\x00", false},
		"a field of its type": {"\x0a\x04\x08\x01\x10\x02\x48\x05", true},
		"another type":        {"\x0a\x04\x08\x01\x10\x02\x4a\x00", false},
		"text":                {"\nabc", false},
	} {
		if got := pprof.Format.Detect([]byte(c.prefix)) > 0; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestLimits has more labels than there can be tracks.
func TestLimits(t *testing.T) {
	p := handMade()
	p.Sample = nil
	for i := range int64(5000) {
		p.Sample = append(p.Sample, &profile.Sample{Location: p.Location[:1], Value: []int64{1, 1, 1},
			NumLabel: map[string][]int64{"goroutine": {i}, "pid": {i % 10}}})
	}
	p.Sample = append(p.Sample, &profile.Sample{Location: p.Location[:1], Value: []int64{1, 1 << 62, 1}})
	r := pprof.NewReader(bytes.NewReader(encode(t, p)))
	tracks := map[tracefmt.TrackID]bool{}
	for _, e := range must(fmttest.ReadAll(r)) {
		tracks[e.Track] = true
	}
	losses := fmt.Sprint(r.Losses())
	if len(tracks) > 4097 || !strings.Contains(losses, "one of too many (9") || !strings.Contains(losses, "beyond 64 bits") {
		t.Errorf("%d tracks, losses %v", len(tracks), losses)
	}
}

func must(events []tracefmt.Event, err error) []tracefmt.Event {
	if err != nil {
		panic(err)
	}
	return events
}

// FuzzReader reads arbitrary bytes. Errors have an offset in them, and what is read can be written.
func FuzzReader(f *testing.F) {
	f.Add(encode(f, handMade()))
	for _, file := range []string{"gobench.cpu", "java.contention"} {
		data, err := os.ReadFile(filepath.Join("testdata", "pprof", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := fmttest.ReadAll(pprof.NewReader(bytes.NewReader(data)))
		if err != nil {
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset < 0 || syntax.Offset > int64(len(data)) {
				t.Fatalf("the error isn't a SyntaxError with an offset in the input: %v", err)
			}
		}
		w := pprof.NewWriter(io.Discard)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
