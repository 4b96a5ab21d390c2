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
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/daemon"
	"github.com/spanstack/spanstack/internal/outfile"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// pprofHelp explains the arguments of all that is below "zferry pprof".
const pprofHelp = `ADDR is where zferry listens: host:port, or unix:PATH for a socket. Without it, it is the socket of the daemon,
` + daemon.DefaultSocket + `, or that in $RUNTIME_DIRECTORY.

A FILE that is there is replaced when all has come, or, by activity-trace, when something has. If it is a named pipe or a device, it is
written to.

Exit codes:
    0  done; of activity-trace, also when it was interrupted
    1  failed: no zferry answers there, or the output can't be written
    2  wrong flags or arguments
  130  interrupted by SIGINT or SIGTERM`

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
		Long:  "pprof shows what a running zferry is doing: a daemon, or any command that was started with --debug-listen.\n\n" + pprofHelp,
		Args:  noArguments,
		RunE:  showHelp,
		Example: `  zferry pprof active                                  what does the daemon do, since when, and what did it log last?
  zferry pprof flight --last 5m -o last.json           what led to it, for chrome://tracing and ui.perfetto.dev
  zferry pprof capture --time 10s -o next.pftrace unix:/run/backup.sock
  zferry pprof activity-trace localhost:6060 >live.json     what comes, until Ctrl-C; can be loaded wherever it is cut
  zferry pprof profile --time 30s -o time.pb.gz        where the time goes, for go tool pprof`,
	}
	examples := make(map[string]string) // of the parent's, those of each
	for line := range strings.Lines(parent.Example) {
		examples[strings.Fields(line)[2]] += line
	}
	add := func(use, short, long string, page func() (path string, query url.Values)) *cobra.Command {
		cmd := &cobra.Command{
			Use: use + " [flags] [ADDR]", Short: short, Long: use + " " + long + "\n\n" + pprofHelp, Example: strings.TrimSuffix(examples[use], "\n"),
			Args: atMostOne("ADDR"), ValidArgsFunction: cobra.NoFileCompletions,
			RunE: func(cmd *cobra.Command, args []string) error {
				addr := "unix:" + daemon.SocketPath("")
				if len(args) == 1 {
					addr = args[0]
				}
				path, query := page()
				return fail(c.get(cmd.Context(), addr, path, query))
			},
		}
		cmd.Flags().StringVarP(&c.output, "output", "o", "-", "write to `FILE`; - is standard output")
		parent.AddCommand(cmd)
		return cmd
	}
	active := add("active", "Show what is open now, also what hangs",
		"shows the tasks and spans that are open now, with their ages, their last log lines, and the state of their processes.", func() (string, url.Values) {
			return "active", url.Values{"format": {map[bool]string{true: "json", false: "text"}[c.json]}}
		})
	active.Flags().BoolVar(&c.json, "json", false, "as JSON")
	live := add("activity-trace", "Write a live trace, until Ctrl-C",
		"writes a trace, from what is open now on, as it comes, until Ctrl-C. A FILE can be loaded at any moment.", func() (string, url.Values) { return "stream", c.query() })
	c.addFormat(live)
	capture := add("capture", "Write a trace of the next seconds", "writes a trace of what happens from now on, for a while.", func() (string, url.Values) {
		q := c.query()
		q.Set("seconds", seconds(c.time))
		return "capture", q
	})
	c.addFormat(capture)
	capture.Flags().DurationVar(&c.time, "time", 5*time.Second, "for this `TIME`")
	flight := add("flight", "Write a trace of what happened last",
		"writes a trace of what happened until now, as far as zferry remembers it: its flight recorder is always on.", func() (string, url.Values) {
			q := c.query()
			if c.last > 0 {
				q.Set("last", c.last.String())
			}
			return "flight", q
		})
	c.addFormat(flight)
	flight.Flags().DurationVar(&c.last, "last", 0, "of this `TIME`, such as 5m; 0 is all that there is")
	profile := add("profile", "Write a profile of where time goes, for go tool pprof",
		"writes a profile of the time that tasks and spans take, whether they compute or wait, for go tool pprof.", func() (string, url.Values) {
			return "profile", url.Values{"seconds": {seconds(c.time)}}
		})
	profile.Flags().DurationVar(&c.time, "time", 30*time.Second, "for this `TIME`")
	return parent
}

func (c *pprofCommand) addFormat(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.format, "format", "", "in the `FORMAT` chrome or perfetto; by default that of the name of --output, or else chrome")
	completeFlag(cmd, "format", "chrome", "perfetto")
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
func (c *pprofCommand) get(ctx context.Context, addr, page string, query url.Values) error {
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
	live := page == "stream"
	err = c.write(ctx, response.Body, live)
	if live && ctx.Err() != nil {
		return nil // that is how it ends
	}
	return err
}

// write copies a body to the output. It doesn't wait for the reader of a named pipe, or for a slow one, if ctx ends.
func (c *pprofCommand) write(ctx context.Context, body io.Reader, live bool) error {
	if c.output == "-" {
		_, err := io.Copy(c.stdout, body)
		return err
	}
	file := &outfile.File{Name: c.output, Mode: 0o600} // traces tell of names and commands
	err := interruptible(ctx, func() error {
		if live {
			return writeLive(file, body)
		}
		return file.Fill(func(w io.Writer) error {
			_, err := io.Copy(w, body)
			return err
		})
	})
	if err != nil {
		file.Discard()
	}
	return err
}

// liveFile is a file that can be read while it is written: it has its name as soon as there is something in it.
type liveFile struct{ *outfile.File }

func (f liveFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if err == nil {
		err = f.Commit()
	}
	return n, err
}

func writeLive(file *outfile.File, body io.Reader) error {
	if err := file.Create(); err != nil {
		return err
	}
	_, err := io.Copy(liveFile{file}, body)
	return errors.Join(err, file.Close())
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
