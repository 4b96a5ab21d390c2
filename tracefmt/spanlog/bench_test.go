package spanlog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
)

// benchLog returns a log as zferry might write it: stacks of one to four members, zero to four attributes.
func benchLog(b *testing.B, format logging.Format) []byte {
	var out bytes.Buffer
	ctx := logging.WithHandler(b.Context(), logging.NewHandler(&out, logging.Options{Format: format}))
	for i := range 12_500 {
		ctx, task := trace.WithTask(ctx, "replicate")
		logging.GetLogger(ctx, "zferry").Info("replicating", "source", fmt.Sprint("tank/db", i%100), "destination", fmt.Sprint("backup/db", i%100))
		inner, span := trace.WithSpan(ctx, "plan")
		logging.GetLogger(inner, "zfs").Info("started", "command", "zfs list -Hp -t snapshot,bookmark -o name,guid,createtxg", "pid", 1000+i)
		logging.GetLogger(inner, "zfs").Info("ended", "status", "exit status 0", slog.Bool("cached", i%2 == 0), "seconds", float64(i)/7, "bytes", i*4096)
		child, childTask := trace.WithTask(inner, "step")
		logging.GetLogger(child, "zfssend").Warn("sent a step")
		childTask.End()
		span.End()
		task.End()
	}
	return out.Bytes()
}

func BenchmarkRead(b *testing.B) {
	for _, format := range []logging.Format{logging.FormatJSON, logging.FormatLogfmt} {
		data := benchLog(b, format)
		b.Run(format.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			lines := bytes.Count(data, []byte("\n"))
			for b.Loop() {
				r := spanlog.NewReader(bytes.NewReader(data))
				for {
					if _, err := r.Next(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines), "ns/line")
		})
	}
	// encoding/json decoding line by line into a map, which is how most programs read such logs.
	data := benchLog(b, logging.FormatJSON)
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			d := json.NewDecoder(bytes.NewReader(data))
			for {
				var line map[string]any
				if err := d.Decode(&line); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
