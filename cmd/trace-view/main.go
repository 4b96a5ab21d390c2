// Command trace-view shows traces in the browser: files of any format that tracefmt reads, or a running process. See its --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/viewer"
)

// Exit codes, as the help text lists them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a mistake on the command line.
type usageError struct{ error }

// failure is an error with advice for the user.
type failure struct {
	error
	hint string
}

func (f failure) Unwrap() error { return f.error }

// streams are the program's standard streams.
type streams struct {
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	cmd := command(std)
	cmd.SetArgs(args)
	cmd.SetOut(std.out)
	cmd.SetErr(std.err)
	ran, err := cmd.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	hint := ""
	if f, ok := errors.AsType[failure](err); ok {
		hint = f.hint
	}
	_, isUsage := errors.AsType[usageError](err)
	if isUsage && hint == "" {
		hint = fmt.Sprintf("see %q", ran.CommandPath()+" --help")
	}
	fmt.Fprintln(std.err, "trace-view: error:", err)
	if hint != "" {
		fmt.Fprintln(std.err, "trace-view: hint:", hint)
	}
	if isUsage {
		return exitUsage
	}
	return exitFailed
}

const longHelp = `trace-view shows traces in a web browser: where the time went, what is open and for how long, log lines beside the spans that wrote
them, critical paths, and what differs between two traces. It prints the address of its page, and serves that until Ctrl-C.

FILE is a trace in any format that trace-convert reads, packed or not; "-" is the standard input. The page is there at once, and shows how far
the file is read, and of a pipe what has come. Of several files, the page shows one at a time, or two side by side.

URL is a running process that shows its traces by package capture, such as http://localhost:6060/debug/trace/, or unix:PATH for a socket. The page
follows what it does. A token is the password in the URL: http://user:TOKEN@host:6060/debug/trace/.

Only this host can open the page, and only with the token in its address. The page asks nothing of any other host. To look from
elsewhere, forward the port: ssh -L 8080:localhost:8080 host trace-view --listen localhost:8080 FILE`

const examples = `  trace-view trace.json                                     a Chrome trace, as of SPANSTACK_TRACE=trace.json
  trace-view before.pftrace after.pftrace                   two, to compare
  zstdcat spans.otlp.zst | trace-view -                     what comes from a pipe
  trace-view http://localhost:6060/debug/trace/             a running process
  trace-view unix:/run/zferry/zferry.sock                   zferry's daemon
  trace-view --listen localhost:8080 --open trace.json      at a port of your choice, and in your browser`

func command(std streams) *cobra.Command {
	c := server{std: std}
	cmd := &cobra.Command{
		Use:     "trace-view [flags] FILE|URL...",
		Short:   "Show traces in the browser",
		Long:    longHelp + exitHelp,
		Example: examples,
		Version: version(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("name a trace, or a process")}
			}
			return nil
		},
		SilenceErrors:     true,
		SilenceUsage:      true,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("keep") {
				c.keep = 0 // what is usual isn't the same for processes and pipes
			}
			return c.run(cmd.Context(), args)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.listen, "listen", "localhost:0", "serve the page at `HOST:PORT`; port 0 is any that is free")
	flags.BoolVar(&c.open, "open", false, "open the page in the browser of this desktop")
	c.keep = viewer.DefaultKeep
	flags.Var(&c.keep, "keep", "of a running process, or of a pipe if it is given, keep about `SIZE` of what came, and drop the oldest above that")
	cmd.AddCommand(manCommand(std.out))
	return cmd
}

const exitHelp = `

Exit codes:
    0  ended by SIGINT or SIGTERM
    1  failed: nothing of a file can be read, or no port be listened at
    2  wrong flags or arguments`

// version is that of the module, as go install records it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
