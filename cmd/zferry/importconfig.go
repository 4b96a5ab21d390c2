package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/importer"
)

func newImportConfig(stderr io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "import-config FILE...",
		Short: "Make a configuration of those of zrepl, sanoid and syncoid",
		Long: `import-config reads configurations of other programs, and prints one of zferry daemon for all of them:

  zrepl.yml     jobs of the types push, pull, source, sink, snap and local
  sanoid.conf   datasets and templates: snapshots and what is kept of them
  syncoid       crontabs and shell scripts with calls of it

What can't be carried over, and what has to be looked at, is listed on stderr, with file and line. Datasets that are in none of
the files, such as those on the other side of a connection, are ` + importer.Placeholder + ` in the result. Nothing else is read, and
nothing is changed: snapshots, bookmarks and holds of the other program stay.

Exit codes:
    0  the result is right: "zferry config check" accepts it
    1  failed, or the result has to be edited before "zferry config check" accepts it; the messages say where
    2  wrong flags or arguments`,
		Example: `  zferry import-config /etc/zrepl/zrepl.yml >zferry.yml
  zferry import-config /etc/sanoid/sanoid.conf /etc/cron.d/syncoid >zferry.yml 2>notes`,
		Args: atLeastOne("FILE"),
		RunE: func(cmd *cobra.Command, files []string) error {
			return fail(importConfigs(cmd.OutOrStdout(), stderr, files))
		},
	}
}

func importConfigs(stdout, stderr io.Writer, files []string) error {
	i := importer.New()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := i.Add(file, data); err != nil {
			return err
		}
	}
	text, wrong := i.YAML()
	if text == nil {
		return wrong
	}
	for _, n := range i.Notes() {
		fmt.Fprintln(stderr, n)
	}
	if _, err := stdout.Write(text); err != nil {
		return err
	}
	if wrong != nil {
		for _, e := range config.Errors(wrong) {
			fmt.Fprintln(stderr, e)
		}
		return errors.New(`the result has to be edited before "zferry config check" accepts it`)
	}
	return nil
}
