package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// stepFailed returns the error of a step whose zfs command failed.
func stepFailed(e zfssend.Error) error {
	return &replicate.StepError{Plan: &replicate.DatasetPlan{Source: "tank/a b", Destination: "backup/a"}, Err: &e}
}

// TestHints: failures of a replication end with what to do next, in the words of the datasets that they are about.
func TestHints(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{stepFailed(zfssend.Error{Op: "receive", Object: "backup/x/a", Cause: zfssend.NoSpace}), "zfs get available,quota,refquota backup/x; what has arrived stays"},
		{stepFailed(zfssend.Error{Op: "receive", Object: "backup", Cause: zfssend.NoSpace}), "refquota backup;"},
		{&zfssend.Error{Op: "snapshot", Object: "tank@1", Cause: zfssend.NoSpace}, "make room in the pool"},
		{stepFailed(zfssend.Error{Op: "send", Object: "tank/a b@1", Cause: zfssend.KeyNotLoaded}), "zfs load-key 'tank/a b', or leave out --allow-plaintext"},
		{stepFailed(zfssend.Error{Op: "receive", Object: "backup/x/a", Cause: zfssend.KeyNotLoaded}), "keystatus backup/x says which"},
		{stepFailed(zfssend.Error{Op: "send", Object: "tank/a@1", Cause: zfssend.PoolIO}), "zpool status -v"},
		{stepFailed(zfssend.Error{Op: "receive", Object: "backup/a", Cause: zfssend.PoolIO}), "zpool clear"},
		{stepFailed(zfssend.Error{Op: "receive", Object: "backup/a", Signal: syscall.SIGKILL}), "something else ended it"},
		{stepFailed(zfssend.Error{Op: "receive", Object: "backup/a", ExitCode: 1}), "--trace FILE show more"},
		{&remote.HostError{Host: "root@b", Err: &remote.ConnError{Host: "root@b", Err: remote.ErrPeerLost}}, "can be reached, run it again"},
		{&remote.ConnError{Err: &remote.SSHError{ExitCode: 137}}, "can be reached, run it again"},
		{&remote.ConnError{Err: &remote.SSHError{ExitCode: 255, Destination: "b"}}, "try: ssh b true"},
		{&replicate.StepError{Plan: &replicate.DatasetPlan{}, Err: &remote.ConnError{Err: &remote.SSHError{ExitCode: 255, Destination: "b"}}},
			"try: ssh b true; what has arrived stays"},
		{&zfssend.LockedError{Dataset: "tank", Holder: "process 7"}, "a lock ends with its process"},
		{&zfssend.Error{Op: "list", Object: "tank", Cause: zfssend.NotFound}, "zpool list"},
		{errors.New("what nobody knows"), ""},
	} {
		if got := hintFor(tt.err); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%v: %q, want %q in it", tt.err, got, tt.want)
		}
	}
}

// TestEachHint: each line of the table is reached by an error that it is meant for, and no name is left open.
func TestEachHint(t *testing.T) {
	for _, h := range hints {
		got := hintFor(fmt.Errorf("%w: %w", &zfssend.Error{Op: h.op, Object: "tank/a/b@1"}, h.is))
		if want := named(h.hint, "tank/a/b@1"); got != want {
			t.Errorf("%v of %q: %q, want %q", h.is, h.op, got, want)
		}
		if strings.Contains(got, "DATASET") || strings.Contains(got, "ABOVE") || strings.HasSuffix(got, ".") {
			t.Errorf("%q", got)
		}
	}
}

// TestHintsOfSeveral: each hint is there once, conflicts have told theirs, and what was left out for the one above it needs none.
func TestHintsOfSeveral(t *testing.T) {
	full := func(dataset string) *replicate.DatasetResult {
		return &replicate.DatasetResult{Err: stepFailed(zfssend.Error{Op: "receive", Object: dataset, Cause: zfssend.NoSpace})}
	}
	err := &replicate.IncompleteError{Total: 6, Failed: []*replicate.DatasetResult{
		{Err: &replicate.Conflict{Kind: replicate.NoSnapshots, Source: "tank/z"}}, full("backup/a"), full("backup/b"),
		{Err: &replicate.AboveError{Dataset: "backup/a/c", Above: "backup/a"}, Skipped: true},
		{Err: stepFailed(zfssend.Error{Op: "send", Object: "tank/k@1", Cause: zfssend.KeyNotLoaded})},
	}}
	got := hintsFor(err)
	if len(got) != 2 || !strings.HasPrefix(got[0], "make room") || !strings.HasPrefix(got[1], "load the key") {
		t.Errorf("%q", got)
	}
	if got := hintsFor(&stoppedError{err}); !slices.Equal(got, []string{goesOn}) {
		t.Errorf("interrupted: %q", got)
	}
}

// TestInterruptedReport: an interruption has its exit code whatever failed besides, and says what becomes of what was done.
func TestInterruptedReport(t *testing.T) {
	locked := &zfssend.LockedError{Dataset: "backup"}
	canceled := &zfssend.Error{Op: "receive", Object: "backup/a", Cause: zfssend.Canceled, Err: errInterrupted}
	for _, tt := range []struct {
		err  error
		want int
	}{
		{fail(&stoppedError{errors.Join(canceled, locked)}), exitInterrupted},
		{&stoppedError{canceled}, exitInterrupted},
		{fail(&stoppedError{errDeadline}), exitFailed},
		{fail(context.Canceled), exitFailed},
	} {
		var stderr bytes.Buffer
		_, stopped := errors.AsType[*stoppedError](tt.err)
		if got := report(&stderr, &cobra.Command{Use: "zferry"}, tt.err); got != tt.want || strings.Contains(stderr.String(), "zferry: hint: "+goesOn) != stopped {
			t.Errorf("%v: exit code %d, want %d:\n%s", tt.err, got, tt.want, &stderr)
		}
	}
}
