package replicate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	. "github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// interrupt receives a part of a stream, so that its state is left.
func (h *house) interrupt(snapshot, destination string, o zfssend.SendOptions) {
	h.Helper()
	send, err := h.client.Send(h.ctx, snapshot, o)
	h.must(err)
	defer send.Close()
	receive, err := h.client.Receive(h.ctx, destination, io.NopCloser(io.LimitReader(send, 200<<10)), zfssend.ReceiveOptions{Unmounted: true, Resumable: true})
	h.must(err)
	if err := receive.Wait(); err == nil {
		h.Fatal("a part of a stream was received as a whole")
	}
	d, err := h.client.Dataset(h.ctx, destination)
	h.must(err)
	if d.ResumeToken == "" {
		h.Fatalf("%s has no state", destination)
	}
}

var blocks = zfssend.SendOptions{LargeBlock: true, Embedded: true, Compressed: true}

// TestResume: what was interrupted goes on, and what is newer follows.
func TestResume(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a")
	h.must(h.model.Write("tank/a", "large", make([]byte, 1<<20)))
	h.snapshot("tank/a@1")
	h.interrupt("tank/a@1", "backup/a", blocks)
	h.snapshot("tank/a@2")
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: resumed @1, incremental @1..@2")

	h.must(h.model.Write("tank/a", "large", make([]byte, 2<<20)))
	h.snapshot("tank/a@3")
	o := blocks
	o.From = "@2"
	h.interrupt("tank/a@3", "backup/a", o)
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: resumed @2..@3")
	h.equal("tank/a", "backup/a")
	h.want(h.replicate("tank/a", "backup/a"))
}

// TestResumeStale: a state that fits to nothing any more is discarded. It takes no send to find that out, which would walk
// through all of the pool.
func TestResumeStale(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a")
	h.must(h.model.Write("tank/a", "large", make([]byte, 1<<20)))
	h.snapshot("tank/a@1")
	h.interrupt("tank/a@1", "backup/a", blocks)
	h.snapshot("tank/a@2")
	h.must(h.client.Destroy(h.ctx, "tank/a@1"))
	var got []string
	count := h.processes(func() { got = h.replicate("tank/a", "backup/a") })
	h.want(got, "backup/a: full @2")
	if count["send"] != 1 || count["receive"] != 2 { // one of them is receive -A
		t.Errorf("processes: %v", count)
	}
	h.equal("tank/a", "backup/a")

	h.snapshot("tank/a@3")
	h.must(h.model.Write("tank/a", "large", make([]byte, 2<<20)))
	h.snapshot("tank/a@4")
	o := blocks
	o.From = "@3"
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: incremental @2..@4 (2 snapshots)")
	h.must(h.client.Destroy(h.ctx, "backup/a@4"))
	h.must(h.client.Rollback(h.ctx, "backup/a@3"))
	h.interrupt("tank/a@4", "backup/a", o)
	h.must(h.client.Destroy(h.ctx, "tank/a@4"))
	h.snapshot("tank/a@5")
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: incremental @3..@5")
	h.equal("tank/a", "backup/a")
}

// TestResumeRaw: what is to be sent raw isn't resumed as plain text because a token says so.
func TestResumeRaw(t *testing.T) {
	h := newHouse(t)
	h.createEncrypted("tank/a")
	h.must(h.model.Write("tank/a", "large", make([]byte, 1<<20)))
	h.snapshot("tank/a@1")
	h.interrupt("tank/a@1", "backup/a", blocks)
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: full @1 raw")
	if got := h.property("backup/a", "encryption"); got != "aes-256-gcm" {
		t.Errorf("the copy's encryption: %s", got)
	}
}

// createEncrypted makes an encrypted filesystem, whose key is loaded.
func (h *house) createEncrypted(name string) {
	h.Helper()
	key := filepath.Join(h.TempDir(), "key")
	h.must(os.WriteFile(key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600))
	h.must(h.client.Create(h.ctx, name, zfssend.CreateOptions{Set: map[string]string{
		"encryption": "aes-256-gcm", "keyformat": "hex", "keylocation": "file://" + key,
	}}))
}

