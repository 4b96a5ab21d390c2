package fmttest

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
)

// Run runs the conformance suite for a format that can be read and written.
func Run(t *testing.T, f *tracefmt.Format) {
	if f.NewReader == nil || f.NewWriter == nil {
		t.Fatalf("%s: the suite needs a reader and a writer", f.Name)
	}
	s := suite{f}
	t.Run("Registered", s.registered)
	t.Run("RoundTrip", s.roundTrip)
	t.Run("RandomRoundTrip", s.randomRoundTrip)
	t.Run("Concurrent", s.concurrent)
	t.Run("Stable", s.stable)
	t.Run("Losses", s.losses)
	t.Run("Truncated", s.truncated)
	t.Run("BrokenInput", s.brokenInput)
	t.Run("TimeOrder", s.timeOrder)
	t.Run("UnmatchedEnds", s.unmatchedEnds)
	t.Run("LargeNumbers", s.largeNumbers)
	t.Run("OddStrings", s.oddStrings)
	t.Run("WriteErrors", s.writeErrors)
	t.Run("Flush", s.flush)
	t.Run("Empty", s.empty)
	t.Run("Memory", s.memory)
}

// Input is an input in a format that can only be read.
type Input struct {
	Data []byte // a small one, with something of everything
	More []byte // what may follow it, again and again; nil if nothing may
}

// RunReader runs that part of the suite that a format without a writer can pass, on inputs by their names.
func RunReader(t *testing.T, f *tracefmt.Format, inputs map[string]Input) {
	if f.NewReader == nil || f.NewWriter != nil {
		t.Fatalf("%s: this part of the suite is for formats that are only read", f.Name)
	}
	s := suite{f}
	t.Run("Registered", s.known)
	s.reader(t, inputs)
}

func (s suite) reader(t *testing.T, inputs map[string]Input) {
	for name, in := range inputs {
		t.Run(name, func(t *testing.T) {
			t.Run("Detected", func(t *testing.T) { s.detected(t, in.Data) })
			t.Run("Valid", func(t *testing.T) { s.valid(t, in.Data) })
			t.Run("Truncated", func(t *testing.T) { s.truncatedInput(t, in.Data) })
			t.Run("BrokenInput", func(t *testing.T) { s.broken(t, in.Data) })
			t.Run("Memory", func(t *testing.T) { s.readMemory(t, in) })
		})
	}
}

// RunWriter runs that part of the suite that a format without a reader can pass.
func RunWriter(t *testing.T, f *tracefmt.Format) {
	if f.NewReader != nil || f.NewWriter == nil {
		t.Fatalf("%s: this part of the suite is for formats that are only written", f.Name)
	}
	s := suite{f}
	t.Run("Registered", s.known)
	s.writer(t)
}

func (s suite) writer(t *testing.T) {
	t.Run("Deterministic", s.deterministic)
	t.Run("Random", s.random)
	t.Run("Losses", s.losses)
	t.Run("WriteErrors", s.writeErrors)
}

// RunSums runs what RunReader and RunWriter do, for a format that holds sums of a trace: what is read back isn't what
// was written, and writing that gives other sums.
func RunSums(t *testing.T, f *tracefmt.Format, inputs map[string]Input) {
	if f.NewReader == nil || f.NewWriter == nil || f.Keeps != 0 {
		t.Fatalf("%s: this part of the suite is for formats that are read and written, and keep no events", f.Name)
	}
	s := suite{f}
	t.Run("Registered", s.registered)
	s.writer(t)
	s.reader(t, inputs)
}

type suite struct{ *tracefmt.Format }

// write returns what the format makes of events, and what it lost.
func (s suite) write(t testing.TB, events []tracefmt.Event) ([]byte, []tracefmt.Loss) {
	t.Helper()
	var out bytes.Buffer
	w := s.NewWriter(&out)
	for i := range events {
		if err := w.Write(&events[i]); err != nil {
			t.Fatalf("Write of event %d: %v", i, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return out.Bytes(), tracefmt.LossesOf(w)
}

// read returns the events in data, which is in the format.
func (s suite) read(t testing.TB, data []byte) []tracefmt.Event {
	t.Helper()
	events, err := ReadAll(s.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatalf("reading back what was written: %v\n%.2000s", err, data)
	}
	return events
}

// same checks that events come back as they are, as far as the format keeps them.
func (s suite) same(t testing.TB, events []tracefmt.Event) {
	t.Helper()
	events = s.possible(events)
	data, _ := s.write(t, events)
	Diff(t, "read back", s.content(s.read(t, data)), s.content(events))
}

func (s suite) registered(t *testing.T) {
	s.known(t)
	data, _ := s.write(t, Sample())
	s.detected(t, data)
}

// known checks that the format is found by its name and by the names of files.
func (s suite) known(t *testing.T) {
	if tracefmt.Lookup(s.Name) != s.Format {
		t.Errorf("Lookup(%q) doesn't find it: it isn't registered", s.Name)
	}
	for _, ext := range s.Extensions {
		if got := tracefmt.ByExtension("dir/a" + ext); got != s.Format {
			t.Errorf("ByExtension(a%s) = %v", ext, got)
		}
	}
	if s.Detect == nil {
		return
	}
	if s.Detect([]byte("\x7fELF\x02\x01\x01")) != 0 || s.Detect(nil) != 0 {
		t.Error("Detect takes an executable, or nothing, for a trace")
	}
}

// detected checks that the format is found by its content, unpacked.
func (s suite) detected(t *testing.T, data []byte) {
	if zr, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		if data, err = io.ReadAll(zr); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{len(data), tracefmt.DetectBytes} {
		prefix := data[:min(n, len(data))]
		if got := tracefmt.Detect(prefix); got != s.Format {
			t.Errorf("Detect finds %v in %d bytes of it", got, len(prefix))
		}
	}
}

// valid checks that the events of an input are in an order that all writers take: tracks are declared before their
// events, with their processes before them, and an anchor comes before everything that has a time.
func (s suite) valid(t *testing.T, data []byte) {
	processes, declared := map[tracefmt.TrackID]bool{}, map[tracefmt.TrackID]bool{0: true}
	timed := 0
	for i, e := range s.read(t, data) {
		switch {
		case e.Kind == tracefmt.Process:
			processes[e.Track], declared[e.Track] = true, true
		case e.Kind == tracefmt.Track:
			declared[e.Track] = true
			if !processes[e.Process] {
				t.Errorf("event %d declares track %d of process %d, which isn't declared", i, e.Track, e.Process)
			}
		case e.Kind == tracefmt.Invalid || !declared[e.Track]:
			t.Errorf("event %d is of kind %v on track %d, which isn't declared", i, e.Kind, e.Track)
		case e.Kind != tracefmt.Clock:
			timed++
		}
	}
	if timed == 0 {
		t.Error("no events in it")
	}
}
