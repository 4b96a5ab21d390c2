package zfssend

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestDestroySnapshots: those that can be destroyed are, the others are named, whatever is in the way.
func TestDestroySnapshots(t *testing.T) {
	zfstest.CheckLeaks(t)
	ctx := t.Context()
	const child = "tank/a/child@"
	held := zfstest.Scripts{
		"destroy -vp " + child + "held,free,missing": replay(t, "destroy-held"),
		"destroy -vp " + child + "free":              {zfstest.Print("destroy\t" + child + "free\nreclaim\t0\n")},
	}
	err := scripted(held).Destroy(ctx, child+"held", child+"free", child+"missing", child+"free")
	wantBatch(t, err, child+"held: busy", child+"missing: not found")

	cloned := zfstest.Scripts{
		"destroy -vp " + child + "cloned,free": replay(t, "destroy-cloned"),
		"destroy -vp " + child + "free":        replay(t, "destroy-free"),
	}
	wantBatch(t, scripted(cloned).Destroy(ctx, child+"cloned", child+"free"), child+"cloned: has children, snapshots or clones")

	// zfs itself finds nothing wrong with this.
	wantBatch(t, fake(replay(t, "destroy-free")...).Destroy(ctx, child+"free", child+"missing"), child+"missing: not found")
	wantBatch(t, fake(replay(t, "destroy-missing")...).Destroy(ctx, child+"missing"), child+"missing: not found")
	wantBatch(t, fake(replay(t, "destroy-no-dataset")...).Destroy(ctx, "tank/nothing@missing", "tank/nothing@b"), "tank/nothing@missing: not found", "tank/nothing@b: not found")
	err = fake(replay(t, "denied-destroy")...).Destroy(ctx, "tank/a@one", "tank/a@two")
	b := wantBatch(t, err, "tank/a@one: permission denied", "tank/a@two: permission denied")
	if !slices.Equal(b.Processes[0].Needs, []string{"destroy", "mount"}) {
		t.Errorf("got %+v", b.Processes[0])
	}
	// OpenZFS 2.3.3 and later say it like this.
	later := zfstest.Scripts{
		"destroy -vp tank/a@one,two": {zfstest.Print("destroy\ttank/a@one\ndestroy\ttank/a@two\n"),
			zfstest.Stderr("cannot destroy snapshot tank/a@two: it's being held. Run 'zfs holds -r tank/a@two' to see holders.\n"), zfstest.Exit(1)},
		"destroy -vp tank/a@one": {zfstest.Print("destroy\ttank/a@one\n")},
	}
	wantBatch(t, scripted(later).Destroy(ctx, "tank/a@one", "tank/a@two"), "tank/a@two: held")
	// A failure that doesn't say what it is about must not be tried again and again.
	wantBatch(t, fake(zfstest.Stderr("cannot destroy snapshot tank/other@x: dataset is busy\n"), zfstest.Exit(1)).Destroy(ctx, "tank/a@x"), "tank/a@x: busy")
}

func TestDestroyRecursive(t *testing.T) {
	zfstest.CheckLeaks(t)
	c := scripted(zfstest.Scripts{
		"destroy -vp -r -d tank/a@x,y,z": {zfstest.Print("destroy\ttank/a/child@x\ndestroy\ttank/a@y\ndestroy\ttank/a/child@y\n"),
			zfstest.Stderr("cannot destroy snapshot tank/a/child@y: dataset is busy\n"), zfstest.Exit(1)},
		"destroy -vp -r -d tank/a@x": {zfstest.Print("destroy\ttank/a/child@x\n")},
		"destroy -r tank/b":          nil,
		"destroy tank/a#b":           nil,
	})
	err := c.DestroyWith(t.Context(), DestroyOptions{Recursive: true, Deferred: true}, "tank/b", "tank/a@x", "tank/a@y", "tank/a#b", "tank/a@z")
	b := wantBatch(t, err, "tank/a@y: busy", "tank/a@z: not found")
	if b.Failed[0].Message != "tank/a/child@y: dataset is busy" {
		t.Errorf("got %+v", b.Failed[0])
	}
}

func TestDestroyOthers(t *testing.T) {
	zfstest.CheckLeaks(t)
	c := scripted(zfstest.Scripts{
		"destroy tank/a#missing": replay(t, "destroy-bookmark-missing"),
		"destroy tank/a":         replay(t, "destroy-children"),
		"destroy tank/nothing":   replay(t, "destroy-dataset-missing"),
		"destroy tank/a/b/c":     nil,
		"destroy tank/a#good":    nil,
	})
	err := c.Destroy(t.Context(), "tank/a", "tank/nothing", "tank/a/b/c", "tank/a#missing", "tank/a#good")
	wantBatch(t, err, "tank/a#missing: not found", "tank/a: has children, snapshots or clones", "tank/nothing: not found")
	names := []string{"tank", "tank/a/b", "tank/a#x", "tank/a"}
	slices.SortFunc(names, func(a, b string) int { return destroyRank(a) - destroyRank(b) })
	if !slices.Equal(names, []string{"tank/a#x", "tank/a/b", "tank/a", "tank"}) {
		t.Errorf("order %q", names)
	}
	err = fake(replay(t, "denied-destroy-bookmark")...).Destroy(t.Context(), "tank/a#one")
	if e, _ := errors.AsType[*Error](err); !slices.Equal(e.Needs, []string{"destroy"}) {
		t.Errorf("got %v", err)
	}
}

// TestDestroyMany: more names than an argument can hold are destroyed by several processes.
func TestDestroyMany(t *testing.T) {
	zfstest.CheckLeaks(t)
	var names []string
	for i := range 1500 {
		names = append(names, fmt.Sprintf("tank/a@%s-%d", strings.Repeat("x", 190), i))
	}
	log := filepath.Join(t.TempDir(), "log")
	// It finds everything but the last one, and notes how long its argument was.
	const script = `echo "${#3}" >> "$0"; echo "$3" | tr , '\n' | sed 's,^tank/a@,,; /-1499$/d; s,^,destroy\ttank/a@,'`
	c := &Client{Command: []string{"sh", "-c", script, log}}
	wantBatch(t, c.Destroy(t.Context(), names...), names[1499]+": not found")
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lengths := strings.Fields(string(text))
	if len(lengths) != 5 {
		t.Errorf("arguments of %q bytes", lengths)
	}
	for _, length := range lengths {
		if n, err := strconv.Atoi(length); err != nil || n > maxArgument+maxName {
			t.Errorf("an argument of %s bytes", length)
		}
	}
}
