package spanlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
)

func seeds(f *testing.F) {
	for _, text := range []string{
		jsonLines, logfmtLines, "\ufeff\x00" + jsonLines + "panic: x\r\n" + logfmtLines,
		"time=2026-01-31T09:05:00.1+01:00 level=ERROR+2 msg=\"\\x00\\u202e\" a\\x20b=1e5 c= trace=….a/+17/b~c/\n",
		`{"time":"2250-12-31T23:59:59.999999999-23:59","msg":"a","msg":"\ud800","level":5,"k":{"a":[[]]},"k":-0}`,
		"2026-01-31 09:05:00.123456 INFO  zfs sent\n",
		"level=INFO msg=a\ntime=1969-01-01T00:00:00Z msg=b",
	} {
		f.Add([]byte(text))
	}
}

// FuzzReader reads arbitrary text, in one piece and byte by byte. Every line of its result is one that encoding/json
// takes for an object, or logfmt, and all of it can be written as a trace.
func FuzzReader(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := spanlog.NewReader(bytes.NewReader(data))
		var events []tracefmt.Event
		for {
			e, err := r.Next()
			if err != nil {
				syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
				if err != io.EOF && (!ok || syntax.Offset < 0 || syntax.Offset > int64(len(data))) {
					t.Fatalf("the error isn't a SyntaxError with an offset in the text: %v", err)
				}
				break
			}
			if e.Kind == tracefmt.Log {
				line := bytes.Trim(bytes.TrimPrefix(bytes.TrimLeft(r.Line(), "\x00"), []byte("\ufeff")), " \t\r")
				if !bytes.Contains(data, line) || bytes.ContainsRune(line, '\n') {
					t.Fatalf("%q is no line of %q", line, data)
				}
				seen := map[string]bool{}
				for _, a := range e.Attrs {
					if seen[a.Key] {
						t.Fatalf("%q has an attribute twice: %q", line, a.Key)
					}
					seen[a.Key] = true
					if a.Value.Kind() == tracefmt.RawValue && !json.Valid([]byte(a.Value.String())) {
						t.Fatalf("%q has an attribute that is no JSON: %q", line, a.Value)
					}
				}
				if e.Parent != "" && !tracefmt.Stack(e.Attr(tracefmt.AttrStack).String()).Contains(e.Parent) {
					t.Fatalf("%q: parent %q isn't in the stack", line, e.Parent)
				}
			}
			events = append(events, *e.Clone())
		}
		slow := spanlog.NewReader(&bytewise{data})
		again, _ := fmttest.ReadAll(slow)
		fmttest.Diff(t, "byte by byte", fmttest.ContentOf(again, tracefmt.KeepsAll), fmttest.ContentOf(events, tracefmt.KeepsAll))
		var out bytes.Buffer
		w := chrome.NewWriter(&out)
		for i := range events {
			if err := w.Write(&events[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || !json.Valid(out.Bytes()) {
			t.Fatalf("written as %q: %v", out.Bytes(), err)
		}
		spanlog.Format.Detect(data)
	})
}

// bytewise reads one byte at a time.
type bytewise struct{ rest []byte }

func (b *bytewise) Read(p []byte) (int, error) {
	n := copy(p, b.rest[:min(1, len(b.rest))])
	b.rest = b.rest[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// strict is the form of RFC 3339. Package time takes hours of one digit, too, and offsets of 60 minutes.
var strict = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:[0-5]\d)$`)

// FuzzTime compares times with what package time makes of them.
func FuzzTime(f *testing.F) {
	for _, text := range []string{"2026-01-31T09:05:00Z", "1970-01-01T00:00:00.000000001+01:30", "2024-02-29t23:59:59,999999999z",
		"2100-02-29T00:00:00Z", "2250-12-31T23:59:59.9999999999-23:59", "1969-01-01T00:00:00Z", "2026-13-01T00:00:00Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := spanlog.ParseTime([]byte(text))
		want, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text))
		if ok && (err != nil || got != want.UnixNano()) {
			t.Errorf("%q is read as %d, want %d, %v", text, got, want.UnixNano(), err)
		}
		if !ok && err == nil && strict.MatchString(text) && want.Year() > 1969 && want.Year() < 2250 {
			t.Errorf("%q isn't read, want %d", text, want.UnixNano())
		}
	})
}
