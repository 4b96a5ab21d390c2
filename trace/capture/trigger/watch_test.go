package trigger

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

// TestTriggers lets something happen, and wants the causes of the dumps that follow.
func TestTriggers(t *testing.T) {
	replicate := Named("replicate")
	for _, test := range []struct {
		name    string
		trigger Trigger
		happens func(ctx context.Context)
		want    string
	}{
		{"slow while open", Slow(time.Minute, replicate), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "replicate")
			defer task.End()
			time.Sleep(10 * time.Minute)
		}, `slow: task "replicate" is open for 1m0s`},
		{"slow span", Slow(time.Minute, Named("zfs *")), func(ctx context.Context) {
			ctx, task := trace.WithTask(ctx, "replicate")
			defer task.End()
			_, span := trace.WithSpan(ctx, "zfs list")
			time.Sleep(2 * time.Minute)
			span.End()
		}, `slow: span "zfs list" is open for 1m0.24s`},
		{"slow between two looks", Slow(100*time.Millisecond, replicate), func(ctx context.Context) {
			time.Sleep(10 * time.Millisecond)
			_, task := trace.WithTask(ctx, "replicate")
			time.Sleep(120 * time.Millisecond)
			task.End()
		}, `slow: task "replicate" took 120ms`},
		{"slow async span", Slow(time.Second, Named("request")), func(ctx context.Context) {
			_, span := trace.WithAsyncSpan(ctx, "request")
			time.Sleep(1100 * time.Millisecond)
			span.End()
		}, `slow: async "request" is open for 1s`},
		{"slow at LevelIDs", Slow(time.Minute, replicate), func(ctx context.Context) {
			trace.RecorderFromContext(ctx).SetLevel(trace.LevelIDs)
			_, task := trace.WithTask(ctx, "replicate")
			time.Sleep(5 * time.Minute)
			task.End()
		}, `slow: task "replicate" is open for 1m0s`},
		{"not slow", Slow(time.Minute, replicate), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "replicate")
			time.Sleep(time.Minute - time.Nanosecond)
			task.End()
		}, ""},
		{"slow, but of another name", Slow(time.Minute, replicate), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "main")
			time.Sleep(time.Hour)
			task.End()
		}, ""},
		{"started while off", Slow(time.Minute, nil), func(ctx context.Context) {
			rec := trace.RecorderFromContext(ctx)
			rec.SetLevel(trace.LevelOff)
			ctx, task := trace.WithTask(ctx, "main")
			defer task.End()
			rec.SetLevel(trace.LevelRecording)
			_, span := trace.WithSpan(ctx, "span")
			span.End()
			time.Sleep(time.Hour)
		}, ""},
		{"failed", Failed(nil), func(ctx context.Context) {
			ctx, task := trace.WithTask(ctx, "replicate")
			_, span := trace.WithSpan(ctx, "zfs list")
			err := errors.New("no such pool")
			span.EndErr(&err)
			time.Sleep(10 * time.Nanosecond) // or both end at the same time
			task.EndErr(&err)
		}, `failed: span "zfs list" failed: no such pool; failed: task "replicate" failed: no such pool`},
		{"failed, once", Failed(nil), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "step")
			task.SetError(errors.New("broken"))
			time.Sleep(time.Second) // its begin is seen, with the error
			task.End()
		}, `failed: task "step" failed: broken`},
		{"ended, but something in it is open", Slow(time.Minute, Named("parent")), func(ctx context.Context) {
			ctx, parent := trace.WithTask(ctx, "parent")
			_, child := trace.WithTask(context.WithoutCancel(ctx), "child")
			parent.End()
			time.Sleep(time.Hour)
			child.End()
		}, ""},
		{"failed, by predicate", Failed(func(r *trace.Record) bool { return strings.Contains(r.Err, "space") }), func(ctx context.Context) {
			for _, err := range []error{errors.New("busy"), errors.New("no space"), context.Canceled, nil} {
				_, task := trace.WithTask(ctx, "step")
				task.EndErr(&err)
			}
		}, `failed: task "step" failed: no space`},
		{"cancelled", Cancelled(nil), func(ctx context.Context) {
			ctx, cancel := context.WithCancelCause(ctx)
			ctx, task := trace.WithTask(ctx, "step")
			cancel(errors.New("the user said so"))
			err := ctx.Err()
			task.EndErr(&err)
		}, `cancelled: task "step" was cancelled: the user said so`},
		{"anomaly", Anomaly(), func(ctx context.Context) {
			_, span := trace.WithSpan(ctx, "lonely")
			span.End()
		}, `anomaly: span started without a task in its context, span "lonely", site "SITE"`},
		{"log line", When("log", LogLine(slog.LevelError)), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "step")
			task.Log(time.Now(), slog.LevelWarn, "hm")
			task.Log(time.Now(), slog.LevelError, "broken")
			task.End()
		}, `log: log line "broken"`},
		{"event", When("event", func(r *trace.Record) bool { return r.Name == "retry" }), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "step")
			task.Event("retry")
			task.End()
		}, `event: event "retry"`},
		{"ended", When("ended", Named("step")), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "step")
			time.Sleep(time.Second) // its begin is seen, too, and doesn't count
			task.End()
		}, `ended: task "step" ended`},
		{"nothing", When("nothing", nil), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "step")
			task.End()
		}, ""},
		{"the zero trigger", AnyOf(Trigger{}), func(ctx context.Context) { time.Sleep(time.Minute) }, ""},
		{"a predicate that panics, and another trigger", AnyOf(Failed(nil)), func(ctx context.Context) {
			_, task := trace.WithTask(ctx, "step")
			task.SetError(errors.New("broken"))
			task.End()
		}, `failed: task "step" failed: broken`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				triggers := []Trigger{test.trigger}
				panics := strings.Contains(test.name, "panics")
				if panics {
					triggers = append(triggers, Failed(func(*trace.Record) bool { panic("oops") }))
				}
				w := watch(t, Config{}, triggers...)
				test.happens(w.ctx)
				time.Sleep(10 * time.Minute)
				if got := withoutSite(w.causes()); got != test.want {
					t.Errorf("causes are\n%s\nwant\n%s", got, test.want)
				}
				if errs := w.failures(); len(errs) != 0 != panics {
					t.Errorf("errors are %v", errs)
				}
			})
		})
	}
}

