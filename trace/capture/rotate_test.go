package capture_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/tracefmt"
)

// unpack unpacks a file, which consists of complete gzip members whenever it is read.
func unpack(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("after %d bytes: %v", len(text), err)
	}
	return text
}

// TestKilledWhileWritingMembers is TestKilledWhileWriting for files that are packed.
func TestKilledWhileWritingMembers(t *testing.T) {
	for i := range 5 {
		path := filepath.Join(t.TempDir(), "trace.json.gz")
		cmd, _ := start(t, "busy", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool {
			info, err := os.Stat(path)
			return err == nil && info.Size() > int64(1<<17+i<<14)
		})
		cmd.Process.Kill()
		cmd.Wait()
		b, _ := os.ReadFile(path)
		text := unpack(t, b)
		if n := len(load(t, path)); n < 1000 || len(text) < 4*len(b) {
			t.Errorf("%d events in %d bytes, packed %d", n, len(text), len(b))
		}
	}
}

func TestParseFile(t *testing.T) {
	for text, want := range map[string]capture.FileConfig{
		"trace.json":                            {Path: "trace.json"},
		"trace-%n.json,max_size=100MB,keep=5":   {Path: "trace-%n.json", MaxSize: 100_000_000, Keep: 5},
		"a.json,keep=1,max_size=64KiB":          {Path: "a.json", MaxSize: 64 << 10, Keep: 1},
		`a\,b\\c\d.json,max_size=9GiB`:          {Path: `a,b\c\d.json`, MaxSize: 9 << 30},
		"max_size=1GB.json":                     {Path: "max_size=1GB.json"},
		"trace.json,max_size=9223372036854775B": {Path: "trace.json", MaxSize: 9223372036854775},
	} {
		if got, err := capture.ParseFile(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                                     "trace file: want a path",
		",keep=3":                              "trace file: want a path",
		"a.json,":                              `trace file a.json: unknown option "": want max_size or keep; a comma in a name is written \,`,
		"a,b.json":                             `trace file a: unknown option "b.json": want max_size or keep; a comma in a name is written \,`,
		"a.json,keep=0":                        `trace file a.json: keep: "0": want a number of files, 1 or more`,
		"a.json,keep":                          `trace file a.json: keep: "": want a number of files, 1 or more`,
		"a.json,keep=1,keep=2":                 `trace file a.json: keep is there twice`,
		"a.json,max_size=100":                  `trace file a.json: max_size: "100" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB`,
		"a.json,max_size=-1MB":                 `trace file a.json: max_size: "-1MB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB`,
		"a.json,max_size=1KB":                  `trace file a.json: max_size: "1KB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB`,
		"a.json,max_size=9223372036854775807k": `trace file a.json: max_size: "9223372036854775807k" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB`,
		"a.json,max_size=9999999999999GB":      `trace file a.json: max_size: "9999999999999GB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB`,
		"a.json,max_size=1B":                   `trace file a.json: max_size: "1B" is too small: want 64KiB or more`,
	} {
		if _, err := capture.ParseFile(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
	}
	rec := trace.NewRecorder(trace.Config{})
	for config, want := range map[capture.FileConfig]string{
		{Path: "a-%n-%n.json"}:             `write trace a-%n-%n.json: want "%n" once, in the last part of the path`,
		{Path: "dir/%n.json", Keep: 3}:     `write trace dir/%n.json: want a name in front of "%n", lest files of others are removed`,
		{Path: "%n/a.json"}:                `write trace %n/a.json: want "%n" once, in the last part of the path`,
		{Path: "a.json", MaxSize: 1}:       `write trace a.json: a limit of 1 bytes: want 65536 or more`,
		{Path: "a.json", Keep: -1}:         `write trace a.json: keep -1 files: want 1 or more`,
		{Path: "nodir/a-%n.json"}:          `write trace: open nodir/a-1.json: no such file or directory`,
		{Path: "nodir/a.json.gz"}:          `write trace: open nodir/a.json.gz: no such file or directory`,
		{Path: "nodir/a.json.gz", Keep: 1}: `write trace: open nodir/a-1.json.gz: no such file or directory`,
	} {
		if _, err := config.Start(rec); err == nil || err.Error() != want {
			t.Errorf("%+v: %v\nwant %s", config, err, want)
		}
	}
}

// TestRotation: a trace that is limited in size goes on in other files, each of which shows what is open at its head, and
// of which the last ones are kept.
func TestRotation(t *testing.T) {
	for _, name := range []string{"trace.json", "trace-%n.json.gz"} {
		t.Run(strings.ReplaceAll(name, "%n", "n"), func(t *testing.T) {
			dir := t.TempDir()
			for _, other := range []string{"trace-1.json", "trace-1.json.gz"} { // of an earlier run
				os.WriteFile(filepath.Join(dir, other), []byte("old"), 0o600)
			}
			os.WriteFile(filepath.Join(dir, "trace-0002.json"), []byte("not ours"), 0o600)
			base := tracetest.Strict(t)
			rec := trace.RecorderFromContext(base)
			ctx, task := trace.WithTask(base, "long", slog.String("dataset", "tank"))
			_, async := trace.WithAsyncSpan(ctx, "request")
			_, early := trace.WithAsyncSpan(ctx, "early")
			sctx, span := trace.WithSpan(ctx, "waiting")
			config, err := capture.ParseFile(filepath.Join(dir, name) + ",max_size=64KiB,keep=3")
			if err != nil {
				t.Fatal(err)
			}
			f, err := config.Start(rec)
			if err != nil {
				t.Fatal(err)
			}
			waitFor(t, func() bool { // until it is there, as open
				b, _ := os.ReadFile(f.Path())
				return len(b) > 0
			})
			early.End()
			total := 0
			number := func() int {
				digits := strings.TrimPrefix(strings.TrimSuffix(strings.TrimSuffix(f.Path(), ".gz"), ".json"), filepath.Join(dir, "trace-"))
				n, err := strconv.Atoi(digits)
				if err != nil {
					t.Fatalf("the file is %s", f.Path())
				}
				return n
			}
			waitFor(t, func() bool {
				for i := range 100 {
					_, s := trace.WithSpan(sctx, "step", slog.Int("i", i), slog.Uint64("noise", uint64(total)*0x9e3779b97f4a7c15))
					s.End()
					total++
				}
				return number() >= 7
			})
			if err := f.Stop(); err != nil {
				t.Fatal(err)
			}
			paths, _ := filepath.Glob(filepath.Join(dir, "trace-*"+strings.TrimPrefix(name, name[:strings.Index(name, ".")])))
			paths = slices.DeleteFunc(paths, func(p string) bool { return strings.HasSuffix(p, "0002.json") })
			slices.SortFunc(paths, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) // 10 is after 9
			if len(paths) != 3 {
				t.Errorf("the files are %q", paths)
			}
			last := math.MinInt
			for i, path := range paths {
				var head []string
				steps := 0
				for _, e := range load(t, path) {
					switch {
					case e.Name == "step":
						i, _ := e.Attr("i").Int64()
						if steps > 0 && int(i) != (last+1)%100 {
							t.Fatalf("step %d comes after %d", i, last)
						}
						last = int(i)
						steps++
					case steps == 0 && (e.Kind == tracefmt.Begin || e.Kind == tracefmt.AsyncInstant):
						head = append(head, e.Name)
					case e.Category == tracefmt.CategoryLoss:
						t.Errorf("%s: records are lost", path)
					}
				}
				if got := strings.Join(head, " "); got != "long request waiting" && got != "long waiting request" || steps == 0 && i < len(paths)-1 {
					t.Errorf("%s has %d steps after the head %s", path, steps, got)
				}
				info, _ := os.Stat(path)
				if info.Size() > 2<<20 {
					t.Errorf("%s has %d bytes", path, info.Size())
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "trace-0002.json")); err != nil {
				t.Error(err)
			}
			span.End()
			async.End()
			task.End()
		})
	}
}

// TestEndsAfterRotation: a span that began in one file ends in another.
func TestEndsAfterRotation(t *testing.T) {
	base := tracetest.Strict(t)
	f, err := capture.FileConfig{Path: filepath.Join(t.TempDir(), "trace.json"), MaxSize: 64 << 10}.Start(trace.RecorderFromContext(base))
	if err != nil {
		t.Fatal(err)
	}
	first := f.Path()
	ctx, task := trace.WithTask(base, "long")
	ctx, span := trace.WithSpan(ctx, "waiting")
	waitFor(t, func() bool {
		for range 100 {
			_, s := trace.WithSpan(ctx, "step")
			s.End()
		}
		return f.Path() != first
	})
	span.End()
	task.End()
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	ended := 0
	paths, _ := filepath.Glob(filepath.Join(filepath.Dir(first), "*"))
	slices.SortFunc(paths, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	for _, path := range paths {
		var all []string
		for _, e := range load(t, path) {
			if e.Kind == tracefmt.Begin || e.Kind == tracefmt.End {
				all = append(all, e.Kind.String()+" "+e.Name)
			}
		}
		switch got := strings.Join(all, " "); {
		case ended == 0 && got == "begin long begin waiting":
		case ended == 0 && got == "begin long begin waiting end waiting end long" && path != first:
			ended++
		case ended == 1 && got == "":
		default:
			t.Errorf("%s: %s", path, got)
		}
	}
	if ended != 1 {
		t.Errorf("the span ended in %d of %q", ended, paths)
	}
}

// TestTwoProcessesOfOneName: with numbers, a child that inherited the variable writes a file of its own, and what another
// process writes isn't removed.
func TestTwoProcessesOfOneName(t *testing.T) {
	config := capture.FileConfig{Path: filepath.Join(t.TempDir(), "trace-%n.json"), Keep: 1}
	var files []*capture.File
	for range 3 {
		f, err := config.Start(trace.NewRecorder(trace.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	for i, f := range files {
		if want := strings.Replace(config.Path, "%n", strconv.Itoa(i+1), 1); f.Path() != want {
			t.Errorf("file %d is %s", i, f.Path())
		}
		if err := f.Stop(); err != nil {
			t.Fatal(err)
		}
		load(t, f.Path())
	}
}

// TestOpenAtTheHead: more that is open than fits into a file isn't written again and again.
func TestOpenAtTheHead(t *testing.T) {
	base := tracetest.Strict(t)
	ctx, cancel := context.WithCancel(base)
	defer cancel()
	var open []*trace.Span
	for range 2000 {
		_, s := trace.WithTask(ctx, "open", slog.String("text", strings.Repeat("x", 100)))
		open = append(open, s)
	}
	f, err := capture.FileConfig{Path: filepath.Join(t.TempDir(), "trace.json"), MaxSize: 64 << 10}.Start(trace.RecorderFromContext(base))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return strings.HasSuffix(f.Path(), "-2.json") })
	for range 5 {
		size := int64(-1)
		waitFor(t, func() bool {
			_, s := trace.WithTask(ctx, "short")
			s.End()
			info, err := os.Stat(f.Path())
			grown := err == nil && size >= 0 && info.Size() > size
			if err == nil && size < 0 {
				size = info.Size()
			}
			return grown
		})
	}
	if !strings.HasSuffix(f.Path(), "-2.json") {
		t.Errorf("the file is %s", f.Path())
	}
	if err := f.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, s := range open {
		s.End()
	}
}
