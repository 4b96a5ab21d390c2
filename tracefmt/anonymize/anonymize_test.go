package anonymize_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/anonymize"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

type list []tracefmt.Event

func (l *list) Next() (*tracefmt.Event, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	e := &(*l)[0]
	*l = (*l)[1:]
	return e, nil
}

func anonymized(events []tracefmt.Event, o anonymize.Options) []tracefmt.Event {
	l := list(slices.Clone(events))
	result, err := fmttest.ReadAll(anonymize.NewReader(&l, o))
	if err != nil {
		panic(err)
	}
	return result
}

// texts returns the texts of an event, and apart from them its IDs.
func texts(e *tracefmt.Event) (texts, ids []string) {
	texts = append(strings.Split(e.Category, ","), e.Name)
	if e.SourceID.Kind() == tracefmt.StringValue {
		texts = append(texts, e.SourceID.String())
	}
	for _, a := range e.Attrs {
		texts = append(texts, a.Key)
		switch a.Value.Kind() {
		case tracefmt.StringValue:
			if a.Key == tracefmt.AttrStack || a.Key == "trace_id" || a.Key == "span_id" {
				ids = append(ids, a.Value.String())
			} else {
				texts = append(texts, a.Value.String())
			}
		case tracefmt.RawValue:
			texts = append(texts, jsonTexts(a.Value.String())...)
		}
	}
	if e.Kind == tracefmt.Counter {
		return append(texts, e.Key), ids
	}
	return texts, append(ids, e.ID, e.Parent, e.Key)
}

// jsonTexts returns the texts in a JSON value.
func jsonTexts(text string) (list []string) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return list
		}
		if s, ok := token.(string); ok {
			list = append(list, s)
		}
	}
}

// words are what is between spaces and punctuation.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\r\n!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) })
}

var allowed = []string{"task", "span", "async", "anomaly", "loss", "link", "open", "error", "subsystem", "trace", "trace_id", "span_id"}

