package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/internal/manpage"
)

var manual = manpage.Book{Section: "1", Source: "trace-view", Manual: "spanstack"}

// manCommand returns the command that prints the manual page.
func manCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:     "man",
		Short:   "Print the manual page",
		Long:    "man prints the manual page of trace-view, for man(1).",
		Example: "  trace-view man > /usr/local/share/man/man1/trace-view.1",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return manual.Write(out, cmd.Root()) },
	}
}
