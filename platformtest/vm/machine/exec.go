package machine

import (
	"context"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// command prepares a child with a process group of its own, so that the end of ctx ends all that the child started too.
// Both its outputs go to log. It runs with plain messages (LC_ALL=C) and no input.
func command(ctx context.Context, log io.Writer, dir string, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = log, log
	ownGroup(cmd)
	return cmd
}

// ownGroup makes cmd the leader of a new process group, all of which is killed when the command's context ends.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
}
