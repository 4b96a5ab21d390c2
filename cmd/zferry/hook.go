package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// hookPatience is how long a hook that is interrupted may go on.
const hookPatience = 10 * time.Second

// hook runs a program of the user's, if there is one.
func (c *replicateCommand) hook(ctx context.Context, program, when string, env []string) error {
	if c.dryRun {
		return nil
	}
	return runHook(ctx, c.stderr, program, when, append([]string{"ZFERRY_SOURCE=" + c.source.String(), "ZFERRY_DESTINATION=" + c.destination.String()}, env...))
}

// runHook runs a program of the user's, if there is one: without arguments, what there is to know in its environment, its
// output where ours goes.
func runHook(ctx context.Context, output io.Writer, program, when string, env []string) (err error) {
	if program == "" {
		return nil
	}
	ctx, span := trace.WithSpan(ctx, "hook", slog.String("program", program), slog.String("when", when))
	defer span.EndErr(&err)
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(append(os.Environ(), "ZFERRY_HOOK="+when), env...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = hookPatience
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("--%s %s: %w", when, program, err)
	}
	return nil
}

// resultEnv returns what the hook at the end gets to know.
func resultEnv(report *replicate.Report) []string {
	if report == nil {
		return nil
	}
	var failed []string
	for _, d := range report.Failed() {
		failed = append(failed, d.Plan.Destination)
	}
	return []string{
		"ZFERRY_DATASETS=" + strconv.Itoa(len(report.Datasets)), "ZFERRY_BYTES=" + strconv.FormatInt(report.Bytes(), 10),
		"ZFERRY_FAILED=" + strings.Join(failed, "\n"),
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
