package main

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"time"
)

const capturesText = `
## Captures under load

A program keeps %s busy with pieces of work of %d µs, each in a span. %d clients at a time open streams, captures and looks
into the flight recorder over HTTP, in the same process, and cut them at random: %d in all. Measured is how long a piece takes,
in turns with the same without any client: %s of two neighbouring measurements.

`

const capturesNotes = `
Medians of all rounds. What the clients get is written by the same processors, so that a piece which has to wait for one of
them takes as long as the scheduler lets it: that is in the highest times, of both rows.
`

func (r *report) writeCaptures(out *bytes.Buffer) {
	c := r.Captures
	fmt.Fprintf(out, capturesText, count(runtime.GOMAXPROCS(0), "processor"), captureWork.Microseconds(), captureClients, c.Opened, count(len(c.With), "round"))
	t := newTable("clients", "pieces:", "median:", "99 %:", "99.9 %:", "highest:")
	for _, row := range []struct {
		what string
		of   []quantiles
	}{{"none", c.Without}, {"some", c.With}} {
		n := 0
		for _, q := range row.of {
			n += q.N
		}
		t.add(row.what, fmt.Sprint(n), micros(middle(row.of, func(q quantiles) time.Duration { return q.P50 })), micros(middle(row.of, func(q quantiles) time.Duration { return q.P99 })),
			micros(middle(row.of, func(q quantiles) time.Duration { return q.P999 })), micros(middle(row.of, func(q quantiles) time.Duration { return q.Max })))
	}
	t.write(out)
	out.WriteString(capturesNotes)
}

func micros(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d)/1e3) }

// middle is the median of one of the quantiles.
func middle(of []quantiles, which func(quantiles) time.Duration) time.Duration {
	v := make([]time.Duration, len(of))
	for i, q := range of {
		v[i] = which(q)
	}
	return median(slices.Clone(v))
}

// delayed is what clients add to the 99th percentile.
func (r *report) delayed() outcome {
	if r.Captures == nil {
		return outcome{}
	}
	p99 := func(q quantiles) time.Duration { return q.P99 }
	more := middle(r.Captures.With, p99) - middle(r.Captures.Without, p99)
	return outcome{fmt.Sprintf("%+.3f ms, of %d", float64(more)/1e6, r.Captures.Opened), more <= time.Millisecond && r.Captures.Opened >= 100}
}
