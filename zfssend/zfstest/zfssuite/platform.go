package zfssuite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// Platform is a zfs that the suite runs on, and what can't be done by its command line.
type Platform interface {
	// Client returns the client under test. Its zfs knows the dataset that Root returns.
	Client() *zfssend.Client

	// Root returns the name of a mounted filesystem. Each case makes its own datasets below it.
	Root(t testing.TB) string

	// Lacks says why the platform can't pass a case; "" if it can. Real ZFS lacks nothing.
	Lacks(name string) string

	// Write writes data to a file of a mounted filesystem; nil removes it. For a volume, file is empty and data
	// goes to its beginning.
	Write(t testing.TB, dataset, file string, data []byte)

	// Contents returns the checksums of all files of a snapshot whose key, if it has one, is loaded. The contents of a
	// volume are one file without a name.
	Contents(t testing.TB, snapshot string) map[string][sha256.Size]byte

	// Use keeps a mounted filesystem in use, so that it can't be unmounted, until the returned function is called.
	Use(t testing.TB, dataset string) (release func())

	// FailingSnapshot returns a snapshot with at least 8 MiB of data that zfs send fails to read somewhere in the middle.
	FailingSnapshot(t testing.TB) string

	// AwaitBlocked waits until a zfs send is blocked because its pipe is full.
	AwaitBlocked(t testing.TB, pid int)
}

// output is what became of a zfs command.
type output struct {
	stdout, stderr string
	exit           int
}

func (o output) String() string {
	return fmt.Sprintf("exit %d\n%s%s", o.exit, o.stdout, o.stderr)
}

// run runs a zfs command with the client's command line, whatever it exits with.
func run(t testing.TB, p Platform, stdin io.Reader, args ...string) output {
	t.Helper()
	command := p.Client().Command
	if len(command) == 0 {
		command = []string{"zfs"}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), command[0], append(command[1:len(command):len(command)], args...)...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("zfs %s: %v", strings.Join(args, " "), err)
	}
	return output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}
