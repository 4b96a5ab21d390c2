package spantags_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
	"github.com/spanstack/spanstack/tracefmt/internal/spantags"
	"pgregory.net/rapid"
)

var value = rapid.OneOf(
	rapid.Map(rapid.Bool(), tracefmt.Bool), rapid.Map(rapid.Int64(), tracefmt.Int64), rapid.Map(rapid.Uint64(), tracefmt.Uint64),
	rapid.Map(rapid.Float64(), tracefmt.Float64), rapid.Map(rapid.String(), tracefmt.String),
	rapid.SampledFrom([]tracefmt.Value{{}, tracefmt.RawJSON("null"), tracefmt.RawJSON(`{"a":[1,2.5]}`), tracefmt.Float64(math.Inf(1))}),
)

func attrs(r *rapid.T) (list []tracefmt.Attr) {
	for i := range rapid.IntRange(0, 4).Draw(r, "attributes") {
		key := fmt.Sprint(i, rapid.String().Draw(r, "key"))
		list = append(list, tracefmt.Attr{Key: key, Value: value.Draw(r, "value")})
	}
	return list
}

// TestTags: what AppendTags makes of a span, Take makes the same span of, whatever the format does to types.
func TestTags(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		text := rapid.OneOf(rapid.Just(""), rapid.StringN(1, 9, 9))
		count := rapid.SampledFrom([]uint32{0, 0, 7, math.MaxUint32})
		want := spans.Span{Attrs: attrs(r), State: text.Draw(r, "state"), DroppedAttrs: count.Draw(r, "a"), DroppedEvents: count.Draw(r, "e"),
			DroppedLinks: count.Draw(r, "l"), Status: spans.Status(rapid.IntRange(0, 2).Draw(r, "status"))}
		if want.Flags = count.Draw(r, "flags"); want.Status == spans.StatusError {
			want.Message = text.Draw(r, "message")
		}
		scope := spans.Scope{Name: text.Draw(r, "scope"), Version: text.Draw(r, "version"), Schema: text.Draw(r, "schema"),
			Attrs: rapid.SampledFrom([]string{"", `{"a":1}`}).Draw(r, "scope attributes")}
		if scope != (spans.Scope{}) {
			want.Scope = &scope
		}
		style := rapid.SampledFrom([]spantags.Style{spantags.Jaeger, spantags.Zipkin}).Draw(r, "style")
		if style == spantags.Jaeger {
			want.Kind = rapid.SampledFrom([]spans.Kind{0, spans.KindServer, spans.KindConsumer}).Draw(r, "kind")
		}
		tags := spantags.AppendTags(nil, &want, style)
		if style == spantags.Zipkin {
			tags = throughStrings(tags)
		}
		got := spans.Span{Attrs: tags}
		var taker spantags.Taker
		taker.Take(&got, style)
		if g, w := show(&got), show(&want); g != w {
			r.Fatalf("got\n%s\nwant\n%s\nof %v", g, w, tags)
		}
	})
}

// throughStrings returns tags as strings, and one with their types.
func throughStrings(tags []tracefmt.Attr) (list []tracefmt.Attr) {
	var types spantags.Types
	for _, a := range tags {
		types.Add(a)
		list = append(list, tracefmt.Attr{Key: a.Key, Value: tracefmt.String(a.Value.String())})
	}
	if text := types.Text(); text != "" {
		list = append(list, tracefmt.Attr{Key: spantags.KeyTypes, Value: tracefmt.String(text)})
	}
	return list
}

func show(s *spans.Span) string {
	c := *s
	scope := spans.Scope{}
	if c.Scope != nil {
		scope = *c.Scope
	}
	c.Attrs, c.Scope = nil, nil
	return fmt.Sprintf("%+v\n%+v\n%q", c, scope, fmt.Sprint(s.Attrs))
}

// TestLinks: links come back from their text, and with them the attributes in them, with types.
func TestLinks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var links []spans.Link
		for range rapid.IntRange(0, 3).Draw(r, "links") {
			links = append(links, spans.Link{Trace: spans.TraceID{15: rapid.Byte().Draw(r, "trace")}, ID: spans.ID(rapid.Uint64().Draw(r, "id")),
				State: rapid.String().Draw(r, "state"), Flags: rapid.Uint32().Draw(r, "flags"), Dropped: rapid.Uint32().Draw(r, "dropped"), Attrs: attrs(r)})
		}
		for i := range links {
			for j, a := range links[i].Attrs {
				if a.Value.IsZero() {
					links[i].Attrs[j].Value = tracefmt.RawJSON("null") // which it becomes in JSON
				}
			}
		}
		var s spans.Span
		var d jsontext.Decoder
		text := string(spantags.AppendLinks(nil, links, true))
		if !spantags.ParseLinks(&d, &s, text) || fmt.Sprintf("%+v", s.Links) != fmt.Sprintf("%+v", links) {
			r.Fatalf("%s\nbecame %+v\nwant   %+v", text, s.Links, links)
		}
	})
}

func TestMicros(t *testing.T) {
	for _, least := range []int64{0, 1} {
		for _, ns := range []int64{0, 1, 999, 1000, 1001, 1999, math.MaxInt64 - 1000} {
			us, rest := spantags.Micros(ns, least)
			if back := spantags.Plus(us*1000, rest); back != ns || us < least {
				t.Errorf("%d ns are %d µs and %d ns, which is %d", ns, us, rest, back)
			}
		}
	}
	if got := spantags.Plus(5000, 1000); got != 5000 {
		t.Errorf("a rest of more than a µs is taken: %d", got)
	}
}

// TestManyTypes gives types to more tags than are looked at one by one.
func TestManyTypes(t *testing.T) {
	var tags []tracefmt.Attr
	for i := range 200 {
		tags = append(tags, tracefmt.Attr{Key: fmt.Sprint("k", i), Value: tracefmt.Int64(int64(i))})
	}
	var types spantags.Types
	if got := types.Apply(throughStrings(tags)); !slices.Equal(got, tags) {
		t.Errorf("got %v", got)
	}
}
