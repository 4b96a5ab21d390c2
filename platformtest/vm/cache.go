package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

func newBuild(env *environment) *cobra.Command {
	var refresh bool
	var line *lineFlag
	cmd := &cobra.Command{
		Use:   "build",
		Short: "Build the machine, unless it is there",
		Long: `build makes the machine, if this version of the recipe has not done so yet, and prints its directory.

With --refresh it asks Debian's archive whether there is a newer kernel or ZFS, and builds a machine of these. If the
archive can't be reached, the machine that is there stays in use. The logs of the last build are in log/ of the cache.`,
		Example: `  go run ./platformtest/vm build
  go run ./platformtest/vm build --line 2.3
  go run ./platformtest/vm build --refresh`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			img, err := env.image(cmd.Context(), line.String(), refresh)
			if err != nil {
				return failed(exitFailure, err)
			}
			fmt.Fprintf(env.stderr, "vm: kernel %s, ZFS %s, built %s\n", img.Kernel, img.ZFS, img.Built.Format("2006-01-02"))
			fmt.Fprintln(env.stdout, img.Dir)
			return nil
		},
	}
	line = addLineFlag(cmd)
	cmd.Flags().BoolVar(&refresh, "refresh", false, "look for newer packages even if there is a machine")
	return cmd
}

func newPath(env *environment) *cobra.Command {
	var line *lineFlag
	cmd := &cobra.Command{
		Use:     "path",
		Short:   "Print the directory of the machine, without building one",
		Example: `  du -h "$(go run ./platformtest/vm path)"`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			img, err := machine.Find(line.String(), *env.cacheDir)
			if err != nil {
				return failed(exitFailure, err)
			}
			fmt.Fprintln(env.stdout, img.Dir)
			return nil
		},
	}
	line = addLineFlag(cmd)
	return cmd
}

func newDeps(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:     "deps",
		Short:   "Print the Debian packages that must be installed",
		Example: `  apt-get install --no-install-recommends $(go run ./platformtest/vm deps)`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(env.stdout, strings.Join(machine.HostPackages(), " "))
			return nil
		},
	}
}

func newClean(env *environment) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove machines that are no longer used",
		Long: `clean removes machines of older recipes, kernels and ZFS versions, and prints what it removed.
With --all it removes every machine, and the logs.`,
		Example: `  go run ./platformtest/vm clean`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			removed, err := machine.Clean(cmd.Context(), *env.cacheDir, all)
			for _, dir := range removed {
				fmt.Fprintln(env.stdout, dir)
			}
			return failed(exitFailure, err)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "remove the machine in use, too")
	return cmd
}
