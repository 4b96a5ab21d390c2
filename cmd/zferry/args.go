package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// noArguments is for commands that take none.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasAvailableSubCommands():
		return fmt.Errorf("%s: there is no command %q", commandName(cmd), args[0])
	}
	return fmt.Errorf("%s: want no arguments, got %q", commandName(cmd), args)
}

// exactly wants these arguments, each of them one.
func exactly(what ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(what) {
			return fmt.Errorf("%s: want %s, got %s", commandName(cmd), strings.Join(what, " and "), numbered(len(args), "argument"))
		}
		return nil
	}
}

// atLeastOne wants arguments.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s: want a %s", commandName(cmd), what)
		}
		return nil
	}
}

// atMostOne wants an argument or none.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%s: want one %s at most, got %d arguments", commandName(cmd), what, len(args))
		}
		return nil
	}
}

// commandName returns a command as errors name it: "stream stat".
func commandName(cmd *cobra.Command) string {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	return name
}