// TestEncryption: what is encrypted arrives encrypted, with its key or without it, unless plain text is asked for by name. A
// placeholder inherits what is above it.
func TestEncryption(t *testing.T) {
	h := newHouse(t)
	h.createEncrypted("tank/a")
	h.create("tank/a/b", "tank/plain")
	h.snapshot("tank/a@1")
	h.snapshot("tank/plain@1")
	h.want(h.replicate("tank/a", "backup/raw"), "backup/raw: full @1 raw", "backup/raw/b: full @1 raw")
	h.want(h.replicate("tank/plain", "backup/plain"), "backup/plain: full @1")
	h.r.Options.Plaintext = true
	h.want(h.replicate("tank/a", "backup/open"), "backup/open: full @1", "backup/open/b: full @1")
	h.createEncrypted("backup/safe")
	h.r.Options = Options{Recursive: true, Plaintext: true}
	only, err := ParseGlob("b")
	h.must(err)
	h.r.Options.Filter.Include = []Glob{only}
	h.want(h.replicate("tank/a", "backup/safe/a"), "backup/safe/a: placeholder", "backup/safe/a/b: full @1")
	for name, want := range map[string]string{
		"backup/raw": "aes-256-gcm", "backup/raw/b": "aes-256-gcm", "backup/plain": "off", "backup/open/b": "off",
		"backup/safe/a": "aes-256-gcm", "backup/safe/a/b": "aes-256-gcm",
	} {
		if got := h.property(name, "encryption"); got != want {
			t.Errorf("%s: encryption=%s, want %s", name, got, want)
		}
	}
	h.r.Options.Filter = Filter{}
	h.want(h.replicate("tank/a", "backup/safe/a"), "backup/safe/a: encrypted placeholder")
}

// TestRollback: changes of a destination are discarded only if that is asked for.
func TestRollback(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a")
	h.snapshot("tank/a@1")
	h.replicate("tank/a", "backup/a")
	h.must(exec.CommandContext(h.ctx, h.client.Command[0], "mount", "backup/a").Run())
	h.must(h.model.Write("backup/a", "mine", []byte("mine")))
	h.snapshot("tank/a@2")
	plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
	h.must(err)
	if _, err := h.r.Execute(h.ctx, plan); !errors.Is(err, zfssend.DestinationModified) {
		t.Fatalf("got %v", err)
	}
	h.r.Options.Rollback = true
	h.want(h.replicate("tank/a", "backup/a"), "backup/a: incremental @1..@2")
	h.equal("tank/a", "backup/a")
}

// TestHolds: the newest common snapshot is held on both sides, and no other one, also after a run that was killed in between.
func TestHolds(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b")
	h.r.Options.Hold = "zferry:test"
	for i := range 4 {
		h.snapshot(fmt.Sprintf("tank/a@%d", i))
		if i == 2 { // as if the run before had been killed after its holds
			h.must(h.client.Hold(h.ctx, "zferry:test", "tank/a@0", "backup/a/b@0"))
		}
		h.replicate("tank/a", "backup/a")
		h.replicate("tank/a", "backup/a")
		for _, dataset := range []string{"tank/a", "tank/a/b", "backup/a", "backup/a/b"} {
			d, err := h.client.List(h.ctx, dataset, zfssend.ListOptions{Holds: true})
			h.must(err)
			for j, v := range d[0].Versions {
				if want := j == i; (v.Holds == 1) != want {
					t.Errorf("after run %d, %s%s has %d holds", i, dataset, v.Name, v.Holds)
				}
			}
		}
	}
}

