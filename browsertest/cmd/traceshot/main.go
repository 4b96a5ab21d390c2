// Command traceshot opens a Chrome JSON trace in chrome://tracing's own viewer,
// prints what the viewer sees, and writes a picture of the timeline.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spanstack/spanstack/browsertest/catapult"
)

// Exit codes, as in the usage text.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitWarnings = 3
)

const usage = `Usage: traceshot [flags] TRACE.json [OUT.png]

Open a trace in chrome://tracing's viewer (Catapult, as shipped with Go) in a
headless Chromium. Print import warnings and the numbers of processes, lanes,
slices and arrows; write a picture of the whole timeline to OUT.png.
TRACE.json and OUT.png may be - for standard input and output.

Flags:
  --size WxH         size of the window in pixels (default 1600x900)
  --max-height N     let the picture grow to N pixels if lanes do not fit
  --from MS, --to MS show this time range instead of the whole trace
  --select TITLE     show the details of the first slice with this title
  --chromium PATH    the browser (default: chromium from PATH)
  --version          print the version
  --help             print this text

Examples:
  traceshot demo/trace.json demo/trace.png
  traceshot --max-height 3000 --select "zfs send" demo/trace.json send.png
  zstd -dc trace.json.zst | traceshot - trace.png

Exit codes:
  0  the viewer imported the trace without warnings
  1  it could not be read, imported or drawn
  2  wrong usage
  3  it was imported with warnings
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	catapult.Options
	shot     catapult.ScreenshotOptions
	selected string
	trace    string // path or -
	picture  string // path, - or empty
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	opt, version, err := parseArgs(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "traceshot: error: %v\ntraceshot: hint: see \"traceshot --help\"\n", err)
		return exitUsage
	}
	if version {
		fmt.Fprintln(stdout, "traceshot", buildVersion())
		return exitOK
	}
	warnings, err := shoot(ctx, opt, stdin, stdout, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "traceshot: error: %v\n", err)
		return exitFailed
	}
	if warnings > 0 {
		return exitWarnings
	}
	return exitOK
}

func parseArgs(args []string) (opt options, version bool, err error) {
	flags := flag.NewFlagSet("traceshot", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	size := flags.String("size", "1600x900", "")
	flags.IntVar(&opt.shot.MaxHeight, "max-height", 0, "")
	flags.Float64Var(&opt.shot.FromMs, "from", 0, "")
	flags.Float64Var(&opt.shot.ToMs, "to", 0, "")
	flags.StringVar(&opt.selected, "select", "", "")
	flags.StringVar(&opt.Chromium, "chromium", "", "")
	flags.BoolVar(&version, "version", false, "")
	if err := flags.Parse(args); err != nil || version {
		return opt, version, err
	}
	var rest string
	if n, _ := fmt.Sscanf(*size+" ", "%dx%d%s", &opt.Width, &opt.Height, &rest); n != 2 || opt.Width < 1 || opt.Height < 1 {
		return opt, false, fmt.Errorf("size %q is not WxH, such as 1600x900", *size)
	}
	if opt.shot.ToMs < opt.shot.FromMs {
		return opt, false, fmt.Errorf("--to %g is before --from %g", opt.shot.ToMs, opt.shot.FromMs)
	}
	switch flags.NArg() {
	case 2:
		opt.picture = flags.Arg(1)
		fallthrough
	case 1:
		opt.trace = flags.Arg(0)
		return opt, false, nil
	case 0:
		return opt, false, errors.New("no trace is given")
	default:
		return opt, false, fmt.Errorf("unexpected argument %q; flags go before the trace", flags.Arg(2))
	}
}

// shoot does the work and returns the number of import warnings.
func shoot(ctx context.Context, opt options, stdin io.Reader, stdout, stderr io.Writer) (warnings int, err error) {
	data, err := readTrace(opt.trace, stdin)
	if err != nil {
		return 0, err
	}
	v, err := catapult.Start(ctx, opt.Options)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	report, err := v.Load(ctx, data)
	if err != nil {
		return 0, err
	}
	text := stdout
	if opt.picture == "-" {
		text = stderr // the picture takes standard output
	}
	printReport(text, report)
	if opt.picture == "" {
		return len(report.Warnings), nil
	}
	if opt.shot.Select, err = find(report, opt.selected); err != nil {
		return 0, err
	}
	png, err := v.Screenshot(ctx, opt.shot)
	if err != nil {
		return 0, err
	}
	if opt.picture == "-" {
		_, err = stdout.Write(png)
	} else {
		err = writeFile(opt.picture, png)
	}
	return len(report.Warnings), err
}

func readTrace(path string, stdin io.Reader) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(path)
}

func printReport(w io.Writer, r *catapult.Report) {
	open := 0
	for _, s := range r.Slices() {
		if s.DidNotFinish {
			open++
		}
	}
	fmt.Fprintf(w, "processes     %d\nlanes         %d\nslices        %d (%d open)\nasync slices  %d\narrows        %d\nwarnings      %d\n",
		len(r.Processes), len(r.Threads()), len(r.Slices()), open, len(r.AsyncSlices()), len(r.Flows), len(r.Warnings))
	for _, p := range r.Processes {
		fmt.Fprintf(w, "process %d %s\n", p.PID, p.Name)
		for _, t := range p.Threads {
			depth := 0
			for _, s := range t.Slices {
				depth = max(depth, s.Depth+1)
			}
			fmt.Fprintf(w, "  lane %d %s: %d slices, %d deep, %d async\n", t.TID, t.Name, len(t.Slices), depth, len(t.Async))
		}
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning: %v\n", warning)
	}
}

// find returns the first slice with the title, nil for no title.
func find(r *catapult.Report, title string) (*catapult.Slice, error) {
	if title == "" {
		return nil, nil
	}
	for _, s := range append(r.Slices(), r.AsyncSlices()...) {
		if s.Title == title {
			return s, nil
		}
	}
	return nil, fmt.Errorf("select %q: no slice has this title", title)
}

// writeFile replaces path with data at once, or leaves it as it was.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return strings.TrimSpace(info.Main.Version + " " + info.GoVersion)
}
