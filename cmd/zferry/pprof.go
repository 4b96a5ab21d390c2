package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// pprofCommand is "zferry pprof" with its flags.
type pprofCommand struct {
	output, format string
	json           bool
	time, last     time.Duration

	stdout, stderr io.Writer
}

func newPprof(stdout, stderr io.Writer) *cobra.Command {
	c := &pprofCommand{stdout: stdout, stderr: stderr}
	parent := &cobra.Command{
		Use:   "pprof",
		Short: "Look into a running zferry: what it is doing, and what it did",
		Long: `pprof shows what a running zferry is doing: a daemon, or any command that was started with --debug-listen.

ADDR is where it listens: host:port, or unix:PATH for a socket. Without it, it is the socket of the daemon,
` + daemon.DefaultSocket + `, or that in $RUNTIME_DIRECTORY.`,
		Example: `  zferry pprof active                                  what is the daemon doing? What hangs, since when, and what said it last?
  zferry pprof flight --last 5m -o last.json           what led to it, for chrome://tracing and ui.perfetto.dev
  zferry pprof capture --time 10s -o next.pftrace unix:/run/backup.sock
  zferry pprof activity-trace localhost:6060 >live.json     what comes, until Ctrl-C; can be loaded wherever it is cut
  zferry pprof profile --time 30s -o time.pb.gz        where the time goes, for go tool pprof`,
	}
	examples := make(map[string]string) // of the parent's, those of each
	for line := range strings.Lines(parent.Example) {
		examples[strings.Fields(line)[2]] += line
	}
	add := func(use, short string, page func() (path string, query url.Values)) *cobra.Command {
		cmd := &cobra.Command{
			Use: use + " [ADDR]", Short: short, Example: strings.TrimSuffix(examples[use], "\n"), Args: cobra.MaximumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				addr := "unix:" + daemon.SocketPath("")
				if len(args) == 1 {
					addr = args[0]
				}
				path, query := page()
				return fail(c.get(cmd.Context(), addr, path, query))
			},
		}
		cmd.Flags().StringVarP(&c.output, "output", "o", "-", "write to `FILE`, which is made anew; - is stdout")
		parent.AddCommand(cmd)
		return cmd
	}
	active := add("active", "Show what is open now: tasks and spans with their ages, last log lines, and the state of their processes", func() (string, url.Values) {
		return "active", url.Values{"format": {map[bool]string{true: "json", false: "text"}[c.json]}}
	})
	active.Flags().BoolVar(&c.json, "json", false, "as JSON")
	live := add("activity-trace", "Write a live trace, from what is open now on, until Ctrl-C", func() (string, url.Values) { return "stream", c.query() })
	c.addFormat(live)
	capture := add("capture", "Write a trace of the next seconds", func() (string, url.Values) {
		q := c.query()
		q.Set("seconds", seconds(c.time))
		return "capture", q
	})
	c.addFormat(capture)
	capture.Flags().DurationVar(&c.time, "time", 5*time.Second, "for this `TIME`")
	flight := add("flight", "Write a trace of what happened last", func() (string, url.Values) {
		q := c.query()
		if c.last > 0 {
			q.Set("last", c.last.String())
		}
		return "flight", q
	})
	c.addFormat(flight)
	flight.Flags().DurationVar(&c.last, "last", 0, "of this `TIME`, such as 5m; 0 is all that there is")
	profile := add("profile", "Write a profile of the time that tasks and spans take, for go tool pprof", func() (string, url.Values) {
		return "profile", url.Values{"seconds": {seconds(c.time)}}
	})
	profile.Flags().DurationVar(&c.time, "time", 30*time.Second, "for this `TIME`")
	return parent
}

func (c *pprofCommand) addFormat(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.format, "format", "", "in the `FORMAT` chrome or perfetto; by default that of the name of --output, or else chrome")
}

// query returns the parameters of a page that makes a trace.
func (c *pprofCommand) query() url.Values {
	format := c.format
	if format == "" && strings.HasSuffix(c.output, ".pftrace") {
		format = "perfetto"
	}
	if format == "" {
		return url.Values{}
	}
	return url.Values{"format": {format}}
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// get copies a page to the output.
func (c *pprofCommand) get(ctx context.Context, addr, page string, query url.Values) (err error) {
	client, base := clientFor(addr)
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/debug/trace/"+page+"?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("%s: want host:port, or unix:PATH: %w", addr, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return &noAnswerError{fmt.Errorf("ask zferry at %s: %w", addr, unwrapURL(err))}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("ask zferry at %s: %s: %s", addr, response.Status, strings.TrimSpace(string(text)))
	}
	out, done, err := c.open()
	if err != nil {
		return err
	}
	_, err = io.Copy(out, response.Body)
	if page == "stream" && ctx.Err() != nil {
		err = nil // that is how it ends
	}
	return done(err)
}

// clientFor returns an HTTP client for an address, and how its URLs begin.
func clientFor(addr string) (client *http.Client, base string) {
	path, isSocket := strings.CutPrefix(addr, "unix:")
	if !isSocket {
		return &http.Client{}, "http://" + strings.TrimPrefix(addr, "http://")
	}
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}, "http://localhost"
}

// noAnswerError says that there is nobody to ask.
type noAnswerError struct{ error }

func (e *noAnswerError) Unwrap() error { return e.error }

// Hint says what to do.
func (e *noAnswerError) Hint() string {
	return "is it running? A daemon listens at the socket that its configuration names, other commands with --debug-listen ADDR"
}

// unwrapURL returns the error without the method and URL that net/http puts in front.
func unwrapURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// open opens the output. A file gets its name when it is complete.
func (c *pprofCommand) open() (w io.Writer, done func(error) error, err error) {
	if c.output == "-" {
		return c.stdout, func(err error) error { return err }, nil
	}
	f, err := os.CreateTemp(filepath.Dir(c.output), "."+filepath.Base(c.output)+".*")
	if err != nil {
		return nil, nil, err
	}
	return f, func(err error) error {
		if err = errors.Join(err, f.Close()); err == nil {
			err = os.Rename(f.Name(), c.output)
		}
		if err != nil {
			os.Remove(f.Name())
		}
		return err
	}, nil
}

// describeSpan tells of an open span what the process is doing that it is about.
func describeSpan(r *trace.Record) string {
	if daemon.ElsewhereOf(r) != "" {
		return "" // its number is another host's
	}
	for _, a := range r.Attrs {
		if a.Key == "process.pid" && a.Value.Kind() == slog.KindInt64 {
			if p, ok := zfssend.LookAt(int(a.Value.Int64())); ok {
				p.Stack = nil // which is long, and of which the state tells the first function
				return p.String()
			}
			return "its process is gone"
		}
	}
	return ""
}
