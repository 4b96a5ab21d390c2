package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/spanstack/spanstack/trace"
)

// lineWriters open a session of each logger. Their keys for what isn't the same in all of them are those of slog unless
// there are others.
var lineWriters = map[string]struct {
	open       func(io.Writer) *session
	line       loop
	first      loop // nil: not measured
	off        []loop
	time, text string
}{
	"spanstack, IDs": {func(w io.Writer) *session { return spanstackTo(trace.LevelIDs, w) }, spanstackLines, spanstackFirstLines,
		[]loop{spanstackOffArgs, spanstackOffConstants, spanstackOffTyped}, "time", "msg"},
	"spanstack, recording": {func(w io.Writer) *session { return spanstackTo(trace.LevelRecording, w) }, spanstackLines, spanstackFirstLines,
		[]loop{spanstackOffArgs, spanstackOffConstants, spanstackOffTyped}, "time", "msg"},
	"slog": {slogTo, slogLines, slogFirstLines, []loop{slogOffArgs, slogOffConstants, slogOffTyped}, "time", "msg"},
	"zap": {func(w io.Writer) *session { return zapTo(zapcore.AddSync(w)) }, zapLines, nil,
		[]loop{zapOffArgs, zapOffConstants, zapOffTyped, zapOffChecked}, "ts", "msg"},
	"zerolog": {zerologTo, zerologLines, nil, []loop{zerologOffTyped}, "time", "message"},
}

// TestSameLines checks that all loggers write the same: one line, with the same fields and values.
func TestSameLines(t *testing.T) {
	for name, c := range lineWriters {
		for of, l := range map[string]loop{"line": c.line, "first line": c.first} {
			if l == nil {
				continue
			}
			var out bytes.Buffer
			s := c.open(&out)
			ctx, end := s.root(s.ctx)
			l(ctx, 1)
			end()
			want := map[string]any{"subsystem": "zfs", "dataset": "tank/home/alice", "bytes": 0.0, "resumed": true, "compression": 1.75}
			var got map[string]any
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%s, %s: %v: %s", name, of, err, &out)
			}
			at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got[c.time]))
			if since := time.Since(at); err != nil || since < 0 || since > time.Minute {
				t.Errorf("%s, %s: time %v, %v", name, of, got[c.time], err)
			}
			if level, _ := got["level"].(string); !strings.EqualFold(level, "info") {
				t.Errorf("%s, %s: level %v", name, of, got["level"])
			}
			if got[c.text] != "sent snapshot" {
				t.Errorf("%s, %s: message %v", name, of, got[c.text])
			}
			stack, above := fmt.Sprint(got["trace"]), trace.Stack(ctx)
			if ok := stack == above; of == "line" && !ok || of == "first line" && (ok || !strings.HasPrefix(stack, strings.TrimSuffix(above, "/"))) {
				t.Errorf("%s, %s: ID stack %q, in a context with %q", name, of, stack, above)
			}
			for _, key := range []string{c.time, "level", c.text, "trace"} {
				delete(got, key)
			}
			if !maps.Equal(got, want) || strings.Count(out.String(), "\n") != 1 {
				t.Errorf("%s, %s: %s\nwant beside time, level, message and trace %v", name, of, &out, want)
			}
		}
	}
}

// TestDisabledLines checks that lines which are off are not written.
func TestDisabledLines(t *testing.T) {
	for name, c := range lineWriters {
		var out bytes.Buffer
		s := c.open(&out)
		ctx, end := s.root(s.ctx)
		for _, l := range c.off {
			l(ctx, 2)
		}
		end()
		if out.Len() > 0 {
			t.Errorf("%s wrote %s", name, &out)
		}
	}
}

// TestFileLines checks that lines get into files, and that those which don't are counted.
func TestFileLines(t *testing.T) {
	const n = 20_000
	for _, c := range []struct {
		contender contender
		loop      loop
		lossy     bool
	}{{loggerFile, spanstackLines, false}, {slogFile, slogLines, false}, {zapFile, zapLines, false}, {zerologFile, zerologLines, true}} {
		s, err := c.contender.begin()
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := s.root(s.ctx)
		c.loop(ctx, n)
		end()
		if s.flush != nil {
			if err := s.flush(); err != nil {
				t.Error(err)
			}
		}
		if lost, err := s.stop(n); err != nil || lost != 0 && !c.lossy || lost >= n {
			t.Errorf("%s: %d of %d lost, error %v", c.contender.name, lost, n, err)
		}
	}
}

func TestCountMessages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	line := `{"msg":"sent snapshot","pad":"` + strings.Repeat("x", 1000) + "\"}\n"
	const n = 2000 // of them, more than one read
	text := strings.Repeat(line, n) + "{\"msg\":\"log lines were lost\"}\n" + strings.TrimSuffix(line, "\n")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := countMessages(path); got != n || err != nil {
		t.Errorf("%d, %v; want %d whole lines", got, err, n)
	}
}

// TestDisagreement checks that a logger which miscounts what it lost isn't believed.
func TestDisagreement(t *testing.T) {
	begin := intoFile(func(path string) (*session, func() uint64, error) {
		s, _, err := slogIntoFile(path)
		return s, func() uint64 { return 1 }, err
	})
	s, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	slogLines(s.ctx, 3)
	if _, err := s.stop(3); err == nil || !strings.Contains(err.Error(), "of 3 lines, 3 are in the file, and 1 were dropped") {
		t.Errorf("error %v", err)
	}
}
