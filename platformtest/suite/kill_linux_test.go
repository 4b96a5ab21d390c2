package suite

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spanstack/spanstack/zfssend"
)

// holdVariable makes the test binary a process that only holds a SendStream of the snapshot that it names.
const holdVariable = "SPANSTACK_SUITE_HOLD"

func hold(snapshot string) {
	s, err := zfs.Send(context.Background(), snapshot, zfssend.SendOptions{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.PID())
	select {}
}

// TestKilledOwner: when the process that holds a SendStream is killed, zfs send ends, too: the kernel closes the read
// end of its pipe, which nobody else has.
func TestKilledOwner(t *testing.T) {
	platform(t)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil { // so that the orphan is ours to wait for
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	owner := exec.Command("/proc/self/exe")
	owner.Env = append(os.Environ(), holdVariable+"="+source().name+"/data@x")
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(strings.TrimSpace(line), &pid); err != nil {
		t.Fatalf("the owner says %q", line)
	}
	awaitBlocked(t, pid)
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	owner.Wait()
	start := time.Now()
	within("zfs send", func() {
		var status unix.WaitStatus
		for {
			_, err = unix.Wait4(pid, &status, 0, nil)
			if err != unix.EINTR {
				break
			}
		}
		if err != nil {
			t.Errorf("wait for zfs send: %v", err)
		}
		t.Logf("zfs send ended %v after its owner: exit status %d, signal %v", time.Since(start).Round(time.Millisecond), status.ExitStatus(), status.Signal())
	})
}
