// Command zferry replicates ZFS datasets, and shows where the time goes.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
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
	ran, err := root.ExecuteContextC(ctx)
	return report(stderr, ran, err)
}

func newCommand(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "zferry",
		Short: "Replicate ZFS datasets, and see where the time goes",
		Long: `zferry replicates ZFS datasets, on one host and between two, takes snapshots, and prunes them.

No command but "zferry daemon" has a configuration. zferry destroys nothing that it isn't told to: where it can't go on without that,
it says what is in the way, and what you would do about it.

Commands that run zfs have a log, and with --trace FILE they leave a trace that chrome://tracing and ui.perfetto.dev open. It shows
each zfs process with its arguments, its bytes and its waiting times. Every line of the log carries the IDs of the tasks and spans of
the trace that it belongs to. "zferry pprof" looks into a zferry that runs.

` + exitCodesHelp + `

Environment:
  SPANSTACK_TRACE  a file to write the trace to, if there is no --trace
  ZFERRY_LOCK_DIR  the directory for locks of destinations
  NO_COLOR         no colours in the log

Files:
  ` + defaultConfig + `   the configuration of "zferry daemon"
  ` + daemon.DefaultSocket + `  the daemon's control socket
  /var/run/zferry          locks of destinations, of root`,
		Example: `  zferry snapshot -r tank                       take snapshots of all datasets, at one moment
  zferry plan -r tank backup/tank               see what would be replicated
  zferry replicate -r tank backup/tank          replicate; from the second time on, only what is new
  zferry prune --keep-last 30 -r tank           keep 30 of these snapshots of each dataset, and destroy the others`,
		Version:       version(),
		SilenceErrors: true, // report does that
		SilenceUsage:  true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	cobra.AddTemplateFunc("flagUsages", flagUsages)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".LocalFlags.FlagUsages", "flagUsages .LocalFlags"))
	addGroup(root, "Work on datasets:", newReplicate(stdout, stderr), newPlan(stdout, stderr), newSnapshot(stdout, stderr),
		newPrune(stdout, stderr), newList(stdout, stderr), newHolds(stdout, stderr))
	addGroup(root, "Work by a schedule:", newDaemon(stderr), newStatus(), newConfig(stderr), newImportConfig(stderr))
	addGroup(root, "And more:", newAgent(stdout, stderr), newPprof(stdout, stderr), newStream(), newMan(stdout))
	root.SetHelpCommandGroupID("And more:")
	root.SetCompletionCommandGroupID("And more:")
	return root
}

// flagUsages is what the help says of flags: what pflag does, but that it reminds the reader of true and false at each switch.
func flagUsages(flags *pflag.FlagSet) string {
	const reminder = "[=true|false]"
	return strings.ReplaceAll(flags.FlagUsages(), reminder, strings.Repeat(" ", len(reminder)))
}

// addGroup adds commands that the help shows under a title.
func addGroup(root *cobra.Command, title string, list ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, cmd := range list {
		cmd.GroupID = title
	}
	root.AddCommand(list...)
}

// showHelp is what commands do that only have others below them.
func showHelp(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// version returns that of the module, as go install records it, or the commit. It is found out once, from some hundred lines.
var version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "development version"
	}
	return v + " " + info.GoVersion
})
