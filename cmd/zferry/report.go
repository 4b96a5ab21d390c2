package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/zfssend"
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

// report prints the error of a command with what to do, and returns the exit code.
func report(stderr io.Writer, ran *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "zferry: error: %v\n", err)
	if _, ok := errors.AsType[failure](err); !ok && !errors.Is(err, errInterrupted) {
		fmt.Fprintf(stderr, "zferry: hint: see %q\n", ran.CommandPath()+" --help")
		return exitUsage
	}
	for _, hint := range hintsFor(err) {
		fmt.Fprintf(stderr, "zferry: hint: %s\n", hint)
	}
	return exitCode(err)
}

// exitCode returns that of a failure.
func exitCode(err error) int {
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	if _, locked := errors.AsType[*zfssend.LockedError](err); locked {
		return exitLocked
	}
	var some interface{ Partly() bool }
	if errors.As(err, &some) && some.Partly() {
		return exitPartly
	}
	return exitFailed
}
