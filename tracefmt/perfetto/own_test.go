package perfetto

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// TestOwnEvent: packets of our Writer's events are read at one look, all but those that explain names, and in the same way
// as field by field. What only looks like one of them isn't.
func TestOwnEvent(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	const n = 200
	for i := range int64(n) {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: i << (i % 50), Dur: 5, Name: "x", ID: "some ID", Attrs: []tracefmt.Attr{
			{Key: "long", Value: tracefmt.String(string(make([]byte, i*3)))}}}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	own := 0
	for rest := out.Bytes(); len(rest) > 0; {
		_, _, tag := protowire.ConsumeTag(rest)
		data, size := protowire.ConsumeBytes(rest[tag:])
		rest = rest[tag+size:]
		for cut := range len(data) + 1 {
			var p packet
			if !p.ownEvent(data[:cut]) {
				if cut == len(data) {
					break
				}
				continue
			}
			r := NewReader(nil)
			var want packet
			if r.parse(&want, data[:cut]); r.bad || !reflect.DeepEqual(p, want) {
				t.Fatalf("%x: %+v, want %+v; it is malformed: %v", data[:cut], p, want, r.bad)
			}
			if cut < len(data) {
				t.Fatalf("%x is taken for a whole packet", data[:cut])
			}
			own++
		}
		if (&packet{}).ownEvent(append(bytes.Clone(data), 0x40, 1)) {
			t.Fatalf("%x is read without what is behind it", data)
		}
	}
	if own < 2*n-3 {
		t.Errorf("%d packets are read at one look, want %d", own, 2*n)
	}
}

// TestOwnSlice: the begins of our Writer's slices are read at one look, but for those with long values or none of the names, and say the
// same as field by field, also when some of their bytes are others.
func TestOwnSlice(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	const n = 200
	for i := range int64(n) {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: tracefmt.TrackID(i%3 + 1), Time: i * 100, Dur: 1 << (i % 50), Name: "x", Category: "c",
			ID: fmt.Sprint("own ", i), Parent: fmt.Sprint("of ", i/3), Attrs: []tracefmt.Attr{{Key: "n", Value: tracefmt.Int64(i - 5)}}}
		switch i % 20 {
		case 18:
			e.Name, e.Category = "", ""
		case 19:
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: "long", Value: tracefmt.String(strings.Repeat("x", 200))})
		}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	own, fields := NewReader(nil), NewReader(nil)
	var state *sequenceState
	said := func(r *Reader) string {
		return fmt.Sprintf("%+v %v %v %+v", r.raw.common, r.raw.hasRare, r.raw.hasLegacy, r.head)
	}
	same := func(what string, data []byte) bool {
		own.resetRaw()
		if !own.parseOwn(state, data) {
			return false
		}
		fields.resetRaw()
		fields.bad = false
		fields.parseFields(state, data)
		if got, want := said(own), said(fields); fields.bad || got != want {
			t.Fatalf("%s: % x\nis %s\nwant %s", what, data, got, want)
		}
		return true
	}
	random := rand.New(rand.NewPCG(1, 2))
	count := 0
	for rest := out.Bytes(); len(rest) > 0; {
		_, _, tag := protowire.ConsumeTag(rest)
		data, size := protowire.ConsumeBytes(rest[tag:])
		rest = rest[tag+size:]
		var p packet
		fields.parse(&p, data)
		fields.apply(&p)
		if state = fields.sequence(p.sequence); p.event == nil {
			continue
		}
		if same("as it is", p.event) {
			count++
		}
		for range 200 {
			changed := bytes.Clone(p.event)
			changed[random.IntN(len(changed))] = byte(random.Uint32())
			same("changed", changed[:len(changed)-random.IntN(2)*random.IntN(len(changed))])
		}
	}
	if want := n * 18 / 20; count < want/2 || count > want { // durations of many bytes are read otherwise
		t.Errorf("%d slices were read at one look, want %d at most, and half of that", count, want)
	}
}
