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

const lookGUID = "get -Hp -o name,value guid "

// existing is what a look for snapshots finds.
func existing(names ...string) []zfstest.Action {
	return []zfstest.Action{zfstest.Print(strings.Join(names, "\t1\n") + "\t1\n"), zfstest.Stderr("cannot open 'tank/x@missing': dataset does not exist\n"), zfstest.Exit(1)}
}

// TestDestroySnapshots: those that can be destroyed are, the others are named, whatever is in the way.
func TestDestroySnapshots(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, func(t *testing.T, zfs version) {
		ctx := t.Context()
		const child = "tank/a/child@"
		held := zfstest.Scripts{
			lookGUID:                         existing(child+"held", child+"free"),
			"destroy " + child + "held,free": zfs.replay(t, "destroy-held"),
			"destroy " + child + "free":      nil,
		}
		err := scripted(held).Destroy(ctx, child+"held", child+"free", child+"missing", child+"free")
		wantBatch(t, err, child+"missing: not found", child+"held: "+zfs.held())
		wantBatch(t, fake(zfs.replay(t, "destroy-snapshot-held")...).Destroy(ctx, "tank/tree@y"), "tank/tree@y: "+zfs.held())

		cloned := zfstest.Scripts{
			lookGUID:                           existing(child+"cloned", child+"free"),
			"destroy " + child + "cloned,free": zfs.replay(t, "destroy-cloned"),
			"destroy " + child + "free":        nil,
		}
		wantBatch(t, scripted(cloned).Destroy(ctx, child+"cloned", child+"free"), child+"cloned: has children, snapshots or clones")

		wantBatch(t, fake(zfs.replay(t, "destroy-missing")...).Destroy(ctx, child+"missing"), child+"missing: not found")
		missing := scripted(zfstest.Scripts{lookGUID: zfs.replay(t, "get-guid-missing")}) // nothing is destroyed
		wantBatch(t, missing.Destroy(ctx, "tank/b@x", "tank/b@y"), "tank/b@x: not found", "tank/b@y: not found")
		wantBatch(t, fake(zfs.replay(t, "destroy-no-dataset")...).Destroy(ctx, "tank/nothing@missing", "tank/nothing@b"), "tank/nothing@missing: not found", "tank/nothing@b: not found")
		denied := zfstest.Scripts{lookGUID: existing("tank/a@one", "tank/a@two"), "destroy": zfs.replay(t, "denied-destroy")}
		b := wantBatch(t, scripted(denied).Destroy(ctx, "tank/a@one", "tank/a@two"), "tank/a@one: permission denied", "tank/a@two: permission denied")
		if !slices.Equal(b.Processes[0].Needs, []string{"destroy", "mount"}) {
			t.Errorf("got %+v", b.Processes[0])
		}
		// If the look fails, zfs destroy lists what it finds: it finds nothing wrong with one that is missing.
		noLook := zfstest.Scripts{
			lookGUID:                                {zfstest.Stderr("sudo: a password is required\n"), zfstest.Exit(1)},
			"destroy -vp " + child + "free,missing": zfs.replay(t, "destroy-free"),
		}
		wantBatch(t, scripted(noLook).Destroy(ctx, child+"free", child+"missing"), child+"missing: not found")
		noLook = zfstest.Scripts{
			lookGUID: {zfstest.Exit(1)},
			"destroy -vp " + child + "held,free,missing": zfs.replay(t, "destroy-held"),
			"destroy " + child + "free":                  nil,
		}
		wantBatch(t, scripted(noLook).Destroy(ctx, child+"held", child+"free", child+"missing"), child+"held: "+zfs.held(), child+"missing: not found")
	})
	// A failure that doesn't say what it is about must not be tried again and again.
	wantBatch(t, fake(zfstest.Stderr("cannot destroy snapshot tank/other@x: dataset is busy\n"), zfstest.Exit(1)).Destroy(t.Context(), "tank/a@x"), "tank/a@x: busy")
}

