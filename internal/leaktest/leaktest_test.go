package leaktest

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Wrap(m).Run()) }

func TestLeaksAreFound(t *testing.T) {
	before := descriptors()
	stop := make(chan struct{})
	go func() { <-stop }()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(goroutines(), "\n\n"); !strings.Contains(got, "TestLeaksAreFound.func1") {
		t.Errorf("the goroutine isn't in:\n%s", got)
	}
	if _, err := os.Stat("/proc/self/fd"); err == nil {
		if got := newDescriptors(before); len(got) < 2 {
			t.Errorf("of a pipe only %q is seen", got)
		}
		if got := children(); len(got) != 1 || !strings.Contains(got[0], "sleep") {
			t.Errorf("children are %q", got)
		}
	}
	close(stop)
	r.Close()
	w.Close()
	cmd.Process.Kill()
	cmd.Wait()
}