var secret = rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z]{4,8}`), rapid.StringMatching(`/[a-z0-9]{3,6}/[a-z]{2,5}-[0-9]{4,6}\.log`),
	rapid.StringMatching(`[a-z]{4,6} [=:-]{0,5}[A-Z]{4}`))

// events draws a trace with many kinds of texts.
func events(t *rapid.T) []tracefmt.Event {
	events := fmttest.Events(t)
	for i := range events {
		e := &events[i]
		if e.Name != "" && rapid.Bool().Draw(t, "another name") {
			e.Name = secret.Draw(t, "name")
		}
		if rapid.IntRange(0, 3).Draw(t, "more attributes") == 0 && e.Kind != tracefmt.Clock && e.Kind != tracefmt.Counter {
			inside, err := json.Marshal(map[string]any{secret.Draw(t, "inner key"): []any{secret.Draw(t, "inner text"), 12345, nil, true}})
			if err != nil {
				t.Fatal(err)
			}
			e.Attrs = append(slices.Clone(e.Attrs), tracefmt.Attr{Key: secret.Draw(t, "key"), Value: tracefmt.String(secret.Draw(t, "text"))},
				tracefmt.Attr{Key: "error", Value: tracefmt.RawJSON(string(inside))},
				tracefmt.Attr{Key: "trace", Value: tracefmt.String("/aaaaaaaaaaaaa.bbbbbbbbbbbbb~" + word.Draw(t, "id") + "/")})
		}
	}
	return events
}

var word = rapid.StringMatching(`[a-z]{4,9}`)

// TestNothingIsLeft checks that no word of a trace of four characters or more, and no text with such a word, is anywhere
// in what is made of it, but for those that are allowed. A text of shorter ones, such as "a...", may be there by chance.
func TestNothingIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := events(t)
		out := anonymized(in, anonymize.Options{Key: []byte("k")})
		secrets := map[string]bool{}
		ids := map[string]bool{}
		for i := range in {
			texts, itsIDs := texts(&in[i])
			for _, s := range texts {
				for _, word := range words(s) {
					if len([]rune(word)) >= 4 && !slices.Contains(allowed, s) {
						secrets[s], secrets[word] = true, true
					}
				}
			}
			for _, id := range itsIDs {
				ids[id] = len(id) >= 4
			}
		}
		var all strings.Builder
		for i := range out {
			texts, itsIDs := texts(&out[i])
			for _, s := range texts {
				if !slices.Contains(allowed, s) {
					all.WriteString(s + "\x00\n")
				}
			}
			for _, id := range itsIDs {
				if ids[id] {
					t.Fatalf("ID %q is left", id)
				}
			}
		}
		for s := range secrets {
			if strings.Contains(all.String(), s) {
				t.Fatalf("%q is left in %q", s, all.String())
			}
		}
	})
}

// TestFile looks for words in a file, where nothing is hidden.
func TestFile(t *testing.T) {
	in := fmttest.Sample()
	var out bytes.Buffer
	w := chrome.NewWriter(&out)
	for _, e := range anonymized(in, anonymize.Options{}) {
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"replicate", "zferry", "planning", "tank", "zfs", "steps", "upload", "4242", "agent", "remote", "aaaa", "dddd",
		"ratio", "half", "received", "records", "exited", "1753000000"} {
		if strings.Contains(out.String(), s) {
			t.Errorf("%q is in\n%s", s, out.String())
		}
	}
}

// TestStructure checks that everything else is as it was: kinds, times, tracks, and what is joined by IDs.
func TestStructure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := slices.DeleteFunc(events(t), func(e tracefmt.Event) bool { return e.Kind == tracefmt.Clock })
		out := anonymized(in, anonymize.Options{})
		if len(in) != len(out) {
			t.Fatalf("%d events, want %d", len(out), len(in))
		}
		same := map[[2]string]string{} // by what it is and was, what it has become
		was := map[[2]string]string{}
		equal := func(what, before, after string) {
			if known, ok := same[[2]string{what, before}]; ok && known != after {
				t.Fatalf("%s %q is %q and %q", what, before, known, after)
			}
			if known, ok := was[[2]string{what, after}]; ok && known != before {
				t.Fatalf("%s %q is of %q and %q", what, after, known, before)
			}
			same[[2]string{what, before}], was[[2]string{what, after}] = after, before
		}
		shift, timed := int64(0), false
		for i := range in {
			a, b := &in[i], &out[i]
			if a.Kind.Timed() && !timed {
				shift, timed = a.Time, true
			}
			if a.Kind.Timed() && a.Time-shift != b.Time {
				t.Fatalf("at %d, want %d", b.Time, a.Time-shift)
			}
			if a.Kind != b.Kind || a.Track != b.Track || a.Process != b.Process || a.Dur != b.Dur || a.Severity != b.Severity ||
				a.Order != b.Order || len(a.Attrs) != len(b.Attrs) || (a.Name == "") != (b.Name == "") {
				t.Fatalf("%v has become %v", a, b)
			}
			equal("ID", a.ID, b.ID)
			equal("ID", a.Parent, b.Parent)
			if a.Kind != tracefmt.Counter {
				equal("ID", a.Key, b.Key)
			}
			for j := range a.Attrs {
				before, after := a.Attrs[j].Value, b.Attrs[j].Value
				if before.Kind() != after.Kind() {
					t.Fatalf("%q has become %q", before, after)
				}
				if after.Kind() == tracefmt.RawValue && !json.Valid([]byte(after.String())) {
					t.Fatalf("%q is no JSON", after)
				}
			}
		}
	})
}

func TestKeep(t *testing.T) {
	in := []tracefmt.Event{
		{Kind: tracefmt.Clock, Unix: 5},
		{Kind: tracefmt.Process, Track: 1, Name: "zferry", SourceID: tracefmt.Int64(4242)},
		{Kind: tracefmt.Track, Track: 2, Process: 1, Name: "worker", SourceID: tracefmt.Int64(4243)},
		{Kind: tracefmt.Complete, Track: 2, Time: 70, Name: "list pools", Category: "disk,task", ID: "abcd", Attrs: []tracefmt.Attr{
			{Key: "dataset", Value: tracefmt.String("tank/db")}, {Key: "bytes", Value: tracefmt.Int64(1234)}}},
		{Kind: tracefmt.Log, Track: 2, Time: 80, Name: "listing tank", Parent: "abcd"},
	}
	all := anonymize.Options{KeepNumbers: true, KeepTime: true, KeepAttrs: []string{"dataset"}}
	for _, part := range anonymize.Parts() {
		if err := all.ParseKeep(string(part)); err != nil {
			t.Fatal(err)
		}
	}
	want := fmttest.ContentOf(in, tracefmt.KeepsAll)
	fmttest.Diff(t, "everything kept", fmttest.ContentOf(anonymized(in, all), tracefmt.KeepsAll), want)

	for text, get := range map[string]func([]tracefmt.Event) string{
		"name": func(e []tracefmt.Event) string { return e[2].Name }, "category": func(e []tracefmt.Event) string { return e[2].Category },
		"message": func(e []tracefmt.Event) string { return e[3].Name }, "process": func(e []tracefmt.Event) string { return e[0].Name },
		"track": func(e []tracefmt.Event) string { return e[1].Name }, "key": func(e []tracefmt.Event) string { return e[2].Attrs[1].Key },
		"id": func(e []tracefmt.Event) string { return e[3].Parent }, "attr:dataset": func(e []tracefmt.Event) string { return e[2].Attr("dataset").String() },
	} {
		var o anonymize.Options
		if err := o.ParseKeep(text); err != nil {
			t.Fatal(err)
		}
		none := anonymized(in, anonymize.Options{})
		if got, want, other := get(anonymized(in, o)), get(in[1:]), get(none); got != want || other == want {
			t.Errorf("with %s: %q, want %q; without %q", text, got, want, other)
		}
	}
	var o anonymize.Options
	for _, text := range []string{"", "attr:", "names", "attr"} {
		if o.ParseKeep(text) == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestKey checks that pseudonyms depend on the key, and on nothing else.
func TestKey(t *testing.T) {
	name := func(key, text string) string {
		return anonymized([]tracefmt.Event{{Kind: tracefmt.Instant, Name: text}}, anonymize.Options{Key: []byte(key)})[0].Name
	}
	if a, b := name("k", "tank/db"), name("k", "tank/home"); a == b || strings.Split(a, "/")[0] != strings.Split(b, "/")[0] {
		t.Errorf("%q and %q don't share their first word", a, b)
	}
	random := [2]string{name("", "tank"), name("", "tank")}
	again := name("k", "tank")
	if name("k", "tank") != again || name("l", "tank") == again || random[0] == random[1] {
		t.Error("the key isn't what pseudonyms depend on")
	}
	met := map[string]string{}
	for i := range 2000 {
		word := fmt.Sprint("w", i)
		if other, ok := met[name("k", word)]; ok {
			t.Fatalf("%s and %s become the same", word, other)
		}
		met[name("k", word)] = word
	}
}

// TestIDs checks that an ID stays the same in all its forms.
func TestIDs(t *testing.T) {
	const id, hex = "ccccccccccccc", "2108421084210842"
	e := anonymized([]tracefmt.Event{{Kind: tracefmt.Log, Parent: id, Attrs: []tracefmt.Attr{
		{Key: "trace", Value: tracefmt.String("…/+3/" + id + ".ddddddddddddd/")}, {Key: "span_id", Value: tracefmt.String(hex)},
		{Key: "trace_id", Value: tracefmt.String("00112233445566aa" + hex)}}}}, anonymize.Options{})[0]
	if len(e.Parent) != 13 || e.Parent == id {
		t.Errorf("parent %q", e.Parent)
	}
	if stack := e.Attr("trace").String(); !strings.HasPrefix(stack, "…/+3/"+e.Parent+".") || !tracefmt.Stack(stack).Valid() {
		t.Errorf("stack %q, parent %q", stack, e.Parent)
	}
	span, whole := e.Attr("span_id").String(), e.Attr("trace_id").String()
	if len(span) != 16 || len(whole) != 32 || !strings.HasSuffix(whole, span) || span == hex {
		t.Errorf("span ID %q, trace ID %q", span, whole)
	}
	back := anonymized([]tracefmt.Event{{Kind: tracefmt.Log, ID: id, Parent: hex}}, anonymize.Options{Key: []byte("k")})[0]
	number := func(s string) (n uint64) {
		for _, c := range s {
			n = n<<5 | uint64(strings.IndexRune("abcdefghijklmnopqrstuvwxyz234567", c))
		}
		return n
	}
	if got := number(back.ID); back.Parent != hexOf(got) {
		t.Errorf("%q and %q aren't the same number", back.ID, back.Parent)
	}
}

func hexOf(n uint64) string {
	const digits = "0123456789abcdef"
	var b [16]byte
	for i := range b {
		b[15-i] = digits[n&15]
		n >>= 4
	}
	return string(b[:])
}

func TestNumbers(t *testing.T) {
	for in, want := range map[tracefmt.Value]tracefmt.Value{
		tracefmt.Int64(0): tracefmt.Int64(0), tracefmt.Int64(9): tracefmt.Int64(9), tracefmt.Int64(-4567): tracefmt.Int64(-4000),
		tracefmt.Int64(-1 << 63): tracefmt.Int64(-9e18), tracefmt.Uint64(1<<64 - 1): tracefmt.Uint64(1e19),
		tracefmt.Float64(0.0256): tracefmt.Float64(0.03), tracefmt.Float64(-12.5): tracefmt.Float64(-10), tracefmt.Bool(true): tracefmt.Bool(true),
		tracefmt.RawJSON(`[12.34e5,{"k":-0.056}]`): tracefmt.Value{},
	} {
		got := anonymized([]tracefmt.Event{{Kind: tracefmt.Instant, Attrs: []tracefmt.Attr{{Key: "error", Value: in}}}}, anonymize.Options{})[0].Attr("error")
		if in.Kind() == tracefmt.RawValue {
			if s := got.String(); !strings.HasPrefix(s, "[10.00e5,{") || !strings.HasSuffix(s, ":-0.050}]") {
				t.Errorf("%v has become %v", in, got)
			}
		} else if got != want {
			t.Errorf("%v has become %v, want %v", in, got, want)
		}
	}
}
