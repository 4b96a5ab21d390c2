package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/spanstack/spanstack/tracefmt"
)

// TestOperators: the text is valid and about as long as it is to be, read in pieces of any size.
func TestOperators(t *testing.T) {
	in := &operators{Bytes: 100_000}
	text, err := io.ReadAll(iotest.OneByteReader(in))
	if err != nil || len(text) < 100_000 || len(text) > 100_500 || int64(len(text)) != in.written {
		t.Errorf("%d bytes, %d written, %v", len(text), in.written, err)
	}
	if n, err := readStructs(text); err != nil || n != in.events {
		t.Errorf("%d events, want %d, %v", n, in.events, err)
	}
	var all bytes.Buffer
	if all.ReadFrom(&operators{Bytes: 100_000}); !bytes.Equal(all.Bytes(), text) {
		t.Error("it is another one in larger pieces")
	}
}

// TestConversions: whoever is compared has read the same, and conversions lose nothing.
func TestConversions(t *testing.T) {
	b := &conversionBench{}
	var err error
	if b.in, err = newInputs(300_000); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string][]byte{"Chrome JSON": b.in.chrome, "Perfetto": b.in.perfetto, "OTLP": b.in.otlp} {
		if len(in) < 300_000 || len(in) > 1_000_000 {
			t.Errorf("%s: %d bytes, want at least 300000", name, len(in))
		}
	}
	structs, pdata := records(t, b, structsOfChrome), records(t, b, pdataOfOTLP)
	if structs < 1000 || pdata < 1000 || pdata%batch != 0 {
		t.Errorf("encoding/json has %d events, pdata %d spans", structs, pdata)
	}
	if n := spans(t, b.in.chrome); n != structs-1 { // the process has a name
		t.Errorf("we read %d slices of Chrome JSON, encoding/json %d events", n, structs)
	}
	if n := spans(t, b.in.otlp); n != pdata {
		t.Errorf("we read %d spans of OTLP, pdata %d", n, pdata)
	}
	for _, c := range ourConversions {
		in := c.from(b.in)
		var out bytes.Buffer
		if _, err := convertStream(c.to, in, &out); err != nil {
			t.Errorf("%s: %v", c.way, err)
		}
		if got, want := spans(t, out.Bytes()), spans(t, in); got != want {
			t.Errorf("%s: %d spans, want %d", c.way, got, want)
		}
	}
}

func records(t *testing.T, b *conversionBench, w way) int {
	t.Helper()
	_, n, err := b.once(w)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// spans counts slices, however they are written.
func spans(t *testing.T, data []byte) (n int) {
	t.Helper()
	r, err := tracefmt.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := r.Next()
		if err == io.EOF {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
		if e.Kind == tracefmt.Complete || e.Kind == tracefmt.Begin || e.Kind == tracefmt.AsyncBegin {
			n++
		}
	}
}

// TestNode: node parses all of the text, as often as it is asked to.
func TestNode(t *testing.T) {
	in := &operators{Bytes: 50_000}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	n, err := startNode(t.TempDir(), text)
	if err != nil {
		if os.Getenv("SPANSTACK_REQUIRE_NPM") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	for range 3 {
		p, events, err := n.parse()
		if err != nil || p.Bytes != int64(len(text)) || p.Time <= 0 || p.CPU < 0 || events != in.events {
			t.Errorf("%+v, %d events, want %d, %v", p, events, in.events, err)
		}
	}
	if err := n.stop(); err != nil || !strings.HasPrefix(n.version, "v") {
		t.Errorf("version %q, %v", n.version, err)
	}
}

// TestNodeFails: what node says about it is in the error.
func TestNodeFails(t *testing.T) {
	n, err := startNode(t.TempDir(), []byte("{nonsense"))
	if _, missing := errors.AsType[*errMissing](err); missing {
		t.Skip(err) // TestNode fails if it has to be there
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.parse(); err == nil || !strings.Contains(err.Error(), "SyntaxError") {
		t.Errorf("error %v", err)
	}
}

// TestConversionsWithoutNode: it is left out, unless it has to be there.
func TestConversionsWithoutNode(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("SPANSTACK_REQUIRE_NPM", "")
	res, err := measureConversions(t.Context(), conversionsJob{Rounds: 2, Bytes: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	ways := slices.DeleteFunc((&conversionBench{node: &nodeParser{}}).ways(), func(w way) bool { return w == nodeOfChrome })
	if len(res.Series) != len(ways) || !strings.Contains(res.Missing, "node") {
		t.Errorf("%+v", res)
	}
	for _, w := range ways {
		for _, p := range res.Series[w] {
			if p.Bytes < 100_000 || p.Time <= 0 || p.CPU <= 0 || len(res.Series[w]) != 2 {
				t.Errorf("%s: %+v", w, p)
			}
		}
	}
	t.Setenv("SPANSTACK_REQUIRE_NPM", "1")
	if _, err := measureConversions(t.Context(), conversionsJob{Rounds: 1, Bytes: 100_000}); err == nil || !strings.Contains(err.Error(), "node") {
		t.Errorf("error %v", err)
	}
}

// TestMemory has the real program convert something.
func TestMemory(t *testing.T) {
	rounds, err := measureMemory(t.Context(), memoryJob{Rounds: 2, Bytes: 3 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rounds {
		if r.Bytes < 3<<20 || r.Time <= 0 || r.CPU <= 0 || r.PeakRSS != 0 && (r.PeakRSS < 5<<20 || r.PeakRSS > 500<<20) {
			t.Errorf("%+v", r)
		}
	}
	if len(rounds) != 2 {
		t.Errorf("%d rounds", len(rounds))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := measureMemory(ctx, memoryJob{Rounds: 1, Bytes: 1}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}
