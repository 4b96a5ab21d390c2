package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/internal/manpage"
)

var manual = manpage.Book{Section: "1", Source: "trace-convert", Manual: "spanstack"}

// manCommand returns the command that prints the manual pages.
func manCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:     "man [COMMAND]",
		Short:   "Print the manual page",
		Long:    "man prints the manual page of trace-convert, or of one of its commands, for man(1).",
		Example: "  trace-convert man > /usr/local/share/man/man1/trace-convert.1\n  trace-convert man grep | man -l -",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("%q takes one command at most", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usageError{fmt.Errorf("there is no command %q", args[0])}
			}
			return manual.Write(out, of)
		},
	}
}
