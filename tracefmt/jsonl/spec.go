package jsonl

import (
	"bytes"
	"errors"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "jsonl",
	Description: "one flat JSON object a line, easily written by scripts",
	Extensions:  []string{".jsonl", ".ndjson"},
	MIMEType:    "application/x-ndjson",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Streaming,
	Keeps:       tracefmt.KeepsAll,
}

func init() { tracefmt.Register(Format) }

// kindNames are the values of "kind", apart from kindAsync, which is only read.
var kindNames = map[tracefmt.Kind]string{
	tracefmt.Process: "process", tracefmt.Track: "track", tracefmt.Clock: "clock",
	tracefmt.Begin: "begin", tracefmt.End: "end", tracefmt.Complete: "slice", tracefmt.Instant: "instant",
	tracefmt.Log:       "log",
	tracefmt.Counter:   "counter",
	tracefmt.FlowStart: "flow_start", tracefmt.FlowStep: "flow_step", tracefmt.FlowEnd: "flow_end",
	tracefmt.AsyncBegin: "async_begin", tracefmt.AsyncInstant: "async_instant", tracefmt.AsyncEnd: "async_end",
}

const kindAsync = "async"

var kindsByName = func() map[string]tracefmt.Kind {
	kinds := make(map[string]tracefmt.Kind)
	for kind, name := range kindNames {
		kinds[name] = kind
	}
	kinds[kindAsync] = tracefmt.AsyncBegin
	return kinds
}()

// Values of "clock".
const (
	unixClock  = "unix"
	traceClock = "trace"
)

const attrTraceID = "trace_id"

// detect looks at the first line. One that is cut off is known by what is there of it, down to a name whose end isn't: no other
// format has a name at the top of its first object, unless it has another sign of its own.
func detect(prefix []byte) int {
	prefix = bytes.TrimPrefix(prefix, []byte("\ufeff"))
	i := jsontext.SkipSpace(prefix, 0)
	if i == len(prefix) || prefix[i] != '{' {
		return 0
	}
	var kind, name, start, length, ours, foreign, isCut bool
	for i = jsontext.SkipSpace(prefix, i+1); i < len(prefix) && prefix[i] == '"'; {
		from, to, at, err := jsontext.ScanKey(prefix, i)
		if err != nil {
			break
		}
		end, err := jsontext.ScanValue(prefix, at, 0)
		if isCut = errors.Is(err, jsontext.ErrShort); isCut {
			end = len(prefix)
		} else if err != nil {
			break
		}
		switch string(prefix[from:to]) {
		case "kind":
			_, kind = kindsByName[string(bytes.Trim(prefix[at:end], `"`))]
			if !kind && !isCut {
				return 0
			}
		case "name":
			name = prefix[at] == '"'
		case "start_ns", "start":
			start = true
		case "process", "pid", "track", "tid", "unix_ns", "clock":
			ours = true
		case "time", "ts": // logs and other traces have these
			foreign = true
		case "duration_ns", "end_ns", "end":
			length = true
		}
		if i = jsontext.SkipSpace(prefix, end); i < len(prefix) && prefix[i] == ',' {
			i = jsontext.SkipSpace(prefix, i+1)
		}
	}
	switch {
	case foreign:
		return 0
	case kind && (start || ours):
		return tracefmt.Certain
	case kind:
		return 70
	case name && start && length:
		return 80
	case name && start:
		return 45
	case name && isCut:
		return 20 // more than chrome, for whose list there may be others before it
	}
	return 0
}
