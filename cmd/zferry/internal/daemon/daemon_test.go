package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/cmd/zferry/internal/metrics"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/tracetest"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestMain(m *testing.M) { zfstest.Main(m) }

// steps are fake ones: they take a minute each, note what they do, and fail as told.
type steps struct {
	start time.Time

	mu    sync.Mutex
	notes []string
	fail  map[string][]error // by step: of the next attempts
	tell  daemon.Tell        // of the step that began last
	takes map[string]time.Duration
	deaf  bool // steps don't end when they are cancelled
}

var errPermanent = errors.New("of no use")

func (s *steps) all() daemon.Steps {
	return daemon.Steps{Snapshotter: s, Replicator: s, Pruner: s, Permanent: func(err error) bool { return errors.Is(err, errPermanent) }}
}

func (s *steps) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, fmt.Sprintf("%v ", time.Since(s.start).Round(time.Second))+fmt.Sprintf(format, args...))
}

func (s *steps) do(ctx context.Context, name string, tell daemon.Tell) error {
	s.note("%s", name)
	s.mu.Lock()
	kind, _, _ := strings.Cut(name, " ")
	takes := time.Minute
	if d, ok := s.takes[kind]; ok {
		takes = d
	}
	var err error
	if list := s.fail[kind]; len(list) > 0 {
		err, s.fail[kind] = list[0], list[1:]
	}
	s.tell = tell
	deaf := s.deaf
	s.mu.Unlock()
	if deaf {
		time.Sleep(takes)
		return err
	}
	select {
	case <-time.After(takes):
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *steps) Snapshot(ctx context.Context, j *config.Job, now time.Time, tell daemon.Tell) (int, error) {
	return 1, s.do(ctx, "snapshot "+j.Name, tell)
}

func (s *steps) Replicate(ctx context.Context, j *config.Job, t *config.Target, tell daemon.Tell) ([]metrics.Dataset, error) {
	err := s.do(ctx, "replicate "+t.To.String(), tell)
	d := metrics.Dataset{Dataset: j.Source.Dataset, Bytes: 100, Duration: time.Minute, Err: err}
	if err == nil {
		d.Newest = time.Now()
	}
	return []metrics.Dataset{d}, err
}

func (s *steps) Prune(ctx context.Context, j *config.Job, t *config.Target, keep *config.Keep, tell daemon.Tell) (int, error) {
	side := "source"
	if t != nil {
		side = t.To.String()
	}
	return 2, s.do(ctx, fmt.Sprintf("prune %s, keep %d", side, keep.Last), tell)
}

// set changes what they do.
func (s *steps) set(f func(*steps)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *steps) told() daemon.Tell {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tell
}

// want compares the notes so far, and forgets them.
func (s *steps) want(t *testing.T, notes ...string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got, want := strings.Join(s.notes, "\n"), strings.Join(notes, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	s.notes = nil
}

const homeJob = `
jobs:
  - name: home
    source: tank/home
    zone: UTC
    snapshot: {template: "%H:%M", every: 1h}
    replicate: {targets: [{to: backup/a}, {to: backup/b}]}
    prune: {source: {keep_last: 5}, target: {keep_last: 7}, every: 2h}
    retry: {attempts: 2, backoff: 10m}
    alert: {lag: 3h, overdue: 5h, stuck: 20m}
`

// bubble is a daemon in a bubble.
type bubble struct {
	*daemon.Daemon
	steps *steps
	path  string
	ctx   context.Context
	end   chan error
	stop  context.CancelCauseFunc

	mu   sync.Mutex
	told []string // to the service manager
}

// start runs a daemon.
func start(t *testing.T, text string, o daemon.Options) *bubble {
	t.Helper()
	b := &bubble{steps: &steps{start: time.Now(), fail: map[string][]error{}, takes: map[string]time.Duration{}}, end: make(chan error, 1)}
	b.path = filepath.Join(t.TempDir(), "zferry.yml")
	b.write(t, text)
	c, err := config.Load(b.path)
	if err != nil {
		t.Fatal(err)
	}
	o.Steps = b.steps.all()
	o.Notify = func(state string) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, state)
		return nil
	}
	if b.Daemon, err = daemon.New(c, o); err != nil {
		t.Fatal(err)
	}
	b.ctx, b.stop = context.WithCancelCause(tracetest.Strict(t))
	go func() { b.end <- b.Serve(b.ctx) }()
	synctest.Wait()
	return b
}

