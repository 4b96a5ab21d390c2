// Command zferry replicates ZFS datasets, and shows where the time goes.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// errInterrupted is the cause of a cancellation by a signal.
var errInterrupted = errors.New("interrupted")

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program without its process.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		if _, ok := <-signals; ok {
			signal.Stop(signals) // a second one ends the program at once
			cancel(errInterrupted)
		}
	}()
	root := newCommand(stdout, stderr)
	root.SetArgs(args)
	return report(stderr, root.ExecuteContext(ctx))
}

func newCommand(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "zferry",
		Short: "Replicate ZFS datasets, and see where the time goes",
		Long: `zferry replicates ZFS datasets, takes snapshots, and prunes them.

It takes no configuration, destroys nothing that it isn't told to, and leaves a trace on request: a file that chrome://tracing and
ui.perfetto.dev open, in which every zfs command is seen with its arguments, its bytes and its waiting times. Every
line of its log carries the IDs of the tasks and spans of that trace.

` + exitCodesHelp,
		Version:       version(),
		SilenceErrors: true, // report does that
		SilenceUsage:  true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.AddCommand(newReplicate(stdout, stderr), newSnapshot(stdout, stderr), newPrune(stdout, stderr), newList(stdout, stderr),
		newHolds(stdout, stderr), newAgent(stdout, stderr), newPprof(stdout, stderr), newStream(),
		newDaemon(stderr), newConfig(stderr), newStatus(), newImportConfig(stderr))
	return root
}

// version is that of the module, as go install records it, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "development version"
	}
	return v + " " + info.GoVersion
}
