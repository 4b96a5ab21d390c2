package chrome_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
)

// benchTrace returns a trace of about 16 MB as package trace would record it: tasks, spans with attributes, log lines.
func benchTrace(b *testing.B) []byte {
	var out bytes.Buffer
	w := chrome.NewWriter(&out)
	write := func(e tracefmt.Event) {
		if err := w.Write(&e); err != nil {
			b.Fatal(err)
		}
	}
	write(tracefmt.Event{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(4242), Name: "zferry"})
	for i := range 25_000 {
		track, when := tracefmt.TrackID(2+i%16), int64(i)*12_345_678
		id, parent := fmt.Sprintf("aaaaaaaa%05x", i), fmt.Sprintf("bbbbbbbb%05x", i)
		write(tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 1000, Dur: 5000, Name: "zfs list", Category: tracefmt.CategorySpan,
			ID: id, Parent: parent, Attrs: []tracefmt.Attr{attr("dataset", tracefmt.String(fmt.Sprint("tank/db", i%100))), attr("bytes", tracefmt.Int64(int64(i)*4096))}})
		write(tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when + 7000, Dur: 1234, Name: "hold", Category: tracefmt.CategorySpan, ID: id + "x", Parent: parent})
		write(tracefmt.Event{Kind: tracefmt.Log, Track: track, Time: when + 8000, Name: "sent a step", Severity: tracefmt.SeverityInfo, Parent: parent,
			Attrs: []tracefmt.Attr{attr(tracefmt.AttrSubsystem, tracefmt.String("zfssend"))}})
		write(tracefmt.Event{Kind: tracefmt.Complete, Track: track, Time: when, Dur: 10_000_000, Name: "step", Category: tracefmt.CategoryTask, ID: parent})
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkRead(b *testing.B) {
	data := benchTrace(b)
	b.Run("tracefmt", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n = 0
			r := chrome.NewReader(bytes.NewReader(data))
			for {
				if _, err := r.Next(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
				n++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
	})
	// encoding/json decoding event by event into a struct, args into a map, which is how most programs read traces.
	b.Run("encoding-json", func(b *testing.B) {
		type event struct {
			Name, Cat, Ph string
			Ts, Dur       float64
			Pid, Tid      int64
			Args          map[string]any
		}
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			d := json.NewDecoder(bytes.NewReader(data))
			if _, err := d.Token(); err != nil {
				b.Fatal(err)
			}
			for d.More() {
				var e event
				if err := d.Decode(&e); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	data := benchTrace(b)
	var events []tracefmt.Event
	r := chrome.NewReader(bytes.NewReader(data))
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		events = append(events, *e.Clone())
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w := chrome.NewWriter(io.Discard)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}
