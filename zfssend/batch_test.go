package zfssend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// wantBatch checks that err is a *BatchError with these failures, each written as "name: cause".
func wantBatch(t *testing.T, err error, want ...string) *BatchError {
	t.Helper()
	if len(want) == 0 {
		if err != nil {
			t.Errorf("got %v", err)
		}
		return nil
	}
	b, ok := errors.AsType[*BatchError](err)
	if !ok {
		t.Fatalf("got %#v, want a BatchError", err)
	}
	var got []string
	for _, f := range b.Failed {
		got = append(got, f.Name+": "+f.Cause.String())
		if f.Cause != Unknown && !errors.Is(err, f.Cause) {
			t.Errorf("the error isn't %v", f.Cause)
		}
		if f.Message == "" || strings.ContainsAny(f.Message, "\n") {
			t.Errorf("message of %s: %q", f.Name, f.Message)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("failed: %q, want %q", got, want)
	}
	return b
}

func TestBatchErrorText(t *testing.T) {
	b := newBatch("destroy", 1)
	b.fail("tank/a@x", Held, "it's being held")
	if got, want := b.result().Error(), "destroy tank/a@x: it's being held"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b = newBatch("hold", 9)
	for i := range 5 {
		b.fail(fmt.Sprintf("tank/a@%d", i), NotFound, "dataset does not exist")
	}
	b.process(&Error{Op: "hold", Cause: AlreadyExists, Needs: []string{"hold"}}, NotFound)
	want := "hold: 5 of 9 failed: tank/a@0: dataset does not exist; tank/a@1: dataset does not exist; tank/a@2: dataset does not exist; and 2 more; it needs the permissions hold"
	if got := b.result().Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := b.result(); !errors.Is(err, NotFound) || errors.Is(err, AlreadyExists) || errors.Is(err, Held) {
		t.Error("wrong causes")
	}
	if err := newBatch("hold", 3).result(); err != nil {
		t.Errorf("no failure: %v", err)
	}
}

func TestSplit(t *testing.T) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("tank/%s@%d", strings.Repeat("x", i%200), i)
	}
	parts := chunks(names)
	if len(parts) < 2 || !slices.Equal(slices.Concat(parts...), names) {
		t.Fatalf("%d parts", len(parts))
	}
	for i, part := range parts {
		size := 0
		for _, name := range part {
			size += len(name) + 1 + pointerSize
		}
		if size > maxArguments || i < len(parts)-1 && size < maxArguments-300 {
			t.Errorf("part %d of %d bytes", i, size)
		}
	}
	if parts := split([]string{"longer", "x", "y"}, 4, 1); len(parts) != 2 {
		t.Errorf("got %q", parts)
	}
	if chunks(nil) != nil {
		t.Error("nothing in parts")
	}
}

// TestSplitArguments: what a real process is started with fits into the system's limits.
func TestSplitArguments(t *testing.T) {
	zfstest.CheckLeaks(t)
	var names []string
	for i := range 4000 {
		names = append(names, fmt.Sprintf("tank/%s@%d", strings.Repeat("d", 200), i))
	}
	if err := fake().Hold(t.Context(), "tag", names...); err != nil {
		t.Error(err)
	}
	if err := fake().Snapshot(t.Context(), names[:40]...); err != nil { // 40 rounds
		t.Error(err)
	}
}

