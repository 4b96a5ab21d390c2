package replicate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestMain(m *testing.M) { Main(m) }

func client(scripts Scripts) zfssend.Host {
	return (&zfssend.Client{Command: Fake(scripts)}).Host()
}

// one is the plan of a single dataset with these steps.
func one(steps ...Step) *Plan {
	return &Plan{Source: "tank/a", Destination: "backup/a", Datasets: []*DatasetPlan{{
		Source: "tank/a", Destination: "backup/a", Steps: steps, Latest: zfssend.Version{Name: "@latest", GUID: 77},
	}}}
}

// arrived is the script of zfs get for the newest snapshot of that plan.
func arrived(scripts Scripts) Scripts {
	scripts["get -Hp -o name,value guid backup/a@latest"] = []Action{Print("backup/a@latest\t77\n")}
	return scripts
}

const missing = "cannot open 'backup/a': dataset does not exist\n"

// lists are the scripts of zfs list for a dataset with one snapshot.
func lists(scripts Scripts, dataset, guid, snapshot, snapshotGUID string) Scripts {
	row := strings.Join([]string{dataset, "filesystem", guid, guid, "off", "-"}, "\t")
	columns := "name,type,guid,createtxg,encryption,receive_resume_token"
	scripts["list -Hp -t filesystem,volume -o "+columns+" "] = []Action{Print(row + "\n")}
	scripts["list -Hp -t filesystem,volume -o "+columns+","+PlaceholderProperty] = []Action{Print(row + "\t-\t" + guid + "\n")}
	scripts["list -Hp -t snapshot,bookmark"] = []Action{Print(strings.Join([]string{dataset + snapshot, snapshotGUID, snapshotGUID}, "\t") + "\n")}
	return scripts
}

// recording returns a context whose tasks go into a recorder of its own, in which misuse fails the test.
func recording(t *testing.T) (context.Context, *trace.Recorder) {
	rec := trace.NewRecorder(trace.Config{
		Logger:    slog.New(slog.DiscardHandler),
		OnAnomaly: func(a trace.Anomaly) { t.Errorf("misuse of package trace: %v", a) },
	})
	return trace.WithRecorder(t.Context(), rec), rec
}

// spans returns the names of what was recorded, each with its parent's.
func spans(rec *trace.Recorder) []string {
	records := rec.Snapshot()
	names := make(map[trace.ID]string)
	for _, r := range records {
		if r.ID != 0 { // not an instant
			names[r.ID] = r.Name
		}
	}
	var list []string
	for _, r := range records {
		if r.ID != 0 {
			list = append(list, names[r.Parent]+" > "+r.Name)
		}
	}
	slices.Sort(list)
	return list
}

