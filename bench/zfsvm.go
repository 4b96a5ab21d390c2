package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// machineFlags choose a machine of platformtest/vm.
type machineFlags struct{ line, variant string }

// A vm is a virtual machine of platformtest/vm, with this program and zferry in it.
type vm struct {
	machineFlags
	memory  int                  // in MiB
	tools   machine.ToolsOptions // besides the image
	command string               // of platformtest/vm
	payload string               // directory with this program, built to run there, and zferry
	dir     string               // temporary
}

// newVM builds what is needed to run the machine, and its image if there is none.
func newVM(ctx context.Context, flags machineFlags, show func(string)) (v *vm, err error) {
	dir, err := os.MkdirTemp("", "spanstack-bench-")
	if err != nil {
		return nil, err
	}
	v = &vm{machineFlags: flags, command: filepath.Join(dir, "vm"), payload: filepath.Join(dir, "payload"), dir: dir}
	for _, step := range []struct {
		what, in string
		command  []string
	}{
		{"building the program for the virtual machine", ".", []string{"go", "build", "-o", filepath.Join(v.payload, "run"), "."}},
		{"building zferry", "..", []string{"go", "build", "-o", filepath.Join(v.payload, "zferry"), "./cmd/zferry"}},
		{"building the command for virtual machines", "..", []string{"go", "build", "-o", v.command, "./platformtest/vm"}},
		{"building the virtual machine", ".", []string{v.command, "build", "--line", v.line}},
	} {
		show(step.what)
		cmd := interruptible(ctx, step.command)
		cmd.Dir, cmd.Env = step.in, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			v.close()
			return nil, fmt.Errorf("%s: %w\n%s", step.what, err, out)
		}
	}
	return v, nil
}

func (v *vm) close() { os.RemoveAll(v.dir) }

// do lets the program in the machine do a job. Numbers that it writes to stderr are rounds that it has come to.
func (v *vm) do(ctx context.Context, limit time.Duration, j job, round func(int), result any) error {
	args := []string{v.command, "run", "--line", v.line, "--variant", v.variant, "--timeout", limit.String(),
		"--mem", strconv.Itoa(v.memory), "--env", childEnv + "=" + j.String()}
	for _, name := range v.tools.Packages {
		args = append(args, "--package", name)
	}
	for _, name := range v.tools.Modules {
		args = append(args, "--module", name)
	}
	cmd := interruptible(ctx, append(args, v.payload))
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	said := listen(stderr, round)
	switch err := cmd.Wait(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("measure in the virtual machine: %w\n%s", err, said)
	}
	if err := json.Unmarshal(stdout.Bytes(), result); err != nil {
		return fmt.Errorf("measure in the virtual machine: %w in %q", err, stdout.Bytes())
	}
	return nil
}

// listen reads to the end. It passes numbers on and returns everything else.
func listen(in io.Reader, round func(int)) (said string) {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if n, notNumber := strconv.Atoi(strings.TrimSpace(line)); notNumber == nil {
			round(n)
		} else {
			said += line
		}
		if err != nil {
			return strings.TrimSpace(said)
		}
	}
}

// interruptible returns a command that ends as by Ctrl-C when ctx does.
func interruptible(ctx context.Context, command []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(os.Interrupt); !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		return os.ErrProcessDone
	}
	cmd.WaitDelay = 20 * time.Second
	return cmd
}
