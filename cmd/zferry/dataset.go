package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/replicate"
)

// globHelp explains the globs of commands that have --exclude, which are about paths below an argument.
func globHelp(argument string) string {
	return strings.ReplaceAll(`GLOB: * stands for any characters but /, ** for any, ? for one. A GLOB without / is about the last part of a name, at any
depth; one with / about the whole path below DATASET. "." is DATASET itself. What is below an excluded dataset is excluded, too.`, "DATASET", argument)
}

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
