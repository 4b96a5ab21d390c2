package chrome

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"pgregory.net/rapid"
)

// someHead returns a key with what is around it, and someValue a value with what follows.
func someHead(t *rapid.T) string {
	keys := []string{"name", "cat", "ph", "ts", "dur", "pid", "tid", "id", "s", "bp", "bind_id", "flow_in", "args", "x", "spanstack.id", `n\u0061me`, ""}
	spaces := []string{"", "", " ", "\n\t"}
	space := func() string { return rapid.SampledFrom(spaces).Draw(t, "space") }
	return space() + `"` + rapid.SampledFrom(keys).Draw(t, "key") + `"` + space() + ":" + space()
}

func someValue(t *rapid.T) string {
	values := []string{`"X"`, `"a"`, `"aa"`, `"a\"b"`, `"é"`, `1`, `12`, `1.5`, `1700000000000000.125`, `-3`, `0`, `01`, `"7"`, `true`, `null`,
		`[1, 2]`, `{}`, `{ }`, `{"n":1}`, `{"n":1,"m":"x"}`, `{ "n" : 2 , "spanstack.parent":"p"}`, `{"n":{"a":[1]}}`, `{"n":1,}`, `{1}`, `"`, ``}
	return rapid.SampledFrom(values).Draw(t, "value") + rapid.SampledFrom([]string{"", "", " "}).Draw(t, "space")
}

// parsed says all that is known of an event that begins the text.
func parsed(text string, p *parser) string {
	var e rawEvent
	n, err := e.parse([]byte(text), p)
	if err != nil {
		if bad, ok := err.(*jsontext.Bad); ok {
			return fmt.Sprint("bad at ", bad.At, ": ", bad.What)
		}
		return err.Error()
	}
	return fmt.Sprintf("%d %+v", n, e)
}

// TestShape parses events with what is known of others, and without: the outcome is the same.
func TestShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		heads := rapid.SliceOfN(rapid.Custom(someHead), 1, 3).Draw(t, "heads") // few, so that they come again
		var learned parser
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			var some []string
			for range rapid.IntRange(0, 5).Draw(t, "members") {
				some = append(some, rapid.SampledFrom(heads).Draw(t, "head")+someValue(t))
			}
			text := "{" + strings.Join(some, ",") + "}" + rapid.SampledFrom([]string{"", ",", "]"}).Draw(t, "behind")
			text = text[:rapid.IntRange(1, len(text)).Draw(t, "length")]
			if got, want := parsed(text, &learned), parsed(text, new(parser)); got != want {
				t.Fatalf("%s is\n%s\nand without having learned\n%s", text, got, want)
			}
		}
	})
}

// TestShapeBounds has events of more shapes than are remembered, and of more members than can follow each other.
func TestShapeBounds(t *testing.T) {
	var p parser
	for i := range 3 * maxNodes {
		text := fmt.Sprintf(`{"ph":"X","args":{"k%d":%d,"m%d":"x"}}`, i/maxNext, i, i)
		var e rawEvent
		if n, err := e.parse([]byte(text), &p); n != len(text) || err != nil || e.phase != 'X' {
			t.Fatalf("%s: %d, %v", text, n, err)
		}
		want := []tracefmt.Attr{{Key: fmt.Sprint("k", i/maxNext), Value: tracefmt.Int64(int64(i))}, {Key: fmt.Sprint("m", i), Value: tracefmt.String("x")}}
		if !reflect.DeepEqual(e.attrs, want) {
			t.Fatalf("%s has attributes %v", text, e.attrs)
		}
		if p.shape.nodes > maxNodes {
			t.Fatalf("%d texts are remembered", p.shape.nodes)
		}
	}
	var many strings.Builder
	many.WriteString(`{"args":{"first":0`)
	for i := range 2 * maxNodes {
		fmt.Fprintf(&many, `,"k%d":%d`, i, i)
	}
	many.WriteString("}}")
	for range 2 {
		var e rawEvent
		if n, err := e.parse([]byte(many.String()), &p); n != many.Len() || err != nil || len(e.attrs) != 2*maxNodes+1 || p.shape.nodes > maxNodes {
			t.Fatalf("an event of many attributes: %d, %v, %d attributes, %d texts are remembered", n, err, len(e.attrs), p.shape.nodes)
		}
	}
}

// TestShapeIsUsed looks whether what was seen is found again.
func TestShapeIsUsed(t *testing.T) {
	var p parser
	for i := range 1000 {
		parsed(fmt.Sprintf(`{ "ph": "X", "name": "n%d", "ts": %d, "args": { "a": 1, "b": "%d" } }`, i, i, i), &p)
	}
	if p.shape.nodes != 8 {
		t.Errorf("events of one shape made %d texts, want 8", p.shape.nodes)
	}
}
