package fmttest

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spanstack/spanstack/tracefmt"
	"pgregory.net/rapid"
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
	t.Run("Deterministic", s.deterministic)
	t.Run("Random", s.random)
	t.Run("Losses", s.losses)
	t.Run("WriteErrors", s.writeErrors)
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
	data, _ := s.write(t, events)
	Diff(t, "read back", ContentOf(s.read(t, data), s.Keeps), ContentOf(events, s.Keeps))
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

// detected checks that the format is found by its content.
func (s suite) detected(t *testing.T, data []byte) {
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

func (s suite) roundTrip(t *testing.T) {
	if s.Keeps == 0 {
		t.Skip("the format declares that it keeps no events; see Stable")
	}
	s.same(t, Sample())
}

func (s suite) randomRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		events := Events(r)
		var out bytes.Buffer
		w := s.NewWriter(&out)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				r.Fatalf("Write: %v", err)
			}
		}
		if err := w.Close(); err != nil {
			r.Fatalf("Close: %v", err)
		}
		back, err := ReadAll(s.NewReader(bytes.NewReader(out.Bytes())))
		if err != nil {
			r.Fatalf("reading back: %v\n%s", err, out.Bytes())
		}
		if got, want := ContentOf(back, s.Keeps).String(), ContentOf(events, s.Keeps).String(); got != want {
			r.Fatalf("read back:\n%s\nwant:\n%s", got, want)
		}
		if losses := tracefmt.LossesOf(w); s.Keeps == tracefmt.KeepsAll && len(losses) > 0 {
			r.Fatalf("losses: %v", losses)
		}
	})
}

// deterministic checks that the same events become the same bytes, and some without any.
func (s suite) deterministic(t *testing.T) {
	for _, events := range [][]tracefmt.Event{Sample(), nil} {
		once, _ := s.write(t, events)
		again, _ := s.write(t, events)
		if len(once) == 0 || !bytes.Equal(once, again) {
			t.Errorf("writing the same %d events twice gives %d and %d different bytes", len(events), len(once), len(again))
		}
	}
}

// random writes valid streams of events, and expects no errors.
func (s suite) random(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := s.NewWriter(io.Discard)
		for _, e := range Events(r) {
			if err := w.Write(&e); err != nil {
				r.Fatalf("Write: %v", err)
			}
		}
		if err := w.Close(); err != nil {
			r.Fatalf("Close: %v", err)
		}
	})
}

// stable checks that writing is deterministic, and that what is read back is written as the same bytes.
func (s suite) stable(t *testing.T) {
	once, _ := s.write(t, Sample())
	again, _ := s.write(t, Sample())
	if !bytes.Equal(once, again) {
		t.Error("writing the same events twice gives different bytes")
	}
	if back, _ := s.write(t, s.read(t, once)); !bytes.Equal(once, back) {
		t.Errorf("writing what was read gives different bytes:\n%s\nwant:\n%s", back, once)
	}
}

// losses checks that kinds of events that aren't kept are counted, and that nothing else is.
func (s suite) losses(t *testing.T) {
	if _, losses := s.write(t, Sample()); s.Keeps == tracefmt.KeepsAll && len(losses) > 0 {
		t.Errorf("declares to keep all, but lost %v", losses)
	}
	for _, e := range Sample() {
		if Kept(e.Kind, s.Keeps) || e.Kind == tracefmt.Clock && s.Keeps&tracefmt.KeepsClock == 0 {
			continue
		}
		switch e.Kind {
		case tracefmt.Begin, tracefmt.End, tracefmt.Complete, tracefmt.AsyncBegin, tracefmt.AsyncEnd, tracefmt.Process, tracefmt.Track:
			continue // they leave a trace, if not all of it
		}
		if _, losses := s.write(t, []tracefmt.Event{e}); len(losses) == 0 {
			t.Errorf("%v isn't kept, and not counted either", e.Kind)
		}
	}
}

// truncated cuts the output at every byte. What is read must be a beginning of all events, then a clear end.
func (s suite) truncated(t *testing.T) {
	data, _ := s.write(t, Sample())
	s.truncatedInput(t, data)
}

