package replicate

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// pair is the plan of two datasets with an increment each.
func pair() *Plan {
	plan := &Plan{Source: "tank", Destination: "backup"}
	for _, name := range []string{"a", "b"} {
		plan.Datasets = append(plan.Datasets, &DatasetPlan{
			Source: "tank/" + name, Destination: "backup/" + name, Steps: []Step{{From: "@w", Snapshots: []string{"@x"}}},
			Latest: zfssend.Version{Name: "@x", GUID: 77},
		})
	}
	return plan
}

// TestWaited: how long a dataset waits for its turn is told apart from how long it takes.
func TestWaited(t *testing.T) {
	CheckLeaks(t)
	dir := t.TempDir()
	enough := filepath.Join(dir, "enough")
	r := Replicator{
		Source: client(Scripts{"send": {Write(1000), AwaitFile(enough)}}),
		Destination: client(Scripts{
			"receive": {Save(filepath.Join(dir, "received"))},
			"get":     {Print("backup/a@x\t77\nbackup/b@x\t77\n")},
		}),
		Options: Options{Workers: 1},
	}
	const pause = 200 * time.Millisecond
	var report *Report
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		report, err = r.Execute(t.Context(), pair())
	}()
	AwaitGoroutine(t, "replicate.turns.wait", "select")
	time.Sleep(pause)
	if err := os.WriteFile(enough, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-ended
	if err != nil {
		t.Fatal(err)
	}
	waited := time.Duration(0)
	for _, d := range report.Datasets {
		waited = max(waited, d.Steps[0].Waited)
		if together := d.Duration + d.Steps[0].Waited; together > report.Duration {
			t.Errorf("%s took %v and had waited for %v, of %v in all", d.Plan.Source, d.Duration, d.Steps[0].Waited, report.Duration)
		}
	}
	if waited < pause {
		t.Errorf("the second one waited for %v", waited)
	}
}

// TestSettles: while zfs receive writes what it got, the next stream flows, also if only one may do so at a time.
func TestSettles(t *testing.T) {
	CheckLeaks(t)
	dir := t.TempDir()
	begun := filepath.Join(dir, "begun")
	r := Replicator{
		Source: client(Scripts{"send -L -e -c -i tank/a@w": {Write(1000)}, "send -L -e -c -i tank/b@w": {Touch(begun), Write(1000)}}),
		Destination: client(Scripts{
			"receive -u -s backup/a": {Save(filepath.Join(dir, "a")), AwaitFile(begun)},
			"receive -u -s backup/b": {Save(filepath.Join(dir, "b"))},
			"get":                    {Print("backup/a@x\t77\nbackup/b@x\t77\n")},
		}),
		Options: Options{Workers: 1},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := r.Execute(ctx, pair()); err != nil {
		t.Error(err)
	}
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		streams := make(turns, 1)
		wait := func() func() {
			pass, err := streams.wait(ctx)
			if err != nil {
				t.Error(err)
			}
			return pass
		}
		pass, flows := wait(), false
		go func() {
			wait()
			flows = true
		}()
		synctest.Wait()
		if flows {
			t.Fatal("two streams flow at a time")
		}
		pass()
		pass()
		synctest.Wait()
		if !flows || len(streams) != 1 {
			t.Fatalf("the next stream flows: %v; %d do", flows, len(streams))
		}
		reason := errors.New("reason")
		cancel(reason)
		if _, err := streams.wait(ctx); !errors.Is(err, reason) {
			t.Errorf("of a context that is done: got %v, want %v", err, reason)
		}
	})
}

// takes is a host that takes so many streams.
type takes struct {
	zfssend.Host
	streams int
}

func (h takes) MaxStreams() int { return h.streams }

func TestInWork(t *testing.T) {
	for _, c := range []struct {
		workers int
		to      zfssend.Host
		want    int
	}{
		{0, here, 24},
		{1, here, 3},
		{8, takes{streams: 32}, 24},
		{8, takes{streams: 12}, 10},
		{8, takes{streams: 8}, 8},
		{8, takes{streams: 4}, 8}, // which the user has asked for
	} {
		if got := (&Options{Workers: c.workers}).inWork(c.to); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}