// TestBatchUncertain: what was cancelled may have been done, and what zfs refused was not.
func TestBatchUncertain(t *testing.T) {
	zfstest.CheckLeaks(t)
	names := []string{"tank/a@x", "tank/b@x"}
	started := filepath.Join(t.TempDir(), "started")
	uncertain := func(err error) string {
		b, ok := errors.AsType[*BatchError](err)
		if !ok {
			t.Fatalf("got %v", err)
		}
		var list []string
		for _, f := range b.Failed {
			list = append(list, fmt.Sprintf("%s %v %v", f.Name, f.Cause, f.Uncertain))
		}
		return strings.Join(list, ", ")
	}
	blocked := fake(zfstest.Touch(started), zfstest.Block())
	for op, run := range map[string]func(ctx context.Context) error{
		"snapshot": func(ctx context.Context) error { return blocked.Snapshot(ctx, names...) },
		"hold":     func(ctx context.Context) error { return blocked.Hold(ctx, "t", names...) },
		"inherit":  func(ctx context.Context) error { return blocked.Inherit(ctx, "atime", names...) },
		"bookmark": func(ctx context.Context) error { // by a channel program
			return blocked.Bookmark(ctx, Bookmark{"tank/a@x", "#x"}, Bookmark{"tank/b@x", "#x"})
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for !exists(started) {
				time.Sleep(time.Millisecond)
			}
			cancel()
		}()
		want := "tank/a@x canceled true, tank/b@x canceled true"
		if op == "bookmark" {
			want = strings.ReplaceAll(want, "@", "#")
		}
		if got := uncertain(run(ctx)); got != want {
			t.Errorf("%s: got %s, want %s", op, got, want)
		}
		os.Remove(started)
	}
	if got := uncertain(fake(zfstest.Signal(syscall.SIGKILL)).Hold(t.Context(), "t", names...)); got != "tank/a@x unknown cause true, tank/b@x unknown cause true" {
		t.Errorf("a crash: %s", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		blocked.Hold(ctx, "t", names...), // not tried
		fake(zfstest.Exit(2)).Hold(t.Context(), "t", names...),
		fake(replay(t, "denied-snapshot")...).Snapshot(t.Context(), names...),
	} {
		if got := uncertain(err); strings.Contains(got, "true") {
			t.Errorf("%v: got %s", err, got)
		}
	}
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// TestBatchStops: after a cancellation the rest isn't tried, and is listed.
func TestBatchStops(t *testing.T) {
	zfstest.CheckLeaks(t)
	reason := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	c := fake()
	want := []string{"tank/a@x: canceled", "tank/b@x: canceled"}
	names := []string{"tank/a@x", "tank/b@x"}
	for op, err := range map[string]error{
		"snapshot": c.Snapshot(ctx, names...),
		"hold":     c.Hold(ctx, "t", names...),
		"release":  c.Release(ctx, "t", names...),
		"destroy":  c.Destroy(ctx, names...),
		"inherit":  c.Inherit(ctx, "atime", names...),
	} {
		if b := wantBatch(t, err, want...); b.Op != op || !errors.Is(err, reason) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", op, err)
		}
	}
	err := c.Bookmark(ctx, Bookmark{"tank/a@x", "#x"}, Bookmark{"tank/b@x", "#x"})
	wantBatch(t, err, "tank/a#x: canceled", "tank/b#x: canceled")
}

func TestBatchNames(t *testing.T) {
	c := &Client{Command: []string{"/nonexistent/zfs"}} // nothing is run
	ctx := t.Context()
	for i, err := range []error{
		c.Snapshot(ctx, "tank/a@x", "-r"), c.Snapshot(ctx, "tank/a#x"),
		c.Hold(ctx, "", "tank/a@x"), c.Hold(ctx, ".x", "tank/a@x"), c.Hold(ctx, "a\nb", "tank/a@x"), c.Hold(ctx, strings.Repeat("x", 256), "tank/a@x"), c.Hold(ctx, "t", "tank/a"),
		c.Release(ctx, "t", "tank/a@x,y"), c.Destroy(ctx, "tank/a@x,y"), c.Destroy(ctx, "tank/a@x%y"), c.Destroy(ctx, "-r"), c.Destroy(ctx, "tank/a@"),
		c.Bookmark(ctx, Bookmark{"tank/a", "#x"}), c.Bookmark(ctx, Bookmark{"tank/a@x", "@x"}), c.Bookmark(ctx, Bookmark{"tank/a@x", "x"}),
		c.Bookmark(ctx, Bookmark{"tank/a@x", "#x"}, Bookmark{"tank/a@y", "#x"}),
		c.Inherit(ctx, "-r", "tank/a"), c.Inherit(ctx, "atime", "tank/a#x"), c.SetProperties(ctx, "tank/a", map[string]string{"-x:y": "1"}), c.SetProperties(ctx, "tank/a#x", nil),
	} {
		if !isNameError(err) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := errors.Join(c.Snapshot(ctx), c.Hold(ctx, "t"), c.Release(ctx, "t"), c.Destroy(ctx), c.Bookmark(ctx), c.Inherit(ctx, "atime"), c.SetProperties(ctx, "tank", nil)); err != nil {
		t.Errorf("nothing to do: %v", err)
	}
	err := c.Hold(ctx, "t", "tank/a@x", "tank/a@y")
	if b := wantBatch(t, err, "tank/a@x: unknown cause", "tank/a@y: unknown cause"); !strings.Contains(b.Error(), "no such file") {
		t.Error(err)
	}
}

func TestSnapshot(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, testSnapshot)
	if got := oneEach([]string{"a@1", "b@1", "a@2", "a@3", "b@2"}); fmt.Sprint(got) != "[[a@1 b@1] [a@2 b@2] [a@3]]" {
		t.Errorf("rounds: %v", got)
	}
}

func testSnapshot(t *testing.T, zfs version) {
	c := scripted(zfstest.Scripts{"snapshot": zfs.replay(t, "snapshot-exists"), "snapshot backup": nil})
	err := c.Snapshot(t.Context(), "backup@new", "tank/a@new", "tank/a/child@x")
	wantBatch(t, err, "tank/a@new: not tried", "tank/a/child@x: already exists")

	err = fake(zfs.replay(t, "snapshot-no-dataset")...).Snapshot(t.Context(), "tank/a@new", "tank/nothing@new")
	wantBatch(t, err, "tank/a@new: not tried", "tank/nothing@new: not found")
	if strings.Contains(err.Error(), "usage") {
		t.Error(err)
	}
	err = fake(zfs.replay(t, "denied-snapshot")...).Snapshot(t.Context(), "tank/a@u", "tank/b@u")
	wantBatch(t, err, "tank/a@u: permission denied", "tank/b@u: permission denied")
	if e, _ := errors.AsType[*Error](err); !slices.Equal(e.Needs, []string{"snapshot"}) {
		t.Errorf("got %+v", e)
	}
}