func (s suite) truncatedInput(t *testing.T, data []byte) {
	whole := ContentOf(s.read(t, data), tracefmt.KeepsAll).Timed
	cut := 0
	for n := range data {
		r := s.NewReader(bytes.NewReader(data[:n]))
		events, err := ReadAll(r)
		if err != nil {
			cut++
			if !errors.Is(err, tracefmt.ErrTruncated) {
				t.Fatalf("cut at byte %d: %v, want an error that Is ErrTruncated", n, err)
			}
			syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
			if !ok || syntax.Offset != int64(n) {
				t.Fatalf("cut at byte %d: %v, want that offset", n, err)
			}
			if _, again := r.Next(); again != err {
				t.Fatalf("cut at byte %d: %v, then %v, want the same again", n, err, again)
			}
		}
		got := ContentOf(events, tracefmt.KeepsAll).Timed
		if len(got) > len(whole) {
			t.Fatalf("cut at byte %d: more events than in the whole", n)
		}
		diffLines(t, "beginning", got, whole[:len(got)])
	}
	if cut < len(data)/2 { // most cuts are inside of something
		t.Errorf("only %d cuts of %d are noticed", cut, len(data))
	}
}

// brokenInput reads from inputs that come in single bytes, that fail, and that have rubbish in them.
func (s suite) brokenInput(t *testing.T) {
	data, _ := s.write(t, Sample())
	s.broken(t, data)
}

func (s suite) broken(t *testing.T, data []byte) {
	want := ContentOf(s.read(t, data), tracefmt.KeepsAll)
	slow, err := ReadAll(s.NewReader(iotest.OneByteReader(bytes.NewReader(data))))
	if err != nil {
		t.Fatalf("byte by byte: %v", err)
	}
	Diff(t, "byte by byte", ContentOf(slow, tracefmt.KeepsAll), want)

	failure := errors.New("the disk is on fire")
	if _, err := ReadAll(s.NewReader(io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(failure)))); !errors.Is(err, failure) {
		t.Errorf("input that fails: %v, want its failure", err)
	}
	for n := 0; n < len(data); n += 7 {
		for _, rubbish := range []string{"\x00", "\xff\xfe", "}", "]", "\"", "-", "1e999999999"} {
			broken := append(append(append([]byte(nil), data[:n]...), rubbish...), data[n:]...)
			if events, err := ReadAll(s.NewReader(bytes.NewReader(broken))); err == nil && s.NewWriter != nil {
				s.write(t, events) // whatever it is, it can be written
			}
		}
	}
}

// timeOrder writes events whose times go back and forth.
func (s suite) timeOrder(t *testing.T) {
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "a"},
		{Kind: tracefmt.Complete, Track: 2, Time: 5000, Dur: 10, Name: "late"},
		{Kind: tracefmt.Complete, Track: 2, Time: -300, Dur: 100, Name: "before zero"},
		{Kind: tracefmt.Complete, Track: 2, Time: 20, Dur: 7, Name: "early"},
		{Kind: tracefmt.Complete, Track: 2, Time: 10, Dur: 100, Name: "around early"},
	}
	s.same(t, events)
}

// unmatchedEnds checks that ends without a begin are counted and harm nothing else.
func (s suite) unmatchedEnds(t *testing.T) {
	good := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(1), Name: "a"},
		{Kind: tracefmt.Begin, Track: 2, Time: 10, Name: "one"},
		{Kind: tracefmt.End, Track: 2, Time: 20},
	}
	events := append(good[:4:4], tracefmt.Event{Kind: tracefmt.End, Track: 2, Time: 30},
		tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: 2, Time: 30, Category: "c", Key: "k"})
	data, losses := s.write(t, events)
	if len(losses) == 0 {
		t.Error("an end without a begin isn't counted")
	}
	Diff(t, "what is left", ContentOf(s.read(t, data), s.Keeps), ContentOf(good, s.Keeps))
}