func withoutSite(s string) string {
	before, after, found := strings.Cut(s, `site "`)
	if !found {
		return s
	}
	_, after, _ = strings.Cut(after, `"`)
	return before + `site "SITE"` + after
}

// TestWhatWasBefore fires for nothing that ended before the watcher came.
func TestWhatWasBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := trace.NewRecorder(trace.Config{})
		_, task := trace.WithTask(trace.WithRecorder(t.Context(), rec), "step")
		task.SetError(errors.New("broken"))
		task.End()
		w := watch(t, Config{Recorder: rec}, Failed(nil))
		time.Sleep(time.Minute)
		if got := w.causes(); got != "" {
			t.Errorf("causes are %s", got)
		}
	})
}

// TestDumpShowsWhyAndWhatFollowed looks into a dump.
func TestDumpShowsWhyAndWhatFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{Delay: 2 * time.Second}, Failed(nil))
		ctx, task := trace.WithTask(w.ctx, "replicate")
		defer task.End()
		_, span := trace.WithSpan(ctx, "zfs list")
		time.Sleep(time.Second)
		err := errors.New("no such pool")
		failed := w.c.Recorder.Now()
		span.EndErr(&err)
		time.Sleep(time.Second)
		_, later := trace.WithSpan(ctx, "clean up")
		later.End()
		time.Sleep(10 * time.Second)
		_, tooLate := trace.WithSpan(ctx, "too late")
		tooLate.End()

		d := w.last(t)
		if info, err := os.Stat(d.Path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file: %v, %v", info, err)
		}
		if got := stable(&w.folder, d.Path); got != "PROGRAM-TIME-failed-PID.json" {
			t.Error(got)
		}
		events := load(t, d.Path)
		byName := map[string]*tracefmt.Event{}
		for _, e := range events {
			if e.Kind.Timed() {
				byName[e.Name] = e
			}
		}
		list, mark := byName["zfs list"], byName["trigger: failed"]
		if list == nil || mark == nil || byName["clean up"] == nil || byName["too late"] != nil {
			t.Fatalf("events: %v", byName)
		}
		if mark.Kind != tracefmt.Instant || mark.Category != Category || mark.Track != list.Track || mark.Parent != list.ID ||
			mark.Attr("reason").String() != `span "zfs list" failed: no such pool` {
			t.Errorf("the mark is %+v", mark)
		}
		if off := time.Duration(mark.Time-list.Time) - time.Second; off.Abs() > 100 {
			t.Errorf("the mark is %d ns off (the span failed at %d)", off, failed)
		}
	})
}

