package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
)

// withoutEffect are the flags of replicate that plan takes, but that make no difference to a plan.
var withoutEffect = []string{"before", "after", "metrics-file", "cursor", "hold", "set", "ignore", "mount", "verify", "jobs", "limit", "retries"}

func newPlan(stdout, stderr io.Writer) *cobra.Command {
	c := &replicateCommand{dryRun: true, stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "plan [flags] SOURCE DESTINATION",
		Short: "Say what replicate would do, and how much it is",
		Long: `plan says which snapshots "zferry replicate" would send, from which base, and about how much that is, and changes nothing. Where
it could not go on, plan says what is in the way, and what to do about it.

It takes the flags of replicate, so that a command line can be tried by changing one word. Those that make no difference to a
plan, such as --limit, are not listed here, and have no effect.

` + endpoint.Help + `

Exit codes:
    0  there is a plan; also if nothing is to be done
    1  failed, or there is no plan without destroying something; the message says what and what to do
    2  wrong flags or arguments
    3  of several datasets, some have no plan
  130  interrupted by SIGINT or SIGTERM`,
		Example: `  zferry plan tank/home backup/home                      which snapshots would be sent, and how much that is
  zferry plan -r tank root@nas:backup/tank               of all datasets below, to another host
  zferry plan -r --destroy-diverged tank backup/tank     what that flag would destroy
  zferry plan -r --json tank backup/tank                 for programs`,
	}
	c.complete(cmd)
	for _, flag := range withoutEffect {
		_ = cmd.Flags().MarkHidden(flag)
	}
	for flag, usage := range map[string]string{
		"json": "print the plan as JSON", "snapshot": "say, too, of how many datasets the snapshot @`NAME` would be taken first",
		"deadline": "give up after this `TIME`, such as 10m",
	} {
		cmd.Flags().Lookup(flag).Usage = usage
	}
	return cmd
}