func (s suite) largeNumbers(t *testing.T) {
	const far = math.MaxInt64 / 2000 * 1000
	attrs := []tracefmt.Attr{
		{Key: "a", Value: tracefmt.Int64(math.MaxInt64)}, {Key: "b", Value: tracefmt.Int64(math.MinInt64)},
		{Key: "c", Value: tracefmt.Uint64(math.MaxUint64)}, {Key: "d", Value: tracefmt.Float64(math.MaxFloat64)},
		{Key: "e", Value: tracefmt.Float64(math.SmallestNonzeroFloat64)}, {Key: "f", Value: tracefmt.Float64(0)},
		{Key: "g", Value: tracefmt.Float64(math.Copysign(0, -1))}, {Key: "h", Value: tracefmt.Float64(1 << 60)},
		{Key: "i", Value: tracefmt.Int64(1<<53 + 1)},
	}
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(math.MaxInt64), Name: "p"},
		{Kind: tracefmt.Track, Track: 2, Process: 1, SourceID: tracefmt.Int64(math.MaxInt64), Name: "a", Order: math.MinInt64},
		{Kind: tracefmt.Complete, Track: 2, Time: -far, Dur: far + 1, Name: "long", Attrs: attrs},
		{Kind: tracefmt.Complete, Track: 2, Time: 1753000000_123456789, Dur: 1, Name: "ns of an epoch"},
		{Kind: tracefmt.Complete, Track: 2, Time: far, Dur: far - 1, Name: "late"},
	}
	s.same(t, events)
	if s.Keeps&tracefmt.KeepsAttrs == 0 {
		return
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 2, Attrs: []tracefmt.Attr{{Key: "x", Value: tracefmt.Float64(f)}}}
		data, losses := s.write(t, []tracefmt.Event{e})
		back := s.read(t, data)
		if got := back[len(back)-1].Attr("x"); got.Kind() != tracefmt.Float64Value && (len(losses) == 0 || got.IsZero()) {
			t.Errorf("%v comes back as %v, and the loss isn't counted", f, got)
		}
	}
}

