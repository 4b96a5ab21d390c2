package zfssend

import (
	"errors"
	"slices"
	"testing"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestAbortReceive(t *testing.T) {
	CheckLeaks(t)
	for stderr, want := range map[string]error{ // as OpenZFS 2.1.11 and 2.4.4 write it
		"": nil,
		"'tank/a' does not have any resumable receive state to abort\n": nil,
		"cannot open 'tank/a': dataset does not exist\nusage:\n":        NotFound,
		"cannot destroy 'tank/a': dataset is busy\n":                    Busy,
	} {
		code := int64(1)
		if stderr == "" {
			code = 0
		}
		err := fake(Stderr(stderr), Exit(code)).AbortReceive(t.Context(), "tank/a")
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", stderr, err, want)
		}
	}
	// A dataset that is called like what is no failure.
	busy := fake(Stderr("cannot destroy 'tank/does not have any resumable receive state': dataset is busy\n"), Exit(1))
	if err := busy.AbortReceive(t.Context(), "tank/does not have any resumable receive state"); !errors.Is(err, Busy) {
		t.Errorf("got %v", err)
	}
	eachRecorded(t, func(t *testing.T, zfs version) {
		if err := fake(zfs.replay(t, "abort-nothing")...).AbortReceive(t.Context(), "backup/t"); err != nil {
			t.Error(err)
		}
		err := fake(zfs.replay(t, "abort-denied")...).AbortReceive(t.Context(), "backup/r")
		if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, PermissionDenied) || !slices.Equal(e.Needs, []string{"destroy", "mount"}) {
			t.Errorf("got %#v", err)
		}
	})
	if err := fake().AbortReceive(t.Context(), "-A"); err == nil {
		t.Error("an option was taken for a dataset")
	}
}
