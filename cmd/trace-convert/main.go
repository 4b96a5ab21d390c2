// Command trace-convert converts trace files between formats, merges them with each other and with logs, sums them up,
// and finds what belongs to a span. See its --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	_ "github.com/spanstack/spanstack/tracefmt/all"
)

// Exit codes, as the help text lists them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartly      = 3
	exitNothing     = 4
	exitInterrupted = 130
)

// streams are the program's standard streams.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is a mistake on the command line.
type usageError struct{ error }

// failure is an error with advice for the user.
type failure struct {
	error
	hint string
}

func (f failure) Unwrap() error { return f.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	code := exitOK
	cmd := command(&code, std)
	cmd.SetArgs(args)
	cmd.SetOut(std.out)
	cmd.SetErr(std.err)
	ran, err := cmd.ExecuteContextC(ctx)
	if err == nil {
		return code
	}
	hint := ""
	if f, ok := errors.AsType[failure](err); ok {
		hint = f.hint
	}
	_, isUsage := errors.AsType[usageError](err)
	if isUsage && hint == "" {
		hint = fmt.Sprintf("see %q", ran.CommandPath()+" --help")
	}
	fmt.Fprintln(std.err, "trace-convert: error:", err)
	if hint != "" {
		fmt.Fprintln(std.err, "trace-convert: hint:", hint)
	}
	switch {
	case isUsage:
		return exitUsage
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	}
	return exitFailed
}

func command(code *int, std streams) *cobra.Command {
	c := conversion{std: std}
	var list bool
	cmd := &cobra.Command{
		Use:               "trace-convert [flags] [INPUT...]",
		Short:             "Convert, merge and sum up trace files",
		Long:              longHelp,
		Example:           examples,
		Version:           version(),
		Args:              cobra.ArbitraryArgs,
		SilenceErrors:     true,
		SilenceUsage:      true,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if list {
				return listFormats(std.out)
			}
			*code, err = c.run(cmd.Context(), args)
			return err
		},
	}
	cmd.AddCommand(diffCommand(code, std), criticalCommand(code, std))
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	c.addFlags(cmd)
	cmd.Flags().BoolVar(&list, "formats", false, "list the formats and exit")
	cmd.AddCommand(mergeCommand(code, std), grepCommand(code, std), splitCommand(code, std), statsCommand(code, std),
		validateCommand(code, std), anonymizeCommand(code, std), manCommand(std.out), &cobra.Command{
			Use:     "formats",
			Short:   "List the formats",
			Example: "  trace-convert formats",
			Args: func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return usageError{fmt.Errorf("%q takes no arguments", cmd.CommandPath())}
				}
				return nil
			},
			RunE: func(*cobra.Command, []string) error { return listFormats(std.out) },
		})
	return cmd
}

// addFlags adds the flags of commands that convert.
func (c *conversion) addFlags(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolVar(&c.summary, "summary", false, "print the tree of tasks and spans with counts and times")
	c.addTraceFlags(cmd)
	cmd.Flags().StringVarP(&c.output, "output", "o", "-", `write to this file; "-" is standard output`)
	c.filter.add(cmd)
}

// addTraceFlags adds the flags of commands that write traces.
func (c *conversion) addTraceFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&c.to, "to", "", `write this format ("chrome" unless OUTPUT's name says otherwise)`)
	c.lossy = lossyWarn
	flags.Var(&c.lossy, "lossy", "what can't be converted: `HOW` is warn (tell), quiet, or error (write nothing then)")
	cmd.RegisterFlagCompletionFunc("lossy", cobra.FixedCompletions(lossyValues, cobra.ShellCompDirectiveNoFileComp))
	flags.BoolVar(&c.goStates, "go-states", false, "of Go's execution traces, convert what goroutines waited for, too")
	flags.BoolVar(&c.goMetrics, "go-metrics", false, "of Go's execution traces, convert the runtime's metrics, too")
	c.addMemoryFlag(cmd,
		"convert a trace that takes more memory than `SIZE` as a stream, or by temporary files in $TMPDIR")
	cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(writable(), cobra.ShellCompDirectiveNoFileComp))
}
