package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

func newShell(env *environment) *cobra.Command {
	var variant string
	var memory int
	var line *lineFlag
	var disks diskFlag
	var tools *toolsFlags
	cmd := &cobra.Command{
		Use:   "shell [PAYLOAD]",
		Short: "Open a shell in the machine",
		Long: `shell boots the machine with a shell on this terminal, in /payload. "exit" ends the machine; if it hangs, so do the
keys Ctrl-A X.`,
		Example: `  go run ./platformtest/vm shell --variant taskq
  go run ./platformtest/vm shell --line 2.4 --disk /tmp/pool.img`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts := machine.RunOptions{Variant: machine.Variant(variant), MemoryMiB: memory, Disks: disks}
			if len(args) == 1 {
				opts.Payload = os.DirFS(args[0])
			}
			img, err := env.image(cmd.Context(), line.String(), false)
			if err == nil {
				opts.Tools, err = tools.tools(cmd.Context(), env, img)
			}
			if err == nil {
				err = img.Shell(cmd.Context(), opts)
			}
			return failed(exitFailure, err)
		},
	}
	line = addLineFlag(cmd)
	tools = addToolsFlags(cmd)
	cmd.Flags().Var(&disks, "disk", diskUsage)
	cmd.Flags().StringVar(&variant, "variant", string(machine.Stock), "ZFS module: stock or taskq")
	cmd.Flags().IntVar(&memory, "mem", machine.DefaultMemoryMiB, "memory in MiB")
	return cmd
}
