package zfssend

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestClassify has the messages as zfs prints them, line breaks included.
func TestClassify(t *testing.T) {
	tests := []struct {
		stderr string
		want   Cause
	}{
		{"", Unknown},
		{"something new\n", Unknown},
		{"cannot open 'tank/a@x': dataset does not exist\n", NotFound},
		{"cannot open 'nopool': no such pool\n", NotFound},
		{"could not find any snapshots to destroy; check snapshot names.\n", NotFound},
		{"bookmark 'tank/a#x' does not exist.\n", NotFound},
		{"cannot send 'tank/a': permission denied\n", PermissionDenied},
		{"cannot create snapshots : permission denied\n", PermissionDenied},
		{"Permission denied the ZFS utilities must be run as root.\n", PermissionDenied},
		{"cannot receive readonly property on backup/a: permission denied\n", PropertyDenied},
		{"cannot receive new filesystem stream: permission denied\n", PermissionDenied},
		{"cannot destroy 'tank/a@x': dataset is busy\n", Busy},
		{"cannot export 'tank': pool is busy\n", Busy},
		{"cannot destroy snapshot tank/a@x: it's being held. Run 'zfs holds -r tank/a@x' to see holders.\n", Held},
		{"cannot create snapshot 'tank/a@x': dataset already exists\n", AlreadyExists},
		{"cannot receive new filesystem stream: destination 'b/a' exists\nmust specify -F to overwrite it\n", DestinationExists},
		{"cannot receive new filesystem stream: destination has snapshots (eg. b/a@x)\nmust destroy them to overwrite it\n", DestinationExists},
		{"cannot receive incremental stream: destination b/a has been modified\nsince most recent snapshot\n", DestinationModified},
		{"cannot receive incremental stream: most recent snapshot of b/a does not\nmatch incremental source\n", NotMatching},
		{"cannot receive new filesystem stream: destination b/a contains partially-complete state from \"zfs receive -s\".\n", ResumableState},
		{"cannot resume send: 'tank/a@x' no longer exists\n", ResumeStale},
		{"cannot resume send: resume token is corrupt (invalid checksum)\n", ResumeStale},
		{"cannot receive: failed to read from stream\n", BadStream},
		{"cannot receive new filesystem stream: checksum mismatch or incomplete stream.\nPartially received snapshot is saved.\nA resuming stream can be generated on the sending system by running:\n    zfs send -t 1-abc\n", BadStream},
		{"cannot receive: invalid stream (bad magic number)\n", BadStream},
		{"cannot receive: stream has unsupported feature, feature flags = 2000004\n", UnsupportedFeature},
		{"cannot receive incremental stream: incremental send stream requires -L (--large-block), to match previous receive.\n", UnsupportedFeature},
		{"cannot send 'tank/e@x': dataset key must be loaded\n", KeyNotLoaded},
		{"cannot receive new filesystem stream: inherited key must be loaded\n", KeyNotLoaded},
		{"cannot perform raw receive on top of existing unencrypted dataset\n", EncryptionMismatch},
		{"cannot receive new filesystem stream: out of space\n", NoSpace},
		{"cannot receive new filesystem stream: destination b/a space quota exceeded.\n", NoSpace},
		{"warning: cannot send 'tank/a@x': Input/output error\n", PoolIO},
		{"cannot open 'tank': pool I/O is currently suspended\n", PoolIO},
		{"warning: cannot send 'tank/a@x': signal received\n", BrokenPipe},
		{"cannot hold snapshot 'tank/a@x': tag already exists on this dataset\n", AlreadyExists},
		{"cannot release hold from snapshot 'tank/a@x': no such tag on this dataset\n", NotFound},
		{"cannot create bookmark 'tank/a#x': bookmark exists\n", AlreadyExists},
		{"cannot open 'tank/a#x': no such pool or dataset\n", NotFound},
		{"warning: cannot send 'tank/a@x': No such process\n", NotFound},
		{"cannot mount 'tank/a': Insufficient privileges\nproperty may be set but unable to remount filesystem\n", PermissionDenied},
		{"cannot destroy 'tank/a@x': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\ntank/c\n", HasDependents},
		{"cannot destroy snapshot tank/a@x: snapshot is cloned\n", HasDependents},
		{"cannot destroy 'tank/a': filesystem has children\nuse '-r' to destroy the following datasets:\ntank/a@x\n", HasDependents},
		{"cannot receive resume stream: destination 'b/a' does not exist\n", ResumeStale},
		{"cannot receive resume stream: destination b/a space quota exceeded.\n", NoSpace},
		{"cannot receive new filesystem stream: pool is read-only\n", ReadOnly},
		{"cannot set property for 'tank/a': 'guid' is readonly\n", Invalid},
		{"invalid option '--bogus'\nusage:\n", Invalid},
		{"cannot open 'tank/a': dataset does not exist\nusage:\n", NotFound},
		{"The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.\n", NotLoaded},
	}
	seen := map[Cause]bool{Canceled: true, Stalled: true, Unexpected: true, NotTried: true} // what zfs says nothing of
	for _, tt := range tests {
		if got := classify(tt.stderr); got != tt.want {
			t.Errorf("classify(%q) = %v, want %v", tt.stderr, got, tt.want)
		}
		seen[tt.want] = true
	}
	for c := Unknown; int(c) < len(causeNames); c++ {
		if !seen[c] {
			t.Errorf("no message for %v", c)
		}
		if c.String() == "" || c.String() == "invalid cause" {
			t.Errorf("cause %d has no name", c)
		}
	}
}

