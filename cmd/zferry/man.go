package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/internal/manpage"
	"github.com/spanstack/spanstack/internal/outfile"
)

// manual has the pages in section 8, where those of zfs are.
var manual = manpage.Book{Section: "8", Source: "zferry", Manual: "spanstack", SeeAlso: []string{"zfs(8)", "zfs-send(8)", "zfs-receive(8)", "ssh(1)"}}

func newMan(stdout io.Writer) *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use:   "man [flags] [COMMAND...]",
		Short: "Print manual pages",
		Long: `man prints the manual page of zferry, or of a COMMAND of it, for man(1). With --dir it writes all pages, each to a file of its own:
zferry.8, zferry-replicate.8, and so on. They say what --help says.

Exit codes:
    0  done
    1  failed: a page can't be written
    2  wrong flags or arguments, such as a command that there isn't`,
		Example: `  zferry man replicate | man -l -                      read one
  zferry man daemon run | man -l -
  zferry man --dir /usr/local/share/man/man8           install all, so that "man zferry-replicate" finds them`,
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			switch {
			case err != nil || len(rest) > 0:
				return fmt.Errorf("man: there is no command %q", strings.Join(args, " "))
			case dir == "":
				return fail(manual.Write(stdout, of))
			case len(args) > 0:
				return errors.New("man: --dir writes the pages of all commands: want none of them")
			}
			return fail(writePages(dir, of))
		},
		ValidArgsFunction: completeCommands,
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write all pages to this `DIRECTORY`, which is made if it isn't there")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// writePages writes the page of each command to a directory.
func writePages(dir string, root *cobra.Command) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, cmd := range manpage.Commands(root) {
		file := &outfile.File{Name: filepath.Join(dir, manpage.Name(cmd)+"."+manual.Section)}
		if err := file.Fill(func(w io.Writer) error { return manual.Write(w, cmd) }); err != nil {
			return err
		}
	}
	return nil
}

// completeCommands offers the commands below those that are named.
func completeCommands(cmd *cobra.Command, args []string, _ string) (offer []cobra.Completion, _ cobra.ShellCompDirective) {
	of, rest, err := cmd.Root().Find(args)
	if err == nil && len(rest) == 0 {
		for _, c := range of.Commands() {
			if c.IsAvailableCommand() {
				offer = append(offer, cobra.CompletionWithDesc(c.Name(), c.Short))
			}
		}
	}
	return offer, cobra.ShellCompDirectiveNoFileComp
}
