package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// exclusionHelp explains the globs of those commands that have --exclude.
const exclusionHelp = `GLOB: * stands for any characters but /, ** for any, ? for one. A GLOB without / is about the last part of a name, at any
depth; one with / about the whole path below DATASET. "." is DATASET itself. What is below an excluded dataset is excluded, too.`

// thisHost returns the client of this host.
func thisHost() *zfssend.Client { return &zfssend.Client{LockDir: os.Getenv("ZFERRY_LOCK_DIR")} }

// excluder returns what tells which datasets are excluded by globs, each about the path below the named dataset that it belongs to.
func excluder(globs, roots []string) (func(dataset string) bool, error) {
	if len(globs) == 0 {
		return nil, nil
	}
	var filter replicate.Filter
	for _, text := range globs {
		g, err := replicate.ParseGlob(text)
		if err != nil {
			return nil, fmt.Errorf("--exclude: %w", err)
		}
		filter.Exclude = append(filter.Exclude, g)
	}
	return func(dataset string) bool {
		longest, path := -1, "."
		for _, root := range roots {
			below, ok := strings.CutPrefix(dataset, root)
			switch {
			case !ok || len(root) <= longest:
			case below == "":
				longest, path = len(root), "."
			case below[0] == '/':
				longest, path = len(root), below[1:]
			}
		}
		return !filter.Dataset(path, nil)
	}, nil
}

// completeDatasets offers the datasets of this host.
func completeDatasets(cmd *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const patience = 5 * time.Second // of who has pressed a key
	ctx, cancel := context.WithTimeout(cmd.Context(), patience)
	defer cancel()
	names, err := thisHost().Names(ctx)
	if err != nil {
		cobra.CompErrorln(err.Error())
		return nil, cobra.ShellCompDirectiveError
	}
	var list []cobra.Completion
	for _, name := range names {
		if strings.HasPrefix(name, toComplete) {
			list = append(list, name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}
