package zfssend

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Estimate is how much zfs expects to send. It can be far off, in both directions.
type Estimate struct {
	Bytes   int64 // -1 if unknown
	Streams []EstimatedStream
}

// EstimatedStream is a part of an Estimate: one for each snapshot that is sent.
type EstimatedStream struct {
	From  string // snapshot or bookmark, "" if the stream is a full one
	To    string // snapshot
	Bytes int64  // -1 if unknown
}

// Known reports whether zfs could tell the size.
func (e Estimate) Known() bool { return e.Bytes >= 0 }

// Estimate returns how much Send with the same arguments would send (zfs send -nvP), after what has
// been sent already if there is a token. It reads metadata only, but takes
// long for large datasets, so it is better asked for while the stream is already running. It needs no permissions.
func (c *Client) Estimate(ctx context.Context, snapshot string, o SendOptions) (Estimate, error) {
	name, err := parse(snapshot, '@')
	if err != nil {
		return Estimate{}, err
	}
	var args []string
	if o.Token == "" {
		args, err = o.args(name)
	} else {
		args, _, err = o.resume(name)
	}
	if err != nil {
		return Estimate{}, err
	}
	out, err := c.run(ctx, opSend, snapshot, append([]string{"-nvP"}, args...)...)
	if err != nil {
		return Estimate{}, err
	}
	e, err := parseEstimate(string(out))
	if err != nil {
		return Estimate{}, fmt.Errorf("estimate %s: %w", snapshot, err)
	}
	return e, nil
}

// parseEstimate parses the output of zfs send -nvP. For each stream there is a row, where old versions may leave out
// the size, and then there is one of the total:
//
//	full	tank/a@one	3033336
//	incremental	tank/a@one	tank/a@two	533840
//	incremental	two	tank/a@three	624
//	size	3567800
//
// In front there may be the contents of a resume token.
func parseEstimate(out string) (Estimate, error) {
	e := Estimate{Bytes: -1}
	total, line := false, 0
	fail := func(format string, args ...any) (Estimate, error) {
		return Estimate{}, fmt.Errorf("line %d of its output: "+format, append([]any{line}, args...)...)
	}
	for text := range strings.Lines(out) {
		line++
		columns := strings.Split(strings.TrimSuffix(text, "\n"), "\t")
		kind, columns := columns[0], columns[1:]
		names := map[string]int{"full": 1, "incremental": 2, "size": 0}
		n, ok := names[kind]
		if !ok {
			if len(e.Streams) > 0 || total {
				return fail("%.200q is no row of an estimate", text)
			}
			continue // the contents of a resume token
		}
		if total || len(columns) < n || len(columns) > n+1 {
			return fail("%.200q is no row of an estimate", text)
		}
		bytes := int64(-1)
		if len(columns) > n {
			var err error
			if bytes, err = estimatedSize(columns[n]); err != nil {
				return fail("size: %w", err)
			}
		}
		if kind == "size" {
			e.Bytes, total = bytes, true
			continue
		}
		s := EstimatedStream{To: columns[n-1], Bytes: bytes}
		if _, err := parse(s.To, '@'); err != nil {
			return fail("%w", err)
		}
		if kind == "incremental" {
			if s.From = columns[0]; !strings.ContainsAny(s.From, "@#") {
				s.From = datasetOf(s.To) + "@" + s.From // of an increment in a series, which names the snapshot alone
			}
			if _, err := parse(s.From, '@', '#'); err != nil {
				return fail("%w", err)
			}
		}
		e.Streams = append(e.Streams, s)
	}
	if len(e.Streams) == 0 {
		return Estimate{}, errors.New("its output tells of no stream")
	}
	if !total {
		e.Bytes = e.sum()
	}
	return e, nil
}

// estimatedSize parses a size. Beyond 2^63 it is a negative number that zfs prints as a positive one
// (openzfs#12265, #15956, #16691): it tells nothing.
func estimatedSize(text string) (int64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return -1, err
	}
	if n >= 1<<63 {
		return -1, nil
	}
	return int64(n), nil
}

// sum returns the size of all streams, -1 if one of them is unknown.
func (e Estimate) sum() int64 {
	var total int64
	for _, s := range e.Streams {
		if total += s.Bytes; s.Bytes < 0 || total < 0 {
			return -1
		}
	}
	return total
}