// oddNames are datasets that are called like what can happen to one.
var oddNames = []string{"tank/out of space", "tank/pool is busy", "tank/has children", "tank/disk usage: 2024", "tank/no longer exists",
	"tank/permission denied", "tank/does not have any resumable receive state", "tank/at: 10: dataset is busy", "tank/I/O error@out of space",
	"tank/x has been modified", "tank/x does not", "tank/x space quota exceeded"}

// TestClassifyNames: what a dataset is called isn't what happened to it.
func TestClassifyNames(t *testing.T) {
	for text, want := range map[string]Cause{
		"cannot open '%s': dataset does not exist\n":                                                                        NotFound,
		"cannot open '%s': something new\n":                                                                                 Unknown,
		"cannot hold snapshot '%s': tag already exists on this dataset\n":                                                   AlreadyExists,
		"warning: cannot send '%s': signal received\n":                                                                      BrokenPipe,
		"cannot destroy snapshot %s: it's being held. Run 'zfs holds -r %[1]s' to see holders.\n":                           Held,
		"cannot destroy snapshot %s: snapshot is cloned\n":                                                                  HasDependents,
		"cannot destroy snapshot %s: something new\n":                                                                       Unknown,
		"cannot destroy 'tank/a': filesystem has children\nuse '-r' to destroy the following datasets:\n%s\n%[1]s/child\n":  HasDependents,
		"cannot receive readonly property on %s: permission denied\n":                                                       PropertyDenied,
		"cannot receive incremental stream: most recent snapshot of %s does not\nmatch incremental source\n":                NotMatching,
		"cannot receive incremental stream: destination %s has been modified\nsince most recent snapshot\n":                 DestinationModified,
		"cannot receive new filesystem stream: destination %s contains partially-complete state from \"zfs receive -s\".\n": ResumableState,
		"cannot receive new filesystem stream: destination %s space quota exceeded.\n":                                      NoSpace,
		"cannot receive new filesystem stream: destination has snapshots (eg. %s)\nmust destroy them to overwrite it\n":     DestinationExists,
		"cannot receive new filesystem stream: destination '%s' exists\nmust specify -F to overwrite it\n":                  DestinationExists,
		"cannot receive resume stream: destination '%s' does not exist\n":                                                   ResumeStale,
		"cannot receive: local origin for clone %s does not exist\n":                                                        NotFound,
		"cannot receive: specified origin fs (%s) does not exist\n":                                                         NotFound,
		"cannot restore to %s: destination already exists\n":                                                                AlreadyExists,
		"cannot send %s recursively: snapshot %[1]s does not exist\n":                                                       NotFound,
		"cannot send %s: encrypted dataset %[1]s may not be sent with properties without the raw flag\n":                    EncryptionMismatch,
		"warning: cannot send 'tank/a@x': incremental source (%s) does not exist\n":                                         NotFound,
	} {
		for _, name := range oddNames {
			stderr := strings.ReplaceAll(strings.ReplaceAll(text, "%s", name), "%[1]s", name)
			if got := classify(stderr); got != want {
				t.Errorf("classify(%q) = %v, want %v", stderr, got, want)
			}
		}
	}
	_, err := fake(zfstest.Stderr("cannot open 'tank/out of space': dataset does not exist\n"), zfstest.Exit(1)).Dataset(t.Context(), "tank/out of space")
	if !errors.Is(err, NotFound) || errors.Is(err, NoSpace) {
		t.Errorf("got %v", err)
	}
}

