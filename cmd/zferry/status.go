package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/internal/terminal"
)

// statusCommand is "zferry status" with its flags.
type statusCommand struct {
	socket   string
	json     bool
	watch    bool
	interval time.Duration
}

func newStatus() *cobra.Command {
	c := &statusCommand{}
	cmd := &cobra.Command{
		Use:   "status [flags]",
		Short: "Show what a daemon does",
		Long: `status shows for each job of a daemon what it is doing and how far it is, when it last succeeded, what went wrong, when
it runs next, and how old the newest snapshot is that each of its targets has, of the dataset that is most behind. A job for
which nothing has moved for as long as its alert.stuck says is STUCK.

The first line says whether all is well, so that it can be a check of Nagios or Icinga:

  command[zferry] = sudo /usr/bin/zferry status

Exit codes:
    0  all is well
    1  the last run of a job has failed, or a job lags behind, is overdue or is stuck by its alert, or the scheduler hangs; or
       no daemon answers (WARNING)
    2  wrong flags or arguments (CRITICAL)

Environment:
  NO_COLOR           no colours
  RUNTIME_DIRECTORY  where the socket is, without --socket; else it is in /run/zferry`,
		Example: `  zferry status
  zferry status --watch
  zferry status --json | jq '.jobs[] | {name, state, targets}'
  zferry status --socket /run/zferry/other.sock`,
		Args: noArguments,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.interval <= 0 {
				return fmt.Errorf("status: --interval %v: want a time", c.interval)
			}
			return fail(c.run(cmd.Context(), cmd.OutOrStdout()))
		},
	}
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
	cmd.Flags().BoolVarP(&c.watch, "watch", "w", false, "show it again and again, until interrupted")
	cmd.Flags().DurationVar(&c.interval, "interval", 2*time.Second, "with --watch, show it every `TIME`")
	addSocket(cmd, &c.socket)
	return cmd
}

func (c *statusCommand) run(ctx context.Context, w io.Writer) error {
	client := daemon.Client{Socket: daemon.SocketPath(c.socket)}
	for {
		status, err := client.Status(ctx)
		if err == nil {
			err = c.show(w, status)
		} else if c.watch && ctx.Err() == nil {
			fmt.Fprintln(w, hinted(err))
		}
		if !c.watch {
			return hinted(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.interval):
		}
	}
}

// show prints the status. The error says that there are problems, or that it can't be printed.
func (c *statusCommand) show(w io.Writer, s *daemon.Status) error {
	var err error
	if c.json {
		e := json.NewEncoder(w)
		if !c.watch {
			e.SetIndent("", "  ")
		}
		err = e.Encode(s)
	} else {
		p := painter{on: terminal.Is(w) && os.Getenv("NO_COLOR") == ""}
		text := p.status(s)
		if c.watch && terminal.Is(w) {
			text = "\x1b[H\x1b[2J" + text
		}
		_, err = io.WriteString(w, text)
	}
	if problems := s.Problems(); err == nil && len(problems) > 0 {
		return errors.New(headline(s))
	}
	return err
}