func (b *bubble) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(b.path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bubble) close(t *testing.T) {
	t.Helper()
	b.stop(errors.New("stopped by the test"))
	if err := <-b.end; err != nil {
		t.Error(err)
	}
}

// TestParts: those that are due, and those that follow them, run in their order. The trace has a task for each run, with a
// link to the one before.
func TestParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, homeJob, daemon.Options{})
		time.Sleep(130 * time.Minute)
		b.steps.want(t, "1h0m0s snapshot home", "1h1m0s replicate backup/a", "1h2m0s replicate backup/b",
			"2h0m0s snapshot home", "2h1m0s replicate backup/a", "2h2m0s replicate backup/b",
			"2h3m0s prune source, keep 5", "2h4m0s prune backup/a, keep 7", "2h5m0s prune backup/b, keep 7")
		s := b.Status()
		j := s.Jobs[0]
		if j.State != daemon.StateIdle || j.Failed || len(j.Targets) != 2 || j.Targets[0].LagSeconds != (8*time.Minute).Seconds() || !j.Targets[0].Known || len(s.Problems()) > 0 {
			t.Errorf("%+v", j)
		}
		b.close(t)
		var runs, links int
		rec := trace.RecorderFromContext(b.ctx)
		for _, r := range rec.Snapshot() {
			if r.Kind == trace.KindTask && r.Name == "job" {
				runs++
			}
			if r.Kind == trace.KindLink {
				links++
			}
		}
		if runs != 2 || links != 1 {
			t.Errorf("%d runs and %d links in the trace, want 2 and 1", runs, links)
		}
	})
}

// TestRetry: a part that fails is tried again, with pauses that get longer; nothing is pruned after a failed replication; the other target is independent.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, homeJob, daemon.Options{})
		broken := errors.New("connection lost\nand more")
		b.steps.set(func(s *steps) { s.fail["replicate"] = []error{broken, nil, broken, broken, broken} })
		if err := b.Trigger("home"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if j := b.Status().Jobs[0]; j.State != daemon.StatePausing || j.Step.Until.Sub(b.Status().Now) != 7*time.Minute || !strings.Contains(j.Step.Error, "connection lost") {
			t.Errorf("%+v %+v", j, j.Step)
		}
		time.Sleep(50 * time.Minute)
		b.steps.want(t, "0s snapshot home", "1m0s replicate backup/a", "12m0s replicate backup/a",
			"13m0s replicate backup/b", "24m0s replicate backup/b", "40m0s replicate backup/b")
		j := b.Status().Jobs[0]
		want := "replicate backup/b: connection lost\nand more\nprune: not done, since the replication has failed"
		if !j.Failed || j.LastError != want || !j.LastSuccess.IsZero() {
			t.Errorf("%+v", j)
		}
		if p := b.Status().Problems(); len(p) != 1 || p[0] != "job home failed: replicate backup/b: connection lost …" {
			t.Errorf("%q", p)
		}

		b.steps.set(func(s *steps) { s.fail["replicate"] = []error{errPermanent} })
		time.Sleep(25 * time.Minute)
		b.steps.want(t, "1h0m0s snapshot home", "1h1m0s replicate backup/a", "1h2m0s replicate backup/b")
		b.close(t)
	})
}

