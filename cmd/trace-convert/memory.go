package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// addMemoryFlag adds --memory.
func (c *conversion) addMemoryFlag(cmd *cobra.Command, usage string) {
	c.memory, c.bounded = 64<<20, true
	cmd.Flags().Var(&c.memory, "memory", usage)
}

// onDiskUsage is the usage of --memory where nothing is converted as a stream.
const onDiskUsage = "put a trace that takes more memory than `SIZE` in order by temporary files in $TMPDIR"

// begin makes the trace an empty one, which spills to disk what the memory doesn't hold.
func (c *conversion) begin() {
	c.trace.Close()
	c.trace = timeline.Timeline{}
	if c.bounded {
		c.trace.Memory = max(int64(c.memory), 1)
	}
}

// limited returns a writer that takes no more memory than is allowed, if it can do that.
func (c *conversion) limited(w tracefmt.Writer) tracefmt.Writer {
	if s, ok := w.(tracefmt.Spiller); ok && c.bounded {
		s.SetMemory(max(int64(c.memory), 1))
	}
	return w
}

// onDisk explains an error if it is one of a temporary file.
func onDisk(err error) error {
	if _, failed := errors.AsType[*timeline.SpillError](err); failed {
		return failure{err, "set TMPDIR to a directory that has room for the trace, or allow more memory by --memory"}
	}
	return err
}