// TestCursors: there is one for each dataset, and increments start from it when its snapshot is gone.
func TestCursors(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b")
	h.r.Options.Cursor = "test"
	for i := range 3 {
		h.snapshot(fmt.Sprintf("tank/a@%d", i))
		got := h.replicate("tank/a", "backup/a")
		for _, dataset := range []string{"tank/a", "tank/a/b"} {
			d, err := h.client.Dataset(h.ctx, dataset)
			h.must(err)
			var cursors []string
			for _, v := range d.Versions {
				if v.IsBookmark() {
					cursors = append(cursors, v.Name)
				}
			}
			newest := snapshots(*d)[len(snapshots(*d))-1]
			if want := []string{CursorName("test", newest.GUID)}; !slices.Equal(cursors, want) {
				t.Errorf("%s has the cursors %v, want %v", dataset, cursors, want)
			}
			h.must(h.client.Destroy(h.ctx, dataset+newest.Name))
		}
		if i > 0 && !strings.HasPrefix(got[1], "backup/a/b: incremental #zferry_test_") {
			t.Errorf("got %v", got)
		}
	}
}

// TestKeep: cursors and holds of what has arrived are there while the next step runs, and so the source may lose its snapshot. At the end,
// there are those of the newest snapshots only.
func TestKeep(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a", "tank/a/b")
	h.snapshot("tank/a@0")
	h.snapshot("tank/a@1")
	h.snapshot("tank/a@2")
	h.r.Options.Cursor, h.r.Options.Hold, h.r.Options.Workers, h.r.keepInterval = "test", "zferry:test", 1, 10*time.Millisecond
	kept := func(dataset string) (list []string) {
		d, err := h.client.List(h.ctx, dataset, zfssend.ListOptions{Holds: true})
		h.must(err)
		names := make(map[uint64]string)
		for _, v := range d[0].Versions {
			if names[v.GUID] = cmp.Or(names[v.GUID], v.Name); v.IsBookmark() || v.Holds > 0 {
				list = append(list, fmt.Sprintf("%s %t", names[v.GUID], v.IsBookmark()))
			}
		}
		return list
	}
	want := map[string][]string{"tank/a": {"@0 false", "@0 true"}, "backup/a": {"@0 false"}}
	steps := 0
	h.r.OnStep = func(ctx context.Context, p *DatasetPlan, r Result, err error) {
		if steps++; steps != 2 { // the one after the first one is about to be done
			return
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if a, b := kept("tank/a"), kept("backup/a"); slices.Equal(a, want["tank/a"]) && slices.Equal(b, want["backup/a"]) {
				return
			} else if time.Now().After(deadline) {
				t.Errorf("after the first step, kept are %v and %v, want %v", a, b, want)
				return
			}
		}
	}
	h.replicate("tank/a", "backup/a")
	if steps < 4 {
		t.Fatalf("%d steps", steps)
	}
	for _, dataset := range []string{"tank/a", "tank/a/b", "backup/a", "backup/a/b"} {
		want := []string{"@2 false"}
		if strings.HasPrefix(dataset, "tank/") {
			want = append(want, "@2 true")
		}
		if got := kept(dataset); !slices.Equal(got, want) {
			t.Errorf("at the end, kept of %s are %v, want %v", dataset, got, want)
		}
	}
}

// TestRetries: what gets on is tried again for as long as it does, and what doesn't isn't.
func TestRetries(t *testing.T) {
	h := newHouse(t)
	h.create("tank/a")
	h.must(h.model.Write("tank/a", "large", make([]byte, 3<<20)))
	h.snapshot("tank/a@1")
	h.r.Options.Retries, h.r.Options.Backoff = 1, time.Millisecond
	h.must(h.model.SetFault("receive", zfsmodel.Fault{After: 1 << 20, Text: "cannot receive: dataset is busy\n", Exit: 1}))
	plan, err := h.r.Plan(h.ctx, "tank/a", "backup/a")
	h.must(err)
	var last Progress
	h.r.Progress = func(p Progress) { last = p }
	report, err := h.r.Execute(h.ctx, plan)
	if err != nil || report.Datasets[0].Retries < 2 {
		t.Errorf("each receive takes 1 MiB: %d retries, %v", report.Datasets[0].Retries, err)
	}
	if last.Steps != 1 || last.Total != 1 { // those that failed aren't done
		t.Errorf("progress ends with %d of %d steps", last.Steps, last.Total)
	}

	h.create("tank/b")
	h.snapshot("tank/b@1")
	h.must(h.model.SetFault("receive", zfsmodel.Fault{Text: "cannot receive: dataset is busy\n", Exit: 1}))
	plan, err = h.r.Plan(h.ctx, "tank/b", "backup/b")
	h.must(err)
	report, err = h.r.Execute(h.ctx, plan)
	if !errors.Is(err, zfssend.Busy) || report.Datasets[0].Retries != 1 {
		t.Errorf("no receive takes anything: %d retries, %v", report.Datasets[0].Retries, err)
	}
}