// TestAlerts: a job that can't succeed gets overdue, and its target lags behind; one whose step doesn't move is stuck.
func TestAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, homeJob, daemon.Options{})
		b.steps.set(func(s *steps) { s.takes["replicate"] = 24 * time.Hour })
		time.Sleep(time.Hour + 15*time.Minute)
		if j := b.Status().Jobs[0]; j.Stuck || j.State != daemon.StateRunning || j.Step.Step != "replicate" || j.Step.Target != "backup/a" {
			t.Errorf("%+v %+v", j, j.Step)
		}
		b.steps.told()(daemon.Progress{Dataset: "tank/home", Bytes: 1})
		time.Sleep(15 * time.Minute)
		if j := b.Status().Jobs[0]; j.Stuck || j.Step.Bytes != 1 {
			t.Errorf("%+v %+v", j, j.Step)
		}
		b.steps.told()(daemon.Progress{Dataset: "tank/home", Bytes: 1}) // no more than before
		time.Sleep(6 * time.Minute)
		if j := b.Status().Jobs[0]; !j.Stuck || len(b.Status().Problems()) != 1 {
			t.Errorf("%+v %+v", j, j.Step)
		}
		time.Sleep(4 * time.Hour)
		want := "backup/a lags behind by more than 3h, backup/b lags behind by more than 3h, no success for more than 5h"
		if got := strings.Join(b.Status().Jobs[0].Alerts, ", "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		b.close(t)
	})
}

// TestTimeout ends a run, which isn't tried again, and says why.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, homeJob+"    timeout: 30m\n", daemon.Options{})
		b.steps.set(func(s *steps) { s.takes["replicate"] = 24 * time.Hour })
		time.Sleep(91 * time.Minute)
		b.steps.want(t, "1h0m0s snapshot home", "1h1m0s replicate backup/a")
		if e := b.Status().Jobs[0].LastError; !strings.Contains(e, "replicate backup/a: it took longer than its timeout, 30m\n") {
			t.Errorf("%q", e)
		}
		b.close(t)
	})
}

// TestReload: a wrong configuration isn't used, and the status says so; a right one is, at once where a job is idle, and when
// it has ended where it runs.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, homeJob, daemon.Options{})
		b.write(t, homeJob+"    tmeout: 1h\n")
		err := b.Reload(b.ctx)
		if s := b.Status(); err == nil || !strings.Contains(s.Config.Error, `did you mean "timeout"?`) || len(s.Jobs) != 1 {
			t.Errorf("%v, %+v", err, s.Config)
		}
		time.Sleep(61 * time.Minute)
		b.steps.want(t, "1h0m0s snapshot home", "1h1m0s replicate backup/a")

		b.write(t, strings.Replace(homeJob, "{to: backup/a}, {to: backup/b}", "{to: backup/c}", 1)+`
  - name: mail
    source: tank/mail
    snapshot: {template: "%H:%M", every: 30m}
max_jobs: 5
listen: localhost:1
`)
		if err := b.Reload(b.ctx); err != nil {
			t.Error(err)
		}
		s := b.Status()
		if s.Config.Error != "" || strings.Join(s.Config.Restart, " ") != "listen" || len(s.Jobs) != 2 || !s.Jobs[0].Replaced || s.Jobs[1].Replaced {
			t.Errorf("%+v", s)
		}
		time.Sleep(65 * time.Minute)
		b.steps.mu.Lock()
		got := b.steps.notes
		b.steps.notes = nil
		b.steps.mu.Unlock()
		for _, want := range []string{"1h2m0s replicate backup/b", "1h30m0s snapshot mail", "2h0m0s snapshot mail", "2h1m0s replicate backup/c"} {
			if !strings.Contains(strings.Join(got, "\n"), want) {
				t.Errorf("there is no %q in %q", want, got)
			}
		}
		if j := b.Status().Jobs[0]; len(j.Targets) != 1 || j.Targets[0].To != "backup/c" || j.Replaced {
			t.Errorf("%+v", j)
		}
		b.close(t)
		b.mu.Lock()
		told := strings.Join(b.told, "\n")
		b.mu.Unlock()
		if strings.Count(told, "RELOADING=1\nMONOTONIC_USEC=") != 2 || strings.Count(told, "READY=1") != 3 || !strings.HasSuffix(told, "STOPPING=1") {
			t.Errorf("systemd was told:\n%s", told)
		}
	})
}

