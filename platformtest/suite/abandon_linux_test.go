package suite

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// TestSendCloseAbandons closes a stream while another process has the read end of its pipe, too. Where zfs writes through a
// taskq, neither SIGKILL nor our closing of that end can end it then: Close must return nevertheless, and say so. What is
// left ends with the other process. On a stock module, SIGKILL is enough.
func TestSendCloseAbandons(t *testing.T) {
	platform(t)
	const grace = time.Second
	client := zfssend.Client{Grace: grace}
	// Not the test's context: it is no failure here that a process is abandoned.
	s, err := client.Send(context.Background(), source().name+"/data@x", zfssend.SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	awaitBlocked(t, s.PID())
	holder := holdPipe(t, s.PID())
	start := time.Now()
	within("Close", func() { err = s.Close() })
	took := time.Since(start)
	t.Logf("Close took %v and returned: %v", took.Round(time.Millisecond), err)
	if took > grace+10*time.Second {
		t.Errorf("Close took %v, with a grace of %v", took, grace)
	}
	if module(t) == "taskq" {
		if !errors.Is(err, zfssend.ErrAbandoned) || took < grace {
			t.Errorf("Close: %v, after %v", err, took)
		}
		wantState(t, s, zfssend.StateAbandoned)
		if ended(s) {
			t.Error("Done is closed")
		}
		within("Close again", func() { err = s.Close() })
		if !errors.Is(err, zfssend.ErrAbandoned) {
			t.Errorf("Close again: %v", err)
		}
	} else {
		if err != nil {
			t.Errorf("Close: %v", err)
		}
		wantState(t, s, zfssend.StateCanceled)
	}
	if _, err := s.Read(make([]byte, 10)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	holder()
	within("the end", func() { <-s.Done() })
	wantState(t, s, zfssend.StateCanceled)
	if err := s.Close(); err != nil {
		t.Errorf("Close after the end: %v", err)
	}
}

// holdPipe starts a process that has the read end of a zfs send's pipe, and doesn't read. The returned function ends it.
func holdPipe(t *testing.T, pid int) (end func()) {
	t.Helper()
	r, err := os.OpenFile(filepath.Join("/proc", itoa(pid), "fd/1"), os.O_RDONLY, 0) // another end of the same pipe
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	holder := exec.Command("sleep", "86400")
	holder.ExtraFiles = []*os.File{r}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			holder.Process.Kill()
			holder.Wait()
		}
	}
	t.Cleanup(end)
	return end
}