// TestDestroyHeldColon: the name of a snapshot may look like the end of one.
func TestDestroyHeldColon(t *testing.T) {
	zfstest.CheckLeaks(t)
	const ten, child = "tank/a@at: 10", "tank/a/child@at: 10"
	for _, message := range []string{"dataset is busy", "it's being held. Run 'zfs holds -r %s' to see holders."} {
		complain := func(name string) []zfstest.Action {
			return []zfstest.Action{zfstest.Stderr("cannot destroy snapshot " + name + ": " + strings.ReplaceAll(message, "%s", name) + "\n"), zfstest.Exit(1)}
		}
		want := "busy"
		if message[0] == 'i' {
			want = "held"
		}
		c := scripted(zfstest.Scripts{lookGUID: existing(ten, "tank/a@free"), "destroy " + ten + ",free": complain(ten), "destroy tank/a@free": nil})
		wantBatch(t, c.Destroy(t.Context(), ten, "tank/a@free"), ten+": "+want)
		c = scripted(zfstest.Scripts{"destroy -vp -r " + ten + ",free": append([]zfstest.Action{zfstest.Print("destroy\t" + child + "\ndestroy\ttank/a@free\n")}, complain(child)...), "destroy -r tank/a@free": nil})
		wantBatch(t, c.DestroyWith(t.Context(), DestroyOptions{Recursive: true}, ten, "tank/a@free"), ten+": "+want)
	}
}

// TestDestroyManyHeld: of a thousand that are held each is named, and the rest is destroyed.
func TestDestroyManyHeld(t *testing.T) {
	zfstest.CheckLeaks(t)
	for _, length := range []int{1, 2, 3, 5, 8, 13, 21, 34} {
		names := manyNames(1500, length)
		dataset := datasetOf(names[0])
		c := scripted(zfstest.Scripts{
			lookGUID:                         existing(names...),
			"destroy " + dataset + "@00000,": {zfstest.Stderr(manyLines("cannot destroy snapshot %s: dataset is busy\n", names[:1000], 0, "")), zfstest.Exit(1)},
			"destroy " + dataset + "@01000,": nil,
		})
		var want []string
		for _, name := range names[:1000] {
			want = append(want, name+": busy")
		}
		wantBatch(t, c.Destroy(t.Context(), names...), want...)
	}
}

func TestDestroyRecursive(t *testing.T) {
	zfstest.CheckLeaks(t)
	c := scripted(zfstest.Scripts{
		"destroy -vp -r -d tank/a@x,y,z": {zfstest.Print("destroy\ttank/a/child@x\ndestroy\ttank/a@y\ndestroy\ttank/a/child@y\n"),
			zfstest.Stderr("cannot destroy snapshot tank/a/child@y: dataset is busy\n"), zfstest.Exit(1)},
		"destroy -r -d tank/a@x": nil,
		"destroy -r tank/b":      nil,
		"destroy tank/a#b":       nil,
	})
	err := c.DestroyWith(t.Context(), DestroyOptions{Recursive: true, Deferred: true}, "tank/b", "tank/a@x", "tank/a@y", "tank/a#b", "tank/a@z")
	b := wantBatch(t, err, "tank/a@y: busy", "tank/a@z: not found")
	if b.Failed[0].Message != "tank/a/child@y: dataset is busy" {
		t.Errorf("got %+v", b.Failed[0])
	}
}

func TestDestroyOthers(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, func(t *testing.T, zfs version) {
		c := scripted(zfstest.Scripts{
			"destroy tank/a#missing": zfs.replay(t, "destroy-bookmark-missing"),
			"destroy tank/a":         zfs.replay(t, "destroy-children"),
			"destroy tank/nothing":   zfs.replay(t, "destroy-dataset-missing"),
			"destroy tank/a/b/c":     nil,
			"destroy tank/a#good":    nil,
		})
		err := c.Destroy(t.Context(), "tank/a", "tank/nothing", "tank/a/b/c", "tank/a#missing", "tank/a#good")
		wantBatch(t, err, "tank/a#missing: not found", "tank/a: has children, snapshots or clones", "tank/nothing: not found")
		err = fake(zfs.replay(t, "denied-destroy-bookmark")...).Destroy(t.Context(), "tank/a#one")
		if e, _ := errors.AsType[*Error](err); !slices.Equal(e.Needs, []string{"destroy"}) {
			t.Errorf("got %v", err)
		}
	})
	names := []string{"tank", "tank/a/b", "tank/a#x", "tank/a"}
	slices.SortFunc(names, func(a, b string) int { return destroyRank(a) - destroyRank(b) })
	if !slices.Equal(names, []string{"tank/a#x", "tank/a/b", "tank/a", "tank"}) {
		t.Errorf("order %q", names)
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
	// It finds everything but the last one, and notes how long the argument of a destruction was.
	const script = `case $1 in
		destroy) echo "${#2}" >> "$0" ;;
		get) shift 5; printf '%s\t1\n' "$@" | sed '/-1499\t/d' ;;
	esac`
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