// TestStop is bounded, and cancels what runs.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, homeJob, daemon.Options{Stop: 10 * time.Second})
		time.Sleep(time.Hour + 30*time.Second)
		before := time.Now()
		b.close(t)
		if d := time.Since(before); d > time.Second {
			t.Errorf("it took %v", d)
		}
		b.steps.want(t, "1h0m0s snapshot home")

		b = start(t, homeJob, daemon.Options{Stop: 10 * time.Second})
		b.steps.set(func(s *steps) { s.deaf = true })
		b.steps.set(func(s *steps) { s.takes["snapshot"] = 2 * time.Minute })
		b.Trigger("home")
		time.Sleep(time.Minute)
		before = time.Now()
		b.stop(errors.New("stopped by the test"))
		err := <-b.end
		if d := time.Since(before); !errors.Is(err, daemon.ErrStuck) || !strings.Contains(err.Error(), "home") || d != 10*time.Second {
			t.Errorf("after %v: %v", d, err)
		}
		time.Sleep(2 * time.Minute) // until it has ended after all
	})
}

// TestState: what is known stays over a restart, and what was missed meanwhile is made up for, once.
func TestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := homeJob + "state: " + filepath.Join(t.TempDir(), "state.json") + "\n"
		b := start(t, text, daemon.Options{})
		time.Sleep(70 * time.Minute)
		b.steps.want(t, "1h0m0s snapshot home", "1h1m0s replicate backup/a", "1h2m0s replicate backup/b")
		b.close(t)
		time.Sleep(9*time.Hour + 20*time.Minute) // half past ten
		b = start(t, text, daemon.Options{})
		if j := b.Status().Jobs[0]; j.LastSuccess.IsZero() || !j.Targets[0].Known || j.Targets[0].LagSeconds < 9*3600 || !j.Targets[0].Alert {
			t.Errorf("%+v", j)
		}
		time.Sleep(25 * time.Minute)
		b.steps.want(t, "0s snapshot home", "1m0s replicate backup/a", "2m0s replicate backup/b",
			"3m0s prune source, keep 5", "4m0s prune backup/a, keep 7", "5m0s prune backup/b, keep 7")

		// A run that was interrupted begins again, and is no failure.
		time.Sleep(5*time.Minute + 30*time.Second)
		b.steps.want(t, "30m0s snapshot home")
		b.close(t)
		b = start(t, text, daemon.Options{})
		if j := b.Status().Jobs[0]; j.Failed || j.LastError != "" {
			t.Errorf("%+v", j)
		}
		time.Sleep(time.Second)
		b.steps.want(t, "0s snapshot home")
		time.Sleep(10 * time.Minute)
		b.close(t)

		// So does one that no slot makes due, but somebody has asked for, and once.
		b = start(t, text, daemon.Options{})
		if err := b.Trigger("home"); err != nil {
			t.Error(err)
		}
		time.Sleep(90 * time.Second)
		b.steps.want(t, "0s snapshot home", "1m0s replicate backup/a")
		b.close(t)
		b = start(t, text, daemon.Options{})
		time.Sleep(10 * time.Minute)
		b.steps.want(t, "0s snapshot home", "1m0s replicate backup/a", "2m0s replicate backup/b",
			"3m0s prune source, keep 5", "4m0s prune backup/a, keep 7", "5m0s prune backup/b, keep 7")
		b.close(t)
		b = start(t, text, daemon.Options{})
		time.Sleep(time.Minute)
		b.steps.want(t)
		b.close(t)
	})
}

// TestNew refuses jobs that can't be done.
func TestNew(t *testing.T) {
	c, err := config.Parse("zferry.yml", []byte(homeJob))
	if err != nil {
		t.Fatal(err)
	}
	s := (&steps{}).all()
	s.Pruner = nil
	if _, err := daemon.New(c, daemon.Options{Steps: s}); err == nil || err.Error() != `job "home": this program has no way to prune` {
		t.Error(err)
	}
	s.Pruner, s.Check = &steps{}, func(*config.Job) error { return errors.New("not this one") }
	if _, err := daemon.New(c, daemon.Options{Steps: s}); err == nil || err.Error() != `job "home": not this one` {
		t.Error(err)
	}
}
