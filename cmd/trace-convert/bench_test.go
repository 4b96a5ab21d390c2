package main

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// operators returns Chrome JSON of n events as PyTorch's profiler writes it: 250 bytes each, in several lines.
func operators(n int) []byte {
	var b bytes.Buffer
	b.WriteString("{\"schemaVersion\": 1, \"traceEvents\": [\n" +
		`{"ph":"M","name":"process_name","pid":1,"tid":0,"ts":0,"args":{"name":"python"}}`)
	for i := range n {
		fmt.Fprintf(&b, ",\n  {\n    \"ph\": \"X\", \"cat\": \"cpu_op\", \"name\": \"aten::op_%d\", \"pid\": 1, \"tid\": %d,\n"+
			"    \"ts\": %d.%03d, \"dur\": 5.%03d,\n    \"args\": {\n"+
			"      \"External id\": %d,\"Ev Idx\": %d, \"Input Dims\": \"[[8, 512], [512, 512]]\", \"stream\": 7\n    }\n  }",
			i%200, 100+i%8, 1700000000000000+i*7, i%1000, i%1000, i, i)
	}
	b.WriteString("\n]}\n")
	return b.Bytes()
}

// BenchmarkConvert converts a large trace as a stream.
func BenchmarkConvert(b *testing.B) {
	chrome := operators(100_000)
	var perfetto bytes.Buffer
	convert := func(b *testing.B, in []byte, to string, out io.Writer) {
		r, err := tracefmt.NewReader(bytes.NewReader(in))
		if err != nil {
			b.Fatal(err)
		}
		w := tracefmt.Lookup(to).NewWriter(out)
		if _, err := tracefmt.Copy(w, timeline.NewStream(r, 0)); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	convert(b, chrome, "perfetto", &perfetto)
	for _, bb := range []struct {
		name, to string
		in       []byte
	}{{"chrome-perfetto", "perfetto", chrome}, {"perfetto-chrome", "chrome", perfetto.Bytes()}} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(bb.in)))
			b.ReportAllocs()
			for b.Loop() {
				convert(b, bb.in, bb.to, io.Discard)
			}
		})
	}
}
