package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartly      = 3
	exitLocked      = 4
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

const exitCodesHelp = `Exit codes:
    0  done; also if there was nothing to do
    1  failed, or there is no plan without destroying something; the message says what and what to do
    2  wrong flags or arguments
    3  partly done: of several datasets, some failed or have no plan, and all others are up to date
    4  another zferry is at work on the destination, or on a part of it
  130  interrupted by SIGINT or SIGTERM`

// failure is an error of the work, as opposed to one of the command line, which cobra and validation report.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// fail marks an error of the work.
func fail(err error) error {
	if err == nil {
		return nil
	}
	return failure{err}
}

// report prints the error of a command with a hint, and returns the exit code.
func report(stderr io.Writer, ran *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "zferry: error: %v\n", err)
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	if _, ok := errors.AsType[failure](err); !ok {
		fmt.Fprintf(stderr, "zferry: hint: see %q\n", ran.CommandPath()+" --help")
		return exitUsage
	}
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(stderr, "zferry: hint: %s\n", hint)
	}
	return exitCode(err)
}

// exitCode returns that of a failure.
func exitCode(err error) int {
	if _, locked := errors.AsType[*zfssend.LockedError](err); locked {
		return exitLocked
	}
	var some interface{ Partly() bool }
	if errors.As(err, &some) && some.Partly() {
		return exitPartly
	}
	return exitFailed
}

func hintFor(err error) string {
	if incomplete, ok := errors.AsType[*replicate.IncompleteError](err); ok {
		err = incomplete.Failed[0].Err // the message is about it
		if _, told := errors.AsType[*replicate.Conflict](err); told {
			return ""
		}
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	if _, locked := errors.AsType[*zfssend.LockedError](err); locked {
		return "wait for it, or stop it; a lock ends with its process"
	}
	switch {
	case errors.Is(err, zfssend.DestinationModified):
		return "if what was changed on the destination isn't needed, run it again with --rollback, which discards it"
	case errors.Is(err, zfssend.PropertyDenied):
		return "delegate the property on the destination, or leave out --set"
	case errors.Is(err, endpoint.ErrNoCertificates):
		return "name them by --tls-cert, --tls-key and --tls-ca"
	case errors.Is(err, remote.ErrRefused):
		return "what the agent there does is said by the flags --root, --allow and --property that it was started with"
	case errors.Is(err, zstream.ErrTruncated):
		return "the sender or the connection broke off, or a length was damaged; send it again. What zfs send -S writes has no end, and is no backup"
	case errors.Is(err, zstream.ErrChecksum):
		return "the stream was damaged after zfs send wrote it, on its way or where it is stored; send it again"
	case errors.Is(err, exec.ErrNotFound):
		return "the zfs program is not in PATH; on Debian: apt-get install zfsutils-linux zfs-dkms"
	case errors.Is(err, zfssend.NotLoaded):
		return "load the kernel module: modprobe zfs"
	case errors.Is(err, zfssend.PermissionDenied):
		return `run it as root, or delegate the right with "zfs allow"`
	}
	return ""
}
