package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeImage puts an image with empty files into the cache.
func fakeImage(t *testing.T, c cache, m manifest) string {
	t.Helper()
	dir := filepath.Join(c.dir, m.key())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, f := range imageFiles() {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeManifest(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

// testRecipe is that of the default line.
var testRecipe = lines[0].recipe()

func testManifest(kernel string, day int) manifest {
	return manifest{Recipe: testRecipe, Line: DefaultLine, Built: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC),
		versions: versions{Kernel: kernel, ZFS: "2.1.11-1+deb12u1"}}
}

func TestKey(t *testing.T) {
	m := testManifest("6.1.0-56-cloud-amd64", 1)
	if got, want := m.key(), "6.1.0-56-cloud-amd64_zfs-2.1.11-1+deb12u1_"+testRecipe; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(testRecipe) != 12 {
		t.Errorf("hash of the recipe is %q", testRecipe)
	}
}

// An image must be built anew when what decides its content changes, and only then: a build takes minutes.
func TestRecipe(t *testing.T) {
	// The sources that the recipe's steps are made of.
	for _, file := range []string{"apt.go", "cpio.go", "elf.go", "initramfs.go", "recipe.go"} {
		if _, err := recipeSource.ReadFile(file); err != nil {
			t.Error(err)
		}
	}
	seen := map[string]string{}
	for _, l := range lines {
		id, err := RecipeID(l.name)
		if err != nil || seen[id] != "" {
			t.Errorf("lines %s and %s: recipe %q, %v", l.name, seen[id], id, err)
		}
		seen[id] = l.name
	}
	l := lines[len(lines)-1]
	before := l.recipe()
	l.configure, l.modules = time.Hour, time.Hour
	if l.recipe() != before {
		t.Error("an estimate of the time changes the recipe")
	}
	l.borrowed = []suite{{name: "trixie", packages: []string{"libc6", "libc-bin"}}, {name: "trixie-backports"}}
	if l.recipe() == before {
		t.Error("another package from a borrowed suite does not change the recipe")
	}
	if _, err := RecipeID("0.6"); err == nil {
		t.Error("an unknown line has a recipe")
	}
}

func TestCacheNewest(t *testing.T) {
	c := cache{t.TempDir()}
	l, err := findLine("")
	if err != nil {
		t.Fatal(err)
	}
	if img, err := c.newest(l); img != nil || err != nil {
		t.Fatalf("empty cache: %v, %v", img, err)
	}
	fakeImage(t, c, testManifest("6.1.0-1", 1))
	want := fakeImage(t, c, testManifest("6.1.0-2", 3))
	older := testManifest("6.1.0-9", 9)
	older.Recipe = "000000000000"
	fakeImage(t, c, older)
	other := testManifest("6.1.0-8", 9)
	other.Line = "2.3"
	fakeImage(t, c, other)
	damaged := fakeImage(t, c, testManifest("6.1.0-7", 9))
	if err := os.Truncate(filepath.Join(damaged, baseFile), 0); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(c.dir, buildPrefix+"1", "image"), 0o755); err != nil {
		t.Fatal(err)
	}
	img, err := c.newest(l)
	if err != nil || img == nil || img.Dir != want || img.Kernel != "6.1.0-2" {
		t.Errorf("got %+v, %v; want %s", img, err, want)
	}
	// Neither Build nor Find needs a network, or even Debian, for an image that is there.
	for name, find := range map[string]func() (*Image, error){
		"Build": func() (*Image, error) { return Build(t.Context(), BuildOptions{CacheDir: c.dir}) },
		"Find":  func() (*Image, error) { return Find(DefaultLine, c.dir) },
	} {
		if img, err := find(); err != nil || img.Dir != want {
			t.Errorf("%s: got %v, %v; want %s", name, img, err, want)
		}
	}
}

func TestFindNothing(t *testing.T) {
	if _, err := Find(DefaultLine, filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("got %v, want ErrNotBuilt", err)
	}
	if _, err := Find("0.6", t.TempDir()); err == nil || !strings.Contains(err.Error(), "2.1") {
		t.Errorf("unknown line: %v; want an error with the known ones", err)
	}
	if _, err := openCache("/tmp/my cache"); err == nil {
		t.Error("a path with a space was taken; kbuild would fail on it later")
	}
}

func TestDefaultCacheDir(t *testing.T) {
	t.Setenv("HOME", "/home/u")
	for xdg, want := range map[string]string{"/x": "/x/spanstack/vm", "": "/home/u/.cache/spanstack/vm", "rel": "/home/u/.cache/spanstack/vm"} {
		t.Setenv("XDG_CACHE_HOME", xdg)
		if got, err := DefaultCacheDir(); got != want || err != nil {
			t.Errorf("XDG_CACHE_HOME=%q: got %q, %v; want %q", xdg, got, err, want)
		}
	}
}

func TestClean(t *testing.T) {
	c := cache{t.TempDir()}
	fakeImage(t, c, testManifest("6.1.0-1", 1))
	fakeImage(t, c, testManifest("6.1.0-2", 2))
	for _, dir := range []string{logDir, buildPrefix + "7", "not-ours"} {
		if err := os.Mkdir(filepath.Join(c.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	newest := testManifest("6.1.0-2", 2).key()
	names := func() []string {
		var n []string
		entries, _ := os.ReadDir(c.dir)
		for _, e := range entries {
			n = append(n, e.Name())
		}
		return n
	}
	removed, err := Clean(t.Context(), c.dir, false)
	if err != nil || len(removed) != 2 {
		t.Errorf("removed %q, %v", removed, err)
	}
	if got, want := names(), []string{newest, lockFile, logDir, "not-ours"}; !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	if _, err := Clean(t.Context(), c.dir, true); err != nil {
		t.Error(err)
	}
	if got, want := names(), []string{lockFile, "not-ours"}; !slices.Equal(got, want) {
		t.Errorf("with all: left %q, want %q", got, want)
	}
	if removed, err := Clean(t.Context(), filepath.Join(c.dir, "none"), true); removed != nil || err != nil {
		t.Errorf("no cache: %q, %v", removed, err)
	}
}

func TestLock(t *testing.T) {
	c := cache{filepath.Join(t.TempDir(), "new")}
	release, err := c.lock(t.Context(), func(string) { t.Error("waiting for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	// A second one waits, says for whom, and goes on when the first is done.
	waiting := make(chan string, 1)
	got := make(chan error, 1)
	go func() {
		release, err := c.lock(t.Context(), func(owner string) { waiting <- owner })
		if err == nil {
			release()
		}
		got <- err
	}()
	if owner := <-waiting; owner != fmt.Sprint(os.Getpid()) {
		t.Errorf("waits for %q, want %d", owner, os.Getpid())
	}
	select {
	case err := <-got:
		t.Fatalf("two have the lock (%v)", err)
	default:
	}
	// A third one gives up with its context.
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := c.lock(ctx, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	release()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func TestStepFails(t *testing.T) {
	c := cache{t.TempDir()}
	os.Mkdir(filepath.Join(c.dir, logDir), 0o755)
	var events []string
	b := &build{cache: c, progress: func(e Event) { events = append(events, fmt.Sprint(e.Kind, e.Text, e.Step)) }}
	err := b.step(t.Context(), recipeStep{"configure ZFS", time.Minute, func(ctx context.Context, log io.Writer) error {
		return command(ctx, log, c.dir, "sh", "-c", "seq 1 100; echo no compiler >&2; exit 3").Run()
	}})
	e, ok := errors.AsType[*StepError](err)
	if !ok {
		t.Fatalf("got %v, want a StepError", err)
	}
	tail := strings.Split(e.Tail, "\n")
	if len(tail) != tailLines || tail[0] != "62" || tail[len(tail)-1] != "no compiler" {
		t.Errorf("tail: %q", tail)
	}
	if want := "configure ZFS: exit status 3\nThe end of its log:\n  62\n"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %q", err)
	}
	if data, err := os.ReadFile(e.Log); err != nil || !strings.HasPrefix(string(data), "1\n2\n") {
		t.Errorf("log %s: %q, %v", e.Log, data, err)
	}
	if got, want := events, []string{fmt.Sprint(StepStarted, "configure ZFS", 1), fmt.Sprint(StepFailed, "configure ZFS", 1)}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	if errors.Is(err, ErrUnavailable) || !errors.Is(unavailable(err), ErrUnavailable) {
		t.Error("only a step that needs the network may count as unavailable")
	}
}

// Cancellation kills what a step started, and what that started.
func TestStepCancelled(t *testing.T) {
	c := cache{t.TempDir()}
	os.Mkdir(filepath.Join(c.dir, logDir), 0o755)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		b := &build{cache: c}
		done <- b.step(ctx, recipeStep{"slow", time.Minute, func(ctx context.Context, _ io.Writer) error {
			defer w.Close()
			return command(ctx, w, c.dir, "sh", "-c", "sleep 1000 & echo ready; wait").Run()
		}})
	}()
	if _, err := r.Read(make([]byte, 16)); err != nil { // "ready"
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if n, err := io.Copy(io.Discard, r); err != nil || n != 0 { // ends only when the last process is gone
		t.Errorf("after the end: %d bytes, %v", n, err)
	}
}

func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	send := NewProgress(&out)
	second := time.Second
	send(Event{Kind: StepStarted, Text: "read", Step: 1, Steps: 2, Expected: 3 * second, TotalExpected: 150 * second})
	send(Event{Kind: StepRunning, Text: "read", Step: 1, Steps: 2})
	send(Event{Kind: StepDone, Text: "read", Step: 1, Steps: 2, Elapsed: 2500 * time.Millisecond})
	send(Event{Kind: Note, Text: "building kernel 6"})
	send(Event{Kind: StepStarted, Text: "make", Step: 2, Steps: 2, Expected: 147 * second})
	send(Event{Kind: StepDone, Text: "make", Step: 2, Steps: 2, Elapsed: 100 * second, TotalElapsed: 103 * second})
	send(Event{Kind: StepFailed, Text: "make", Step: 2, Steps: 2, Elapsed: 100 * second})
	want := `vm: [1/2] read (about 3 s)
vm: [1/2] read: done in 2.5 s
vm: building kernel 6
vm: [2/2] make (about 2:27 min)
vm: [2/2] make: done in 100 s
vm: built in 103 s
vm: [2/2] make: failed after 100 s
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	// A terminal has one line that changes.
	out.Reset()
	live := &progress{w: &out, live: true}
	live.event(Event{Kind: StepRunning, Text: "make", Step: 2, Steps: 2, Elapsed: 42 * second, Expected: 75 * second,
		TotalElapsed: 61 * second, TotalExpected: 150 * second})
	if want := "\r\x1b[Kvm: [2/2] make: 42 s of about 75 s, in all 61 s of about 2:30 min"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestUseKVM(t *testing.T) {
	sys := t.TempDir()
	if useKVM(sys) {
		t.Error("KVM without a module of the processor's vendor")
	}
	if err := os.MkdirAll(filepath.Join(sys, "module", "kvm_pvm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if useKVM(sys) {
		t.Error("kvm_pvm can't run this kernel")
	}
}

func TestReplaceOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	os.WriteFile(file, []byte("a b b"), 0o644)
	if err := replaceOnce(file, "a", "c"); err != nil {
		t.Error(err)
	}
	for _, old := range []string{"b", "x"} {
		if err := replaceOnce(file, old, "y"); err == nil {
			t.Errorf("%q was replaced, though it does not occur once", old)
		}
	}
	if data, _ := os.ReadFile(file); string(data) != "c b b" {
		t.Errorf("file is %q", data)
	}
}

func TestManifestIsReadable(t *testing.T) {
	c := cache{t.TempDir()}
	dir := fakeImage(t, c, testManifest("6.1.0-1", 1))
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"recipe", "line", "built", "kernel", "kernel_package", "zfs", "sizes"} {
		if _, ok := fields[key]; !ok {
			t.Errorf("no %q in\n%s", key, data)
		}
	}
}
