package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

const viewerHelp = `Measure the viewer in Chromium.

Usage: go run . viewer [flags]          (in the folder bench, or "make bench-viewer")

It runs BenchmarkViewer, in the folder browsertest:

  File          trace-view on a large trace: until all of it is seen, and while
                one moves through it at random
  Live          a process that makes spans all the time, followed by trace-view
                and on a page of its own: what that costs in the process, and
                how smoothly it is shown

It prints the results, and how they compare with what is asked of the viewer. The
same goes to docs/benchmarks-viewer.md. With the defaults it takes about %.0f minutes,
on a machine that has nothing else to do, and 1 GB below $TMPDIR.

Flags:
%s
Examples:
  go run . viewer
  go run . viewer --count 3 --raw new.txt && benchstat old.txt new.txt
  go run . viewer --spans 100000 --seconds 10 --out -
  go run . viewer --from new.txt          writes the page of what was measured

Exit codes: 0 all was measured; 1 something failed; 2 wrong usage; 130 stopped.
`

const (
	defaultSpans   = 10_000_000
	defaultRate    = 20_000
	defaultSeconds = 60
)

// viewerPlan is what one run of the program measures of the viewer.
type viewerPlan struct {
	rounds, spans, rate, seconds int
	raw, from, out               string
}

// runViewer executes the command line after "viewer" and returns the exit code.
func runViewer(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var p viewerPlan
	flags := pflag.NewFlagSet("bench viewer", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.IntVar(&p.rounds, "count", 1, "`rounds`; the page has their medians")
	flags.IntVar(&p.spans, "spans", defaultSpans, "`spans` of the large trace")
	flags.IntVar(&p.rate, "rate", defaultRate, "`spans` a second of the process that is followed")
	flags.IntVar(&p.seconds, "seconds", defaultSeconds, "how long it is followed, in `seconds`")
	flags.StringVar(&p.raw, "raw", "", "`file` for what the benchmark prints, as benchstat reads it")
	flags.StringVar(&p.from, "from", "", "`file` that --raw has written: nothing is measured, only the page is written")
	flags.StringVar(&p.out, "out", "../docs/benchmarks-viewer.md", "`file` to write besides stdout, or - for none")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprintf(stdout, viewerHelp, p.duration().Minutes(), flags.FlagUsages())
		return exitOK
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && min(p.rounds, p.spans, p.rate, p.seconds) < 1:
		err = errors.New("--count, --spans, --rate and --seconds have to be positive")
	case err == nil && p.from != "" && p.raw != "":
		err = errors.New("--from and --raw: nothing would be measured that could be written")
	}
	if err != nil {
		fmt.Fprintf(stderr, "bench viewer: error: %v\nbench viewer: hint: see \"go run . viewer --help\"\n", err)
		return exitUsage
	}
	err = p.report(ctx, stdout, stderr)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench viewer: interrupted")
		return exitInterrupted
	case err != nil:
		fmt.Fprintln(stderr, "bench viewer: error:", err)
		return exitFailed
	}
	return exitOK
}

// report measures, unless that has been done, and writes the page.
func (p *viewerPlan) report(ctx context.Context, stdout, stderr io.Writer) error {
	o := options{out: p.out, raw: p.raw}
	if err := o.writable(); err != nil {
		return err
	}
	raw, err := os.ReadFile(p.from)
	if p.from == "" {
		raw, err = p.measure(ctx, stderr)
	}
	if err == nil && p.raw != "" {
		err = write(p.raw, raw, stdout)
	}
	if err != nil {
		return err
	}
	r, err := parseViewer(raw)
	if err != nil {
		return err
	}
	text := r.markdown()
	stdout.Write(text)
	if p.out == "-" {
		return nil
	}
	return write(p.out, text, stdout)
}

// measure runs the benchmark, and returns what it prints. That goes to stderr, too, since it takes minutes.
func (p *viewerPlan) measure(ctx context.Context, stderr io.Writer) ([]byte, error) {
	number := func(name string, n int) string { return "-" + name + "=" + strconv.Itoa(n) }
	cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench=^BenchmarkViewer$", "-benchtime=1x", "-v", "-timeout="+(10*p.duration()).String(),
		number("count", p.rounds), ".", number("spans", p.spans), number("rate", p.rate), number("seconds", p.seconds))
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = "../browsertest", io.MultiWriter(&out, stderr), stderr
	// All that it starts ends with it, the browser included.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 30 * time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("measure the viewer: %v: %w", cmd, err)
	}
	return out.Bytes(), nil
}

// duration estimates how long it takes.
func (p *viewerPlan) duration() time.Duration {
	file := 45*time.Second + time.Duration(p.spans)*3*time.Microsecond
	live := 30*time.Second + time.Duration(p.seconds)*time.Second*5/4
	return time.Duration(p.rounds) * (file + 2*live)
}

// parseViewer reads what BenchmarkViewer prints, which is as all benchmarks of Go print it.
func parseViewer(text []byte) (*viewerReport, error) {
	r := &viewerReport{Config: map[string]string{}, Figures: map[string]map[string][]float64{}}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.ContainsAny(line[:len(key)], " \t/") {
			r.Config[key] = value
		}
		name, isResult := strings.CutPrefix(line, "BenchmarkViewer/")
		fields := strings.Fields(name)
		if !isResult || len(fields) < 4 || len(fields)%2 != 0 {
			continue
		}
		name = fields[0]
		if i := strings.LastIndexByte(name, '-'); i >= 0 {
			if n, err := strconv.Atoi(name[i+1:]); err == nil {
				name, r.Processors = name[:i], n
			}
		}
		of := r.Figures[name]
		if of == nil {
			of = map[string][]float64{}
			r.Figures[name] = of
		}
		for i := 2; i < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("read results: %w in %q", err, line)
			}
			of[fields[i+1]] = append(of[fields[i+1]], value)
		}
	}
	if len(r.Figures) == 0 {
		return nil, errors.New("read results: BenchmarkViewer has printed none")
	}
	return r, nil
}