func TestReplicate(t *testing.T) {
	CheckLeaks(t)
	file := filepath.Join(t.TempDir(), "received")
	var progress []Progress
	var told []string
	r := Replicator{
		Source:      client(lists(Scripts{"send": {Write(1 << 20)}}, "tank/a", "1", "@x", "2")),
		Destination: client(arrived(lists(Scripts{"receive": {Save(file), Stderr("a warning\n")}}, "backup/a", "5", "@w", "2"))),
		Progress:    func(p Progress) { progress = append(progress, p) },
		OnStep: func(ctx context.Context, plan *DatasetPlan, r Result, err error) {
			told = append(told, fmt.Sprintf("%s: %s of %s, %d bytes, %v", trace.FromContext(ctx).Name(), r.Step, plan.Destination, r.Bytes, err))
		},
	}
	ctx, rec := recording(t)
	ctx, task := trace.WithTask(ctx, "replicate")
	plan, err := r.Plan(ctx, "tank/a", "backup/a")
	if err != nil || len(plan.Datasets) != 1 || !plan.Datasets[0].UpToDate() || plan.Datasets[0].Base != "@x" {
		t.Fatalf("up to date: got %+v, %v", plan, err)
	}
	plan = one(Step{From: "@x", Snapshots: []string{"@y"}}, Step{From: "@y", Snapshots: []string{"@z", "@zz"}, Raw: true})
	report, err := r.Execute(ctx, plan)
	if err != nil || len(report.Datasets) != 1 || len(report.Datasets[0].Steps) != 2 || report.Bytes() != 2<<20 {
		t.Fatalf("got %+v, %v", report, err)
	}
	task.End()
	for i, got := range report.Datasets[0].Steps {
		if got.Bytes != 1<<20 || got.Send.Bytes != 1<<20 || got.Step.String() != plan.Datasets[0].Steps[i].String() || got.Duration <= 0 || got.Warnings != "a warning\n" {
			t.Errorf("got %+v", got)
		}
	}
	wantTold := []string{"step: incremental @x..@y of backup/a, 1048576 bytes, <nil>", "step: incremental @y..@zz (2 snapshots) raw of backup/a, 1048576 bytes, <nil>"}
	if !slices.Equal(told, wantTold) {
		t.Errorf("told %q, want %q", told, wantTold)
	}
	if last := progress[len(progress)-1]; last.Steps != 2 || last.Total != 2 || last.Bytes != 2<<20 || len(last.Active) != 0 {
		t.Errorf("progress ends with %+v", last)
	}
	if info, err := os.Stat(file); err != nil || info.Size() != 1<<20 {
		t.Errorf("received: %v, %v", info, err)
	}
	want := []string{
		" > replicate", "dataset > step", "dataset > step", "datasets > progress", "datasets > worker", "finish > zfs get",
		"list > list destination", "list > list source", "list destination > zfs list", "list destination > zfs list",
		"list source > zfs list", "list source > zfs list", "plan > list",
		"replicate > datasets", "replicate > finish", "replicate > plan",
		"step > zfs receive", "step > zfs receive", "step > zfs send", "step > zfs send", "worker > dataset",
	}
	if got := spans(rec); !slices.Equal(got, want) {
		t.Errorf("trace\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestStepArgs checks what is asked of zfs, by fakes that fail with their own command lines in the errors.
func TestStepArgs(t *testing.T) {
	CheckLeaks(t)
	r := Replicator{Source: client(Scripts{"send": {Write(1), Block()}}), Destination: client(Scripts{"receive": {Exit(1)}})}
	for want, step := range map[string]Step{
		"send -L -e -c tank/a@x":             {Snapshots: []string{"@x"}},
		"send -L -c tank/a@x":                {Snapshots: []string{"@x"}, NoEmbedded: true},
		"send -w tank/a@x":                   {Snapshots: []string{"@x"}, Raw: true},
		"send -L -e -c -i tank/a#w tank/a@x": {From: "#w", Snapshots: []string{"@x"}},
		"send -w -i tank/a@w tank/a@x":       {From: "@w", Snapshots: []string{"@x"}, Raw: true},
		"send -L -e -c -I tank/a@w tank/a@y": {From: "@w", Snapshots: []string{"@x", "@y"}},
	} {
		_, err := r.Execute(t.Context(), one(step))
		e, ok := errors.AsType[*StepError](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		sent, _ := errors.AsType[*zfssend.Error](e.Send)
		received, _ := errors.AsType[*zfssend.Error](e.Receive)
		if sent == nil || received == nil {
			t.Fatalf("send %v, receive %v", e.Send, e.Receive)
		}
		if got := strings.Join(sent.Args[1:], " "); got != want {
			t.Errorf("%v: %s", step, got)
		}
		if got := strings.Join(received.Args[1:], " "); got != "receive -u -s "+map[bool]string{true: "-o canmount=noauto "}[step.From == ""]+"backup/a" {
			t.Errorf("%v: %s", step, got)
		}
	}
}

func TestPlanNoDestination(t *testing.T) {
	CheckLeaks(t)
	source := client(lists(Scripts{}, "tank/a", "1", "@x", "2"))
	ctx := t.Context()

	nothing := client(Scripts{"list": {Stderr(missing), Exit(1)}})
	r := Replicator{Source: source, Destination: nothing}
	_, err := r.Plan(ctx, "tank/a", "backup/x/a")
	if c, ok := errors.AsType[*Conflict](err); !ok || c.Kind != NoParent || !strings.Contains(c.Hint(), "zfs create -p -o canmount=off backup/x") {
		t.Errorf("no parent: %v", err)
	}
	_, err = r.Plan(ctx, "tank/a", "backup/a")
	if c, ok := errors.AsType[*Conflict](err); !ok || c.Kind != NoParent || !strings.Contains(err.Error()+c.Hint(), "there is no pool backup") {
		t.Errorf("no pool for a new dataset: %v", err)
	}
	if _, err = r.Plan(ctx, "tank/a", "backup"); !errors.Is(err, zfssend.NotFound) {
		t.Errorf("no pool: %v", err)
	}
	r = Replicator{Source: nothing, Destination: nothing}
	if _, err = r.Plan(ctx, "tank/a", "backup/a"); !errors.Is(err, zfssend.NotFound) || !strings.HasPrefix(err.Error(), "list tank/a: ") {
		t.Errorf("no source: %v", err)
	}
	denied := client(Scripts{"list": {Stderr("cannot open 'backup/a': permission denied\n"), Exit(1)}})
	r = Replicator{Source: source, Destination: denied}
	if _, err = r.Plan(ctx, "tank/a", "backup/a"); !errors.Is(err, zfssend.PermissionDenied) {
		t.Errorf("denied: %v", err)
	}
	if _, err = r.Plan(ctx, "tank/a@x", "backup/a"); err == nil || !strings.Contains(err.Error(), "invalid name") {
		t.Errorf("snapshot for a source: %v", err)
	}
}

// TestSameDataset: a dataset isn't replicated to itself. On another host, or through another wrapper, it may be a copy.
func TestSameDataset(t *testing.T) {
	CheckLeaks(t)
	here := client(lists(Scripts{}, "tank/a", "1", "@x", "2"))
	command := Fake(lists(Scripts{}, "tank/a", "1", "@x", "2"))
	there := (&zfssend.Client{Command: append([]string{"env"}, command...)}).Host()
	r := Replicator{Source: here, Destination: here}
	_, err := r.Plan(t.Context(), "tank/a", "tank/a")
	if c, ok := errors.AsType[*Conflict](err); !ok || c.Kind != SameDataset ||
		c.Error() != "plan replication of tank/a to tank/a: they are the same dataset" || c.Hint() != "name another destination" {
		t.Errorf("got %v", err)
	}
	r.Destination = there
	if plan, err := r.Plan(t.Context(), "tank/a", "tank/a"); err != nil || plan.Steps() > 0 {
		t.Errorf("got %+v, %v", plan, err)
	}
}

// TestStepExpects: a step whose source is not what it was when it was planned sends nothing.
func TestStepExpects(t *testing.T) {
	CheckLeaks(t)
	file := filepath.Join(t.TempDir(), "received")
	src := PlanDataset(dataset("tank/a", 100, "@a:1 @b:2 @c:3"), dataset("backup/a", 200, "@a:1"), &Options{})
	if len(src.Steps) != 1 || !slices.Equal(src.Steps[0].GUIDs, []uint64{2, 3}) || src.Steps[0].FromGUID != 1 {
		t.Fatalf("got %+v", src)
	}
	r := Replicator{Source: client(Scripts{"send": {Write(1 << 20)}}), Destination: client(Scripts{"receive": {Save(file)}})}
	_, err := r.Execute(t.Context(), &Plan{Datasets: []*DatasetPlan{src}})
	if _, ok := errors.AsType[*StepError](err); !ok || !errors.Is(err, zfssend.BadStream) { // it isn't a stream at all
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("something was received")
	}
}

// TestExecuteAbandons: who cancels is told that zfs isn't gone, whatever the cause of the end.
func TestExecuteAbandons(t *testing.T) {
	CheckLeaks(t)
	gate, ready := filepath.Join(t.TempDir(), "gate"), filepath.Join(t.TempDir(), "ready")
	reason := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	receiver := zfssend.Client{Command: Fake(Scripts{"receive": {Grandchild(gate), Touch(ready), Block()}}), Grace: time.Millisecond}
	r := Replicator{Source: client(Scripts{"send": {Write(1 << 40)}}), Destination: receiver.Host()}
	r.Progress = func(p Progress) {
		if _, err := os.Stat(ready); err == nil {
			cancel(reason)
		}
	}
	_, err := r.Execute(ctx, one(Step{Snapshots: []string{"@x"}}))
	if !errors.Is(err, reason) || !errors.Is(err, zfssend.ErrAbandoned) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExecuteFailures(t *testing.T) {
	CheckLeaks(t)
	plan := one(Step{Snapshots: []string{"@x"}}, Step{From: "@x", Snapshots: []string{"@y"}})
	reason := errors.New("interrupted")
	tests := []struct {
		name          string
		send, receive []Action
		cancel        bool
		want          string
		is            error
	}{
		{"send", []Action{Write(1000), Stderr("cannot send: Input/output error\n"), Exit(1)}, []Action{Save(filepath.Join(t.TempDir(), "f"))}, false,
			"replicate tank/a to backup/a: step 1 of 2: send tank/a@x: zfs exited 1: cannot send: Input/output error; " +
				"a receiver may have the snapshot nevertheless", zfssend.PoolIO},
		{"receive", []Action{Write(1 << 40)}, []Action{Read(1000), Stderr("cannot receive: out of space\n"), Exit(1)}, false,
			"replicate tank/a to backup/a: step 1 of 2: receive backup/a: zfs exited 1: cannot receive: out of space", zfssend.NoSpace},
		{"cancellation", []Action{Write(1 << 40)}, []Action{Block()}, true,
			"replicate tank/a to backup/a: step 1 of 2: interrupted", reason},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			CheckLeaks(t)
			ctx, rec := recording(t)
			ctx, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			r := Replicator{Source: client(Scripts{"send": tt.send}), Destination: client(Scripts{"receive": tt.receive})}
			if tt.cancel {
				r.Progress = func(p Progress) {
					if p.Bytes > 0 {
						cancel(reason)
					}
				}
			}
			report, err := r.Execute(ctx, plan)
			if len(report.Datasets[0].Steps) != 0 || !errors.Is(err, tt.is) || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			var failed bool
			for _, r := range rec.Snapshot() {
				failed = failed || r.Name == "step" && r.Status != trace.StatusUnset && r.Phase == trace.PhaseComplete
			}
			if !failed {
				t.Errorf("the trace has no failed step: %+v", rec.Snapshot())
			}
		})
	}
	nowhere := (&zfssend.Client{Command: []string{"zfs-that-is-nowhere"}}).Host()
	r := Replicator{Source: nowhere}
	if _, err := r.Execute(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "executable file not found") {
		t.Errorf("got %v", err)
	}
	r = Replicator{Source: client(Scripts{"send": {Block()}}), Destination: nowhere}
	if _, err := r.Execute(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "receive backup/a: exec:") {
		t.Errorf("got %v", err)
	}
}