var oddStrings = []string{
	"", " ", "a b 7", "a;b", "#", "%3B", `"`, `\`, `\u0041`, "\n", "\r\n", "\t", "\x00", "\x01\x1f\x7f", "/", "</script>",
	"\u2028\u2029", "\ufeff", "\ufffd", "é", "e\u0301", "日本語", "😀", "\U0010ffff", "null", "{}", "spanstack.id",
	strings.Repeat("long ", 20_000),
}

func (s suite) oddStrings(t *testing.T) {
	events := []tracefmt.Event{{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.String("p\"\n"), Name: "p\"\n"}}
	for i, text := range oddStrings {
		id := tracefmt.TrackID(i + 2)
		when := int64(i) * 100
		events = append(events,
			tracefmt.Event{Kind: tracefmt.Track, Track: id, Process: 1, SourceID: tracefmt.Int64(int64(i)), Name: text},
			tracefmt.Event{Kind: tracefmt.Begin, Track: id, Time: when, Name: text, Category: "c" + text, ID: text, Parent: text,
				Attrs: []tracefmt.Attr{{Key: "k" + text, Value: tracefmt.String(text)}}},
			tracefmt.Event{Kind: tracefmt.Log, Track: id, Time: when + 1, Name: text, Severity: tracefmt.SeverityInfo},
			tracefmt.Event{Kind: tracefmt.Counter, Track: id, Time: when + 1, Name: text, Key: text,
				Attrs: []tracefmt.Attr{{Key: text, Value: tracefmt.Int64(1)}}},
			tracefmt.Event{Kind: tracefmt.FlowStart, Track: id, Time: when + 2, Name: text, Category: text, Key: "f" + text},
			tracefmt.Event{Kind: tracefmt.FlowEnd, Track: id, Time: when + 3, Name: text, Category: text, Key: "f" + text},
			tracefmt.Event{Kind: tracefmt.AsyncBegin, Track: id, Time: when + 4, Name: text, Category: text, Key: "k" + text},
			tracefmt.Event{Kind: tracefmt.AsyncEnd, Track: id, Time: when + 5, Name: text, Category: text, Key: "k" + text},
			tracefmt.Event{Kind: tracefmt.End, Track: id, Time: when + 10})
	}
	s.same(t, events)

	// What isn't UTF-8 may come back with replacement characters, but must not break anything.
	bad := "a\xffb\xc3"
	data, _ := s.write(t, []tracefmt.Event{{Kind: tracefmt.Complete, Track: 1, Dur: 5, Name: bad,
		Attrs: []tracefmt.Attr{{Key: bad, Value: tracefmt.String(bad)}}}})
	back := s.read(t, data)
	if got := back[len(back)-1].Name; got != bad && got != "a\ufffdb\ufffd" {
		t.Errorf("a name that isn't UTF-8 comes back as %q", got)
	}
}

// limited fails after some bytes.
type limited struct{ left int }

var errFull = errors.New("no space left")

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		n := l.left
		l.left = 0
		return n, errFull
	}
	l.left -= len(p)
	return len(p), nil
}

func (s suite) writeErrors(t *testing.T) {
	data, _ := s.write(t, Sample())
	for _, room := range []int{0, 1, len(data) / 2, len(data) - 1} {
		w := s.NewWriter(&limited{room})
		var first error
		for _, e := range Sample() {
			for _, err := range []error{w.Write(&e), w.Flush()} {
				if first == nil {
					first = err
				} else if err == nil {
					t.Fatalf("room for %d bytes: success after %v", room, first)
				}
			}
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: Close returns %v", room, len(data), err)
		}
		if first != nil && !errors.Is(first, errFull) {
			t.Errorf("room for %d bytes: %v, want the writer's own error", room, first)
		}
	}
}

// countingWriter counts calls of Write.
type countingWriter struct {
	bytes.Buffer
	calls int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	w.calls++
	return w.Buffer.Write(p)
}

// flush checks that a streaming format is readable at every flush, and writes once for each.
func (s suite) flush(t *testing.T) {
	if s.Mode != tracefmt.Streaming {
		t.Skipf("the format is %v, not streaming: its Flush does nothing", s.Mode)
	}
	var out countingWriter
	w := s.NewWriter(&out)
	for i, e := range Sample() {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
		before := out.calls
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if out.calls > before+1 {
			t.Fatalf("a Flush of one event makes %d calls of Write", out.calls-before)
		}
		if !e.Kind.Timed() || e.Kind == tracefmt.Clock {
			continue
		}
		events := s.read(t, out.Bytes())
		want := ContentOf(Sample()[:i+1], s.Keeps).Timed
		if got := ContentOf(events, s.Keeps).Timed; len(got) != len(want) {
			t.Fatalf("after the flush of event %d, %d timed events are readable, want %d", i, len(got), len(want))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// empty writes a trace without events.
func (s suite) empty(t *testing.T) {
	data, losses := s.write(t, nil)
	if len(losses) > 0 {
		t.Errorf("losses: %v", losses)
	}
	for _, e := range s.read(t, data) {
		if e.Kind.Timed() {
			t.Errorf("there is a %v in an empty trace", e.Kind)
		}
	}
}

// memory streams many events through a writer and a reader, and looks at the heap at the end.
func (s suite) memory(t *testing.T) {
	if s.Mode != tracefmt.Streaming {
		t.Skipf("the format is %v, not streaming: its memory grows with the trace", s.Mode)
	}
	const rounds, limit = 100_000, 8 << 20
	before := heap()
	in, out := io.Pipe()
	done := make(chan error, 1)
	w := s.NewWriter(out)
	go func() {
		err := longStream(w, rounds)
		if err == nil {
			err = w.Close()
		}
		out.CloseWithError(err)
		done <- err
	}()
	r := s.NewReader(in)
	n := 0
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if after := heap(); after > before+limit {
		t.Errorf("after %d events, writer and reader hold %d KiB", n, (after-before)>>10)
	}
	if n < rounds*5 {
		t.Errorf("only %d events came through", n)
	}
	runtime.KeepAlive(r)
	runtime.KeepAlive(w)
}

// readMemory reads a long input, and looks at the heap at the end.
func (s suite) readMemory(t *testing.T, in Input) {
	if in.More == nil {
		t.Skip("nothing can follow this input")
	}
	const size, limit = 64 << 20, 8 << 20
	r := s.NewReader(io.MultiReader(bytes.NewReader(in.Data), &repeated{text: in.More, times: size / len(in.More)}))
	before := heap()
	n := 0
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if after := heap(); after > before+limit {
		t.Errorf("after %d events, the reader holds %d KiB", n, (after-before)>>10)
	}
	runtime.KeepAlive(r)
}

// repeated reads as a text, again and again.
type repeated struct {
	text  []byte
	done  int
	times int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	if r.done == len(r.text) {
		r.done = 0
		r.times--
	}
	if r.times <= 0 {
		return 0, io.EOF
	}
	n = copy(p, r.text[r.done:])
	r.done += n
	return n, nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