func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, task := trace.WithTask(t.Context(), "test")
		defer task.End()
		p := newPatience(&Options{Retries: 3, Backoff: time.Second})
		start := time.Now()
		waits := func(err error) bool { return p.wait(ctx, &DatasetPlan{}, err) }
		for i := range 3 {
			if !waits(zfssend.Busy) {
				t.Fatalf("retry %d of 3 wasn't granted", i+1)
			}
		}
		if took := time.Since(start); took < 3500*time.Millisecond || took > 7*time.Second {
			t.Errorf("three pauses of 1, 2 and 4 s, or half of it, took %v", took)
		}
		if waits(zfssend.Busy) {
			t.Error("a fourth one of 3 was granted")
		}
		p.note(reach{object: 100})
		if !waits(zfssend.Stalled) || waits(zfssend.NoSpace) || waits(zfssend.PoolIO) || waits(errors.New("else")) {
			t.Error("after progress, what may pass is tried again, and nothing else")
		}
		p.note(reach{object: 100})
		p.note(reach{steps: 1})
		start = time.Now()
		if !waits(zfssend.NotFound) || time.Since(start) > 0 || waits(zfssend.NotFound) {
			t.Error("a plan that is out of date is made anew once, without a pause")
		}
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		if p.wait(canceled, &DatasetPlan{}, zfssend.Busy) {
			t.Error("tried again after a cancellation")
		}
	})
}

func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(1 << 20)
		start, n := time.Now(), 0
		for n < 10<<20 {
			piece := min(l.piece(), 10<<20-n)
			time.Sleep(l.take(piece))
			n += piece
		}
		if took := time.Since(start); took < 9800*time.Millisecond || took > 10*time.Second {
			t.Errorf("10 MiB at 1 MiB/s took %v", took)
		}
		time.Sleep(time.Hour) // saves up nothing
		start = time.Now()
		for range 40 {
			time.Sleep(l.take(l.piece()))
		}
		if took := time.Since(start); took < 1500*time.Millisecond {
			t.Errorf("2 MiB after an hour took %v", took)
		}
	})
}

