package zfssend

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

// wrappers are commands that run zfs as their child, or in their place.
func wrappers(t *testing.T) map[string][]string {
	list := map[string][]string{
		"env":      {"env", "FOO=1"},
		"sh":       {"sh", "-c", `"$@"; exit $?`, "sh"},
		"sh twice": {"sh", "-c", `sh -c '"$@"; exit $?' sh "$@"; exit $?`, "sh"},
	}
	for _, name := range []string{"sudo", "doas"} {
		if err := exec.Command(name, "-n", "true").Run(); err == nil {
			list[name] = []string{name, "-n"}
		} else if os.Getenv("SPANSTACK_REQUIRE_SUDO") != "" && name == "sudo" {
			t.Errorf("sudo -n true: %v", err)
		} else {
			t.Logf("%s is left out: %v", name, err)
		}
	}
	if _, ok := list["sudo"]; ok {
		list["sudo and env"] = []string{"sudo", "-n", "env", "FOO=1"}
	}
	return list
}

func wrappedFake(wrapper []string, script ...Action) *Client {
	c := fake(script...)
	c.Command = append(append([]string{}, wrapper...), c.Command...)
	return c
}

// TestWrappedClose: whatever zfs is wrapped in, nothing of it is left after Close.
func TestWrappedClose(t *testing.T) {
	for name, wrapper := range wrappers(t) {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			for _, script := range [][]Action{
				{Write(1 << 30)},
				{Write(100), Block()},
				{IgnoreSIGPIPE(), Write(1 << 30)},
			} {
				s, err := wrappedFake(wrapper, script...).Send(t.Context(), "tank/a@x", SendOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(s, make([]byte, 100)); err != nil {
					t.Fatal(err)
				}
				within(t, "Close", func() {
					if err := s.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
				if left := Children(); len(left) > 0 {
					t.Errorf("left after Close: %s", strings.Join(left, ", "))
				}
			}
		})
	}
}

// TestWrappedExit: the status that counts is that of zfs.
func TestWrappedExit(t *testing.T) {
	for name, wrapper := range wrappers(t) {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			s, err := wrappedFake(wrapper, Write(100), Stderr("cannot send: Input/output error\n"), Exit(3)).Send(t.Context(), "tank/a@x", SendOptions{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, s)
			if e := sendError(t, err); e.ExitCode != 3 || !errors.Is(err, PoolIO) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestWrappedRun: a command that only answers leaves nothing either.
func TestWrappedRun(t *testing.T) {
	for name, wrapper := range wrappers(t) {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			ctx, cancel := context.WithCancel(t.Context())
			c := wrappedFake(wrapper)
			c.Command = append(append([]string{}, wrapper...), Fake(Scripts{"list": {Stderr("waiting\n"), Block()}})...)
			done := make(chan error, 1)
			go func() {
				_, err := c.Dataset(ctx, "tank/a")
				done <- err
			}()
			await(t, "zfs list", func() bool { return len(Children()) > 0 })
			cancel()
			within(t, "List", func() {
				if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, ErrAbandoned) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestWrapperSurvives: what wraps zfs and goes on after its death is killed, too.
func TestWrapperSurvives(t *testing.T) {
	CheckLeaks(t)
	c := wrappedFake([]string{"sh", "-c", `"$@"; sleep 1000; exit 0`, "sh"}, Write(1<<30))
	c.Grace = DefaultGrace / 5
	s, err := c.Send(t.Context(), "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(s, make([]byte, 100))
	within(t, "Close", func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
}

// TestWrapperOrphan: a wrapper may have started another process in the very moment in which it was killed. That one isn't left
// over, either.
func TestWrapperOrphan(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("orphans are only found on Linux")
	}
	CheckLeaks(t)
	ready := filepath.Join(t.TempDir(), "ready")
	s, err := wrappedFake([]string{"sh", "-c", `("$@" &); exec sleep 1000`, "sh"}, Touch(ready), Block()).Send(t.Context(), "tank/a@x", SendOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "zfs send", func() bool { _, err := os.Stat(ready); return err == nil })
	within(t, "Close", func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if left := Children(); len(left) > 0 {
		t.Errorf("left after Close: %s", strings.Join(left, ", "))
	}
}
