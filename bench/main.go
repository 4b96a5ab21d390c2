package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

const help = `Compare package trace with the OpenTelemetry SDK and runtime/trace, and package
logging with log/slog, zap and zerolog; and conversions of traces with what others
take to read them.

Usage: go run . [flags]          (in the folder bench, or "make bench")
       go run . zfs [flags]      streams of package zfssend: see "zfs --help"
       go run . viewer [flags]   trace-view in Chromium: see "viewer --help"

It prints a table of spans and one of log lines, and under them what is asked of
both packages, how a program fares under load with slow consumers, what the
garbage collector does beside a full flight recorder, and how a program fares
that logs to a pipe or a daemon which is stopped. rsyslogd is needed for that,
and systemd-journald with root; without, these are left out. Last come conversions
of traces, beside node's JSON.parse if there is node (SPANSTACK_REQUIRE_NPM=1
makes its lack a failure), and the memory of trace-convert. The same goes to
docs/benchmarks.md, unless --run selects only a part. With the defaults it takes
about ten minutes, on a machine that has nothing else to do.

Flags:
%s
Examples:
  go run .
  go run . --list
  go run . --run 'Span/depth=1/attrs=0/goroutines=1'       one group, all tracers
  go run . --run 'tracer=(spanstack-recording|otel-sdk-batcher)$' --count 5
  go run . --run '^(Load|GC|Captures|Stopped)$'            no table, only these
  go run . --run '^(Conversions|Memory)$'                  only conversions
  go run . --run 'logger=|Stopped'                         only package logging
  go run . --raw new.txt && benchstat old.txt new.txt
  go run . --raw new.txt && benchstat -col /tracer new.txt

Exit codes: 0 all was measured; 1 something failed; 2 wrong usage; 130 stopped.
`

// Exit codes, as the help text lists them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	beChild()
	testing.Init() // package testing measures, and takes the time for it from a flag
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const (
	defaultCount     = 10
	defaultBenchtime = 40 * time.Millisecond
)

// options is the command line.
type options struct {
	count     int
	benchtime time.Duration
	run       string
	out       string
	raw       string
	list      bool
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		switch args[0] {
		case "zfs":
			return runZFS(ctx, args[1:], stdout, stderr)
		case "viewer":
			return runViewer(ctx, args[1:], stdout, stderr)
		}
	}
	var o options
	flags := pflag.NewFlagSet("bench", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.count, "count", defaultCount, "`rounds`; the table has their medians")
	flags.DurationVar(&o.benchtime, "benchtime", defaultBenchtime, "how long a benchmark takes in a round, about; 2 or 5 times as long with an exporter or a consumer")
	flags.StringVar(&o.run, "run", "", "measure only what this `regexp` matches: see --list")
	flags.StringVar(&o.out, "out", "../docs/benchmarks.md", "`file` to write besides stdout, or - for none")
	flags.StringVar(&o.raw, "raw", "", "`file` for each single result, as benchstat reads it; - is stdout")
	flags.BoolVar(&o.list, "list", false, "list what can be measured")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprintf(stdout, help, flags.FlagUsages())
		return exitOK
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && o.count < 1:
		err = fmt.Errorf("--count %d: at least one round is needed", o.count)
	case err == nil && o.benchtime <= 0:
		err = fmt.Errorf("--benchtime %v: it has to be positive", o.benchtime)
	}
	filter, reErr := regexp.Compile(o.run)
	if err == nil && reErr != nil {
		err = fmt.Errorf("--run: %w", reErr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench: error:", err)
		fmt.Fprintln(stderr, `bench: hint: see "go run . --help"`)
		return exitUsage
	}
	if o.run != "" && !flags.Changed("out") {
		o.out = "-" // a part of the table doesn't replace the whole
	}
	return o.measure(ctx, newPlan(o.count, o.benchtime, filter), stdout, stderr)
}

// measure carries out the plan and writes the results.
func (o *options) measure(ctx context.Context, p *plan, stdout, stderr io.Writer) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "bench: error:", err)
		return exitFailed
	}
	switch {
	case o.list:
		fmt.Fprintln(stdout, strings.Join(p.names(), "\n"))
		return exitOK
	case len(p.names()) == 0:
		fmt.Fprintf(stderr, "bench: error: nothing matches --run %q\nbench: hint: \"go run . --list\" lists the names\n", o.run)
		return exitUsage
	}
	if err := o.writable(); err != nil {
		return fail(err) // before it takes minutes
	}
	report, raw, err := p.carryOut(ctx, newProgress(stderr))
	if o.raw != "" && len(raw) > 0 {
		if writeErr := write(o.raw, raw, stdout); writeErr != nil {
			return fail(writeErr)
		}
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench: interrupted")
		return exitInterrupted
	case err != nil:
		return fail(err)
	}
	report.Command = o.command()
	text := report.markdown()
	stdout.Write(text)
	if o.out != "-" {
		if err := write(o.out, text, stdout); err != nil {
			return fail(err)
		}
	}
	return exitOK
}

// writable reports early that a file can't be written.
func (o *options) writable() error {
	for _, name := range []string{o.out, o.raw} {
		if name == "-" || name == "" {
			continue
		}
		if info, err := os.Stat(filepath.Dir(name)); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		} else if !info.IsDir() {
			return fmt.Errorf("write %s: %w", name, &os.PathError{Op: "open", Path: filepath.Dir(name), Err: syscall.ENOTDIR})
		}
	}
	return nil
}

// command is what to type for the same measurement.
func (o *options) command() string {
	if o.run == "" && o.count == defaultCount && o.benchtime == defaultBenchtime {
		return "make bench"
	}
	c := fmt.Sprintf("cd bench && go run . --count %d --benchtime %v", o.count, o.benchtime)
	if o.run != "" {
		c += " --run '" + o.run + "'"
	}
	return c
}

// write replaces the named file, or writes to stdout for "-".
func write(name string, text []byte, stdout io.Writer) error {
	if name == "-" {
		_, err := stdout.Write(text)
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(temp.Name()) // without effect once it is renamed
	_, err = io.Copy(temp, bytes.NewReader(text))
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
