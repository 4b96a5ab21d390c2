package perfetto_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/perfetto"
	"pgregory.net/rapid"
)

// oneByOne hides that a Reader can read many events at a time.
type oneByOne struct{ tracefmt.Reader }

// TestReadEvents: whether events are read one by one, many at a time, or now so and then so, they are the same, and the caller's.
func TestReadEvents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		list := fmttest.Events(r)
		if rapid.Bool().Draw(r, "sample") {
			list = fmttest.Sample()
		}
		var out bytes.Buffer
		w := perfetto.NewWriter(&out)
		for i := range list {
			if err := w.Write(&list[i]); err != nil {
				r.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			r.Fatal(err)
		}
		data := out.Bytes()
		data = data[:rapid.OneOf(rapid.Just(len(data)), rapid.IntRange(0, len(data))).Draw(r, "length")]
		want, wantErr := fmttest.ReadAll(perfetto.NewReader(bytes.NewReader(data)))

		var in tracefmt.Reader = perfetto.NewReader(bytes.NewReader(data))
		if rapid.Bool().Draw(r, "one by one") {
			in = oneByOne{in}
		}
		var got []tracefmt.Event
		var err error
		var kept, events []tracefmt.Event
		for err == nil {
			if rapid.IntRange(0, 3).Draw(r, "next") == 0 {
				var e *tracefmt.Event
				if e, err = in.Next(); err == nil {
					got = append(got, *e.Clone())
				}
				continue
			}
			buf := make([]tracefmt.Event, 0, rapid.SampledFrom([]int{1, 2, 20, 40}).Draw(r, "buf"))
			if len(kept) == 0 && rapid.Bool().Draw(r, "again") {
				buf = events
			}
			events, err = tracefmt.ReadEvents(in, buf)
			for i := range events {
				got = append(got, *events[i].Clone())
			}
			if len(kept) == 0 { // nobody may write into these any more
				kept = events
				events = nil
			}
		}
		if err == io.EOF {
			err = nil
		}
		if (err == nil) != (wantErr == nil) || errors.Is(err, tracefmt.ErrTruncated) != errors.Is(wantErr, tracefmt.ErrTruncated) {
			r.Fatalf("error %v, want %v", err, wantErr)
		}
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !same(&got[i], &want[i]) {
				r.Fatalf("event %d of %d: %+v\nwant %+v, of %d", i, len(got), got[min(i, len(got)):], want[min(i, len(want)):], len(want))
			}
		}
		for i := range kept {
			at := 0
			for at < len(got) && !same(&got[at], &kept[i]) {
				at++
			}
			if at == len(got) {
				r.Fatalf("%+v isn't what it was", kept[i])
			}
		}
	})
}

func same(a, b *tracefmt.Event) bool {
	x, y := *a, *b
	x.Attrs, y.Attrs = append([]tracefmt.Attr{}, x.Attrs...), append([]tracefmt.Attr{}, y.Attrs...)
	return reflect.DeepEqual(x, y)
}
