package zfssend

import (
	"path/filepath"
	"testing"
	"time"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// TestReceiveEndsBeforeSend: zfs receive exits when it has the last record, which may be before zfs send does. That its
// pipe is broken then, while nothing is left to be written to it, is no failure.
func TestReceiveEndsBeforeSend(t *testing.T) {
	CheckLeaks(t)
	const size = 100_000
	over := filepath.Join(t.TempDir(), "over")
	client := &Client{Command: Fake(Scripts{
		"send":    {Write(size), AwaitFile(over)},
		"receive": {Read(size)},
	})}
	s, err := client.Send(t.Context(), "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.Receive(t.Context(), "tank/b", s, ReceiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := ReadProcess(r.PID()); err != nil { // it was reaped
			break
		}
		time.Sleep(time.Millisecond)
	}
	touch(t, over)
	within(t, "Wait", func() { err = r.Wait() })
	if err != nil {
		t.Error(err)
	}
	wantState(t, r, StateComplete)
	wantState(t, s, StateComplete)
}
