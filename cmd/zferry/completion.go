package main

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
)

// patience is that of who has pressed a key.
const patience = 5 * time.Second

// any number of arguments.
const anyNumber = math.MaxInt

// completeDatasets offers the datasets of this host, for so many arguments.
func completeDatasets(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeFrom(cmd, toComplete, thisHost().Names)
	}
}

// completeJobs offers the jobs of the daemon at a socket, for one argument.
func completeJobs(socket *string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeFrom(cmd, toComplete, func(ctx context.Context) (names []string, err error) {
			status, err := daemon.Client{Socket: daemon.SocketPath(*socket)}.Status(ctx)
			if err != nil {
				return nil, err
			}
			for _, job := range status.Jobs {
				names = append(names, job.Name)
			}
			return names, nil
		})
	}
}

// completeFrom offers those of a list that begin with what is there already.
func completeFrom(cmd *cobra.Command, toComplete string, list func(context.Context) ([]string, error)) (offer []cobra.Completion, _ cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
	defer cancel()
	names, err := list(ctx)
	if err != nil {
		cobra.CompErrorln(err.Error())
		return nil, cobra.ShellCompDirectiveError
	}
	for _, name := range names {
		if strings.HasPrefix(name, toComplete) {
			offer = append(offer, name)
		}
	}
	return offer, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag offers fixed values for a flag.
func completeFlag(cmd *cobra.Command, flag string, values ...cobra.Completion) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
