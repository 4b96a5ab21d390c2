package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// toolsFlags say what a guest has besides its image.
type toolsFlags struct{ packages, modules []string }

func addToolsFlags(cmd *cobra.Command) *toolsFlags {
	var f toolsFlags
	cmd.Flags().StringSliceVar(&f.packages, "package", nil, "Debian `package` to add to the guest, with what it depends on; may be repeated")
	cmd.Flags().StringSliceVar(&f.modules, "module", nil, "kernel `module` to add to the guest; may be repeated")
	return &f
}

// tools fetches what the flags ask for, unless it is in the cache, with progress on stderr; nil if that is nothing.
func (f *toolsFlags) tools(ctx context.Context, env *environment, img *machine.Image) (*machine.Tools, error) {
	if len(f.packages) == 0 && len(f.modules) == 0 {
		return nil, nil
	}
	return img.Tools(ctx, machine.ToolsOptions{Packages: f.packages, Modules: f.modules, Progress: machine.NewProgress(env.stderr)})
}