// TestMarksWithoutTrack marks what is on no task's track.
func TestMarksWithoutTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{})
		ctx, span := trace.WithAsyncSpan(w.ctx, "request")
		w.Fire(ctx, "strange")
		w.Fire(trace.WithRecorder(t.Context(), trace.Default()), "elsewhere")
		time.Sleep(2 * time.Second)
		marks := triggered(load(t, w.last(t).Path))
		if len(marks) != 2 || marks[0].Parent != span.ID().String() || marks[1].Parent != "" {
			t.Errorf("marks are %v", marks)
		}
		span.End()
	})
}

// TestInterval wants one dump in each interval, with all that fired meanwhile.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{Interval: time.Minute})
		begin := time.Now()
		for i := range 100 { // in 100 s
			w.Fire(w.ctx, "burst")
			if i == 10 {
				_, err := w.Dump(w.ctx, "by hand")
				var soon *TooSoonError
				if !errors.As(err, &soon) || soon.Last != w.last(t).Path || soon.Wait != 51*time.Second {
					t.Errorf("Dump: %v", err)
				}
			}
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Minute)
		var counts []int
		var at []time.Duration
		dumps, times := w.all()
		for i, d := range dumps {
			counts, at = append(counts, len(d.Causes)+d.More), append(at, times[i].Sub(begin))
		}
		if !slices.Equal(at, []time.Duration{time.Second, 61 * time.Second, 121 * time.Second}) {
			t.Fatalf("dumps at %v", at)
		}
		if counts[0]+counts[1]+counts[2] != 100 || counts[0] > 2 || counts[1] < 59 {
			t.Errorf("causes in dumps: %v", counts)
		}
	})
}

func TestManyCausesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{})
		for range 1000 {
			w.Fire(w.ctx, "burst")
		}
		time.Sleep(2 * time.Second)
		d := w.last(t)
		marks := triggered(load(t, d.Path))
		if len(d.Causes) != maxCauses || d.More != 1000-maxCauses || len(marks) != maxCauses {
			t.Errorf("%d causes and %d more, %d marks", len(d.Causes), d.More, len(marks))
		}
		if got, _ := marks[maxCauses-1].Attr("more").Int64(); got != 1000-maxCauses {
			t.Errorf("the last mark says %d more", got)
		}
		if got, want := d.String(), "trace dumped to "+d.Path+" because of manual: burst, and 999 more"; got != want {
			t.Errorf("the dump is reported as %q, want %q", got, want)
		}
	})
}

// TestCloseDumpsWhatIsDue wants what happened right before the end of a program.
func TestCloseDumpsWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{Delay: time.Hour}, Failed(nil))
		_, task := trace.WithTask(w.ctx, "step")
		task.SetError(errors.New("broken"))
		task.End()
		w.Close()
		w.Close()
		if got := w.causes(); got != `failed: task "step" failed: broken` {
			t.Errorf("causes are %q", got)
		}
		w.Fire(w.ctx, "too late")
		if _, err := w.Dump(w.ctx, "too late"); err != ErrClosed {
			t.Errorf("Dump after Close: %v", err)
		}
	})
}

func TestCloseKeepsTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{})
		w.Fire(w.ctx, "first")
		time.Sleep(2 * time.Second)
		w.Fire(w.ctx, "second")
		w.Close()
		if got := w.causes(); got != "manual: first" {
			t.Errorf("causes are %q", got)
		}
	})
}

// TestFormats wants the mark on the span in each format.
func TestFormats(t *testing.T) {
	for _, format := range []string{".json", ".json.gz", ".json.zst", ".pftrace", ".pftrace.gz"} {
		synctest.Test(t, func(t *testing.T) {
			w := watch(t, Config{Format: format})
			ctx, task := trace.WithTask(w.ctx, "step")
			defer task.End()
			path, err := w.Dump(ctx, "why not")
			if err != nil {
				t.Fatal(err)
			}
			if got := stable(&w.folder, path); got != "PROGRAM-TIME-manual-PID"+format {
				t.Error(got)
			}
			events := load(t, path)
			marks := triggered(events)
			if len(marks) != 1 || marks[0].Attr("reason").String() != "why not" || marks[0].Parent != task.ID().String() {
				t.Fatalf("%s: marks are %v", format, marks)
			}
			for _, e := range events {
				if e.ID == task.ID().String() && e.Track != marks[0].Track {
					t.Errorf("%s: the task is on track %d, the mark on %d", format, e.Track, marks[0].Track)
				}
			}
		})
	}
}

func TestDumpByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{Interval: -1})
		ctx, cancel := context.WithTimeoutCause(w.ctx, time.Millisecond, errors.New("impatient"))
		defer cancel()
		if _, err := w.Dump(ctx, "in vain"); err == nil || err.Error() != "impatient" {
			t.Errorf("with a context that is done: %v", err)
		}
		go func() {
			time.Sleep(10 * time.Millisecond)
			w.Close()
		}()
		if _, err := w.Dump(w.ctx, "last"); err != nil { // Close doesn't wait for the delay
			t.Error(err)
		}
	})
}

// TestNilWatcher: a program goes on without what it could not open.
func TestNilWatcher(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := Watch(Config{Dir: filepath.Join(file, "dir")})
	if w != nil || err == nil {
		t.Fatalf("Watch: %v, %v", w, err)
	}
	w.Fire(t.Context(), "")
	if _, err := w.Dump(t.Context(), ""); err != ErrClosed {
		t.Error(err)
	}
	w.OnPanic()
	w.Close()
	for _, format := range []string{".doc", "json", ".json/../x.json", ""} {
		w, err := Watch(Config{Dir: t.TempDir(), Format: format})
		if (err == nil) != (format == "") {
			t.Errorf("format %q: %v", format, err)
		}
		w.Close()
	}
}

// TestFailuresAreReportedOnce takes the directory away for some time.
func TestFailuresAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "dir")
		w := watch(t, Config{Dir: dir})
		fire := func() {
			w.Fire(w.ctx, "now")
			time.Sleep(2 * time.Minute)
		}
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.RemoveAll(dir))
		must(os.WriteFile(dir, nil, 0o600))
		fire()
		fire()
		fire()
		if errs := w.failures(); len(errs) != 1 {
			t.Fatalf("errors of three failures: %v", errs)
		}
		must(os.Remove(dir))
		fire() // makes it anew
		must(os.RemoveAll(dir))
		must(os.WriteFile(dir, nil, 0o600))
		fire()
		fire()
		errs := w.failures()
		if dumps, _ := w.all(); len(errs) != 2 || len(dumps) != 1 || !strings.HasPrefix(errs[1].Error(), "dump trace because of manual: now: mkdir ") {
			t.Errorf("errors: %v, %d dumps", errs, len(dumps))
		}
		if _, err := w.Dump(w.ctx, ""); err == nil {
			t.Error("Dump must fail")
		}
	})
}

// TestTooLarge wants neither a dump that is larger than all may be, nor old ones deleted for it.
func TestTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Config{MaxBytes: 4096, Interval: -1})
		path, err := w.Dump(w.ctx, "small")
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			_, task := trace.WithTask(w.ctx, "task")
			task.End()
		}
		if _, err := w.Dump(w.ctx, "large"); !errors.Is(err, errTooLarge) {
			t.Errorf("Dump: %v", err)
		}
		if got := names(t, w.c.Dir); len(got) != 1 || got[0] != filepath.Base(path) {
			t.Errorf("left are %v", got)
		}
	})
}

// TestPace makes looking slow, so that it is done less often.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int32
		slow := Trigger{needs: needOpen, start: func() detector {
			return func(b *batch) []Cause {
				looks.Add(1)
				time.Sleep(100 * time.Millisecond)
				return nil
			}
		}}
		w := watch(t, Config{}, slow)
		time.Sleep(time.Minute)
		if n := looks.Load(); n < 10 || n > 12 { // one in 5 s
			t.Errorf("%d looks in a minute", n)
		}
		w.Close()
	})
}

// TestDefaultTrigger: a watcher that only waits for signals never looks.
func TestDefaultTrigger(t *testing.T) {
	w, err := Watch(Config{Dir: t.TempDir(), Recorder: trace.NewRecorder(trace.Config{})})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if w.con != nil || w.needs != 0 || w.signals == nil {
		t.Errorf("%+v", w)
	}
}

func TestSameNameIsNeverOverwritten(t *testing.T) {
	f := newFolder(Config{Dir: t.TempDir(), MaxBytes: 100})
	a, b := f.stem("x"), f.stem("x")
	if a == b {
		t.Errorf("two dumps are called %s", a)
	}
	if err := os.WriteFile(filepath.Join(f.path, a+".json"), []byte("foreign"), 0o600); err != nil {
		t.Fatal(err)
	}
	var d files
	defer d.discard()
	if err := d.create(&f, a+".json", func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.publish(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("publish: %v", err)
	}
}
