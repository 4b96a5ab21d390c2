package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
)

func newConfig(stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration of zferry daemon, or see an example",
		Long: `config says what is wrong with a configuration of "zferry daemon", or prints one to begin with, in which comments explain
each part.`,
		Args: noArguments,
		RunE: showHelp,
		Example: `  zferry config example >zferry.yml
  zferry config check zferry.yml`,
	}
	cmd.AddCommand(newConfigCheck(stderr), newConfigExample())
	return cmd
}

func newConfigCheck(stderr io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE...]",
		Short: "Say what is wrong with configurations",
		Long: `check reads configurations, each with the files that it includes, and says all that is wrong: file, line, column, field
and, where there is one, a hint. Without a FILE it is ` + defaultConfig + `. It starts nothing, and opens no log and no address.

Exit codes:
    0  all are right
    1  some are wrong, or can't be read; the messages say where
    2  wrong flags or arguments`,
		Example: `  zferry config check
  zferry config check zferry.yml other.yml`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				files = []string{defaultConfig}
			}
			return fail(checkConfigs(cmd.OutOrStdout(), stderr, files))
		},
	}
}

func checkConfigs(stdout, stderr io.Writer, files []string) error {
	bad := 0
	for _, file := range files {
		c, err := config.Load(file)
		if err == nil {
			fmt.Fprintf(stdout, "%s: fine: %s\n", file, numbered(len(c.Jobs), "job"))
			continue
		}
		bad++
		fmt.Fprintln(stderr, err)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d configurations are wrong", bad, len(files))
	}
	return nil
}

func newConfigExample() *cobra.Command {
	return &cobra.Command{
		Use:     "example",
		Short:   "Print a configuration with comments that explain it",
		Long:    `example prints a configuration that is right, and has one of everything. Take out what you don't need.`,
		Example: `  zferry config example >zferry.yml`,
		Args:    noArguments,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), config.Example)
			return fail(err)
		},
	}
}