// TestLimitedClose: a sender that waits for its turn doesn't wait when it is closed.
func TestLimitedClose(t *testing.T) {
	CheckLeaks(t)
	c := zfssend.Client{Command: Fake(Scripts{"send": {Write(1 << 20), Block()}})}
	send, err := c.Host().Send(t.Context(), "tank/a@1", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s := limited{send, NewLimiter(1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(io.Discard, s)
	}()
	AwaitGoroutine(t, "replicate.limited.Read", "select")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-done
}

func TestGlob(t *testing.T) {
	tests := []struct {
		glob   string
		yes    []string
		no     []string
		broken bool
	}{
		{glob: "tmp", yes: []string{"tmp", "a/tmp", "a/b/tmp"}, no: []string{"tmpx", "a/xtmp", "tmp/a", "."}},
		{glob: "tmp*", yes: []string{"tmp", "tmp1", "a/tmp1"}, no: []string{"tmp1/a"}},
		{glob: "a/*", yes: []string{"a/b"}, no: []string{"a", "a/b/c", "x/a/b"}},
		{glob: "a/**", yes: []string{"a/b", "a/b/c"}, no: []string{"a"}},
		{glob: "**/b", yes: []string{"a/b", "a/c/b"}, no: []string{"b"}},
		{glob: "v?", yes: []string{"v1", "a/v2"}, no: []string{"v", "v12", "v/"}},
		{glob: ".", yes: []string{"."}, no: []string{"a", "a/."}},
		{glob: "a.b", yes: []string{"a.b"}, no: []string{"axb"}},
		{glob: "with space", yes: []string{"with space"}},
		{glob: "", broken: true},
		{glob: "/a", broken: true},
		{glob: "a/", broken: true},
	}
	for _, tt := range tests {
		g, err := ParseGlob(tt.glob)
		if (err != nil) != tt.broken {
			t.Errorf("%q: %v", tt.glob, err)
		}
		for _, path := range tt.yes {
			if !g.Match(path) {
				t.Errorf("%q doesn't match %q", tt.glob, path)
			}
		}
		for _, path := range tt.no {
			if g.Match(path) {
				t.Errorf("%q matches %q", tt.glob, path)
			}
		}
	}
}

// TestFilterSnapshots: between those that are wanted, others are left out, and one stream brings those between which there are none.
func TestFilterSnapshots(t *testing.T) {
	daily, err := ParseGlob("d*")
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{Filter: Filter{IncludeSnapshots: []Glob{daily}}}
	for _, tt := range []struct{ src, dst, want string }{
		{"@d1:1 @d2:2 @h1:3 @d3:4", "-", "full @d1; incremental @d1..@d2; incremental @d2..@d3"},
		{"@h0:9 @d1:1 @d2:2 @d3:3 @h1:4 @d4:5", "@d1:1", "incremental @d1..@d3 (2 snapshots); incremental @d3..@d4"},
		{"@h0:9 @d1:1", "@h0:9", "incremental @h0..@d1"},
		{"@d1:1 @h1:2", "@d1:1", ""},
		{"@d1:1 @h1:2", "@d1:1 @h1:2", ""},
	} {
		if got := describe(PlanDataset(dataset("tank/a", 100, tt.src), dataset("backup/a", 200, tt.dst), o)); got != tt.want {
			t.Errorf("%s to %s: got %s, want %s", tt.src, tt.dst, got, tt.want)
		}
	}
	o.Newest = true
	if got := describe(PlanDataset(dataset("tank/a", 100, "@d1:1 @d2:2 @h1:3"), dataset("backup/a", 200, "-"), o)); got != "full @d2" {
		t.Errorf("the newest one alone: got %s", got)
	}
}

// BenchmarkNewPlan plans 10,000 datasets with 1,000,000 snapshots, each of which has one that is new.
func BenchmarkNewPlan(b *testing.B) {
	var src, dst []zfssend.Dataset
	for i := range 10_000 {
		d := zfssend.Dataset{Name: fmt.Sprintf("tank/%05d", i), GUID: uint64(i + 1), Encryption: "off"}
		for j := range 100 {
			d.Versions = append(d.Versions, zfssend.Version{Name: fmt.Sprintf("@s%d", j), GUID: uint64(i*1000 + j + 1), CreateTXG: uint64(j + 1)})
		}
		src = append(src, d)
		d.Name = fmt.Sprintf("backup/%05d", i)
		d.Versions = d.Versions[:99]
		dst = append(dst, d)
	}
	src = append([]zfssend.Dataset{{Name: "tank", GUID: 1 << 40}}, src...)
	dst = append([]zfssend.Dataset{{Name: "backup", GUID: 1 << 41}}, dst...)
	b.ReportAllocs()
	for b.Loop() {
		plan := NewPlan("tank", "backup", src, dst, &Options{Recursive: true})
		if plan.Steps() != 10_000 {
			b.Fatalf("%d steps", plan.Steps())
		}
	}
}