func TestErrorText(t *testing.T) {
	reason := errors.New("shutting down")
	tests := []struct {
		err  *Error
		want string
	}{
		{&Error{Op: "send", Object: "tank/a@x", ExitCode: 1, Stderr: "cannot send 'tank/a@x':\nI/O error\n", Cause: PoolIO},
			"send tank/a@x: zfs exited 1: cannot send 'tank/a@x': I/O error"},
		{&Error{Op: "send", Object: "tank/a@x", ExitCode: -1, Signal: syscall.SIGKILL},
			"send tank/a@x: zfs was ended by a signal: killed"},
		{&Error{Op: "send", Object: "tank/a@x", ExitCode: -1, Signal: syscall.SIGKILL, Cause: Canceled, Err: os.ErrClosed},
			"send tank/a@x: closed"},
		{&Error{Op: "send", Object: "tank/a@x", ExitCode: -1, Cause: Canceled, Err: reason, PID: 7, Abandoned: true},
			"send tank/a@x: canceled: shutting down; pid 7: zfs was killed but has not ended yet"},
		{&Error{Op: "send", Object: "tank/a@x", ExitCode: 1, Stderr: "I/O error", Cause: PoolIO, MaybeCommitted: true},
			"send tank/a@x: zfs exited 1: I/O error; a receiver may have the snapshot nevertheless"},
		{&Error{Op: "receive", Object: "b/a", ExitCode: 0, Cause: Canceled, Err: reason, MaybeCommitted: true},
			"receive b/a: canceled: shutting down; b/a may have the snapshot"},
		{&Error{Op: "list", Object: "tank", ExitCode: -1, Err: errors.New(`exec: "zfs": executable file not found in $PATH`)},
			`list tank: exec: "zfs": executable file not found in $PATH`},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	err := error(tests[3].err)
	if !errors.Is(err, reason) || !errors.Is(err, Canceled) || !errors.Is(err, ErrAbandoned) || errors.Is(err, NotFound) {
		t.Errorf("%v unwraps to the wrong things", err)
	}
}

func TestRootCause(t *testing.T) {
	transport := errors.New("connection reset")
	send := func(c Cause) *Error { return &Error{Op: "send", Object: "s", ExitCode: 1, Cause: c} }
	receive := func(c Cause) *Error { return &Error{Op: "receive", Object: "r", ExitCode: 1, Cause: c} }
	sigpipe := &Error{Op: "send", Object: "s", ExitCode: -1, Signal: syscall.SIGPIPE}
	aborted := receive(Canceled) // because its input failed
	aborted.Err = send(PoolIO)

	passedOn := receive(Stalled) // because its input has stalled
	passedOn.Err = send(Stalled)

	closed := send(Canceled)
	closed.Err = os.ErrClosed
	interrupted := receive(Canceled)
	interrupted.Err = errors.New("shutting down")

	tests := []struct {
		name          string
		send, receive error
		wantSend      bool
	}{
		{"receiver fails, sender is closed", send(Canceled), receive(NoSpace), false},
		{"receiver fails, sender loses its pipe", sigpipe, receive(DestinationModified), false},
		{"receiver fails, sender complains of the pipe", send(BrokenPipe), receive(Busy), false},
		{"sender fails, receiver is aborted", send(PoolIO), aborted, true},
		{"sender stalls, receiver passes it on", send(Stalled), passedOn, true},
		{"receiver stalls, sender is closed", closed, receive(Stalled), false},
		{"sender fails, receiver sees a truncated stream", send(PoolIO), receive(BadStream), true},
		{"transport fails, receiver sees a truncated stream", transport, receive(BadStream), true},
		{"truncated stream, sender loses its pipe", sigpipe, receive(BadStream), false},
		{"both fail", send(PoolIO), receive(NoSpace), false},
		{"receiver is cancelled and closes the sender", closed, interrupted, false},
		{"receiver fails and closes the sender", closed, receive(BadStream), false},
		{"both cancelled", send(Canceled), receive(Canceled), true},
		{"only the sender", send(NotFound), nil, true},
		{"only the receiver", nil, receive(NotFound), false},
	}
	for _, tt := range tests {
		want := tt.receive
		if tt.wantSend {
			want = tt.send
		}
		if got := RootCause(tt.send, tt.receive); got != want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
	if err := RootCause(nil, nil); err != nil {
		t.Errorf("no failure: got %v", err)
	}
	if text := aborted.Error(); !strings.Contains(text, "send s: zfs exited 1") {
		t.Errorf("aborted receive doesn't tell why: %s", text)
	}
}
