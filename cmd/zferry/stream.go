package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/spanstack/spanstack/internal/terminal"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

const streamExitCodesHelp = `Exit codes:
    0  whole and right
    1  damaged or truncated, or it could not be read; the message says where
    2  wrong flags or arguments
  130  interrupted by SIGINT or SIGTERM`

func newStream() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "Check and explain streams of zfs send, and resume tokens",
		Long: `stream reads what zfs send writes: in files, or on its way through a pipe. It needs no ZFS.

` + streamExitCodesHelp,
		Example: `  zferry stream verify tank.zsend                       is this backup any good?
  zferry stream stat tank.zsend                         what is in it?
  zferry stream token 1-a0615f801-b8-789c6360...        what was an interrupted receive about?`,
		Args: noArguments,
		RunE: showHelp,
	}
	cmd.AddCommand(newStreamVerify(), newStreamStat(), newStreamToken())
	return cmd
}

// streamVerify is "zferry stream verify".
type streamVerify struct {
	pass, quiet    bool
	stdin          io.Reader
	stdout, stderr io.Writer
}

func newStreamVerify() *cobra.Command {
	c := &streamVerify{}
	cmd := &cobra.Command{
		Use:   "verify [flags] [FILE...]",
		Short: "Check that streams are whole and undamaged",
		Long: `verify checks all checksums and the structure of streams, and that they have an end. FILE is a file as zfs send wrote it,
or - for the standard input, which is also read if there is no FILE.

With --pass it is a filter: the stream goes on to the standard output, but its last record, which makes zfs receive commit
the snapshot, is held back until the input has ended and all was right. If not, the receiver sees a stream that breaks off.
In a package of several snapshots, each one but the last of all is committed as its successor begins: only the last is held back.
Whether zfs send has failed is not known to a filter: have the shell look at that, too (set -o pipefail).

zfs send ends a package as usual even if it has failed to send some of its datasets. A package that holds fewer datasets than it
lists is whole and right, but a note on the standard error says so. One that lists datasets and holds none is refused.

` + streamExitCodesHelp,
		Example: `  zferry stream verify tank.zsend                       is this backup any good?
  zferry stream verify /backup/*.zsend                  are these?
  zfs send tank/home@mon | zferry stream verify --pass | ssh host zfs receive backup/home`,
		RunE: func(cmd *cobra.Command, files []string) error {
			c.stdin, c.stdout, c.stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			if len(files) == 0 {
				files = []string{"-"}
			}
			if err := c.validate(files); err != nil {
				return fmt.Errorf("stream verify: %w", err)
			}
			return fail(interruptible(cmd.Context(), func() error { return c.run(cmd.Context(), files) }))
		},
	}
	cmd.Flags().BoolVar(&c.pass, "pass", false, "write the stream to the standard output; its end only if all is right")
	cmd.Flags().BoolVarP(&c.quiet, "quiet", "q", false, "say nothing of streams that are right, but for notes, and show no progress")
	return cmd
}

func (c *streamVerify) validate(files []string) error {
	fromStdin := 0
	for _, name := range files {
		if name == "-" {
			fromStdin++
		}
	}
	switch {
	case c.pass && len(files) != 1:
		return fmt.Errorf("--pass takes one stream, got %d", len(files))
	case c.pass && terminal.Is(c.stdout):
		return errors.New("--pass would write a stream to a terminal: redirect the standard output")
	case fromStdin > 1:
		return errors.New("the standard input can be read only once")
	case fromStdin == 1 && isTerminal(c.stdin):
		return errors.New("the standard input is a terminal: name a FILE, or redirect it")
	}
	return nil
}

func (c *streamVerify) run(ctx context.Context, files []string) (err error) {
	for _, name := range files {
		if ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		stats, fileErr := c.verify(name)
		if fileErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, fileErr))
			continue
		}
		if stats.Missing > 0 {
			fmt.Fprintf(c.stderr, "zferry: note: %s: %s\n", name, lacks(&stats))
		}
		if c.quiet || c.pass {
			continue
		}
		if _, outErr := fmt.Fprintf(c.stdout, "%s: %s, %s, whole and right\n", name, describe(&stats), byteCount(stats.Bytes)); outErr != nil {
			return errors.Join(err, outErr)
		}
	}
	return err
}

func (c *streamVerify) verify(name string) (zstream.Stats, error) {
	in, size, err := openStream(c.stdin, name)
	if err != nil {
		return zstream.Stats{}, err
	}
	defer in.Close()
	progress := c.stderr
	if c.quiet {
		progress = io.Discard
	}
	var v zstream.Verifier
	if !c.pass {
		err = copyStream(&v, in, size, name, progress)
		if err == nil {
			err = v.Close()
		}
		return v.Stats(), err
	}
	f := &filter{verifier: &v, out: c.stdout}
	if err = copyStream(f, in, size, name, progress); err == nil {
		err = f.Close()
	}
	return v.Stats(), err
}

// filter hands a stream on as far as the verifier says that it is safe.
type filter struct {
	verifier *zstream.Verifier
	out      io.Writer
	passed   int64
	held     []byte // what follows the passed bytes: at most a few headers
}

func (f *filter) Write(p []byte) (int, error) {
	if n, err := f.verifier.Write(p); err != nil {
		return n, err
	}
	return len(p), f.pass(p)
}

// pass writes what is safe of the held bytes and p, and holds the rest.
func (f *filter) pass(p []byte) error {
	safe := f.verifier.Safe() - f.passed
	fromHeld := min(safe, int64(len(f.held)))
	fromNew := safe - fromHeld
	for _, part := range [][]byte{f.held[:fromHeld], p[:fromNew]} {
		if len(part) == 0 {
			continue
		}
		if _, err := f.out.Write(part); err != nil {
			return err
		}
	}
	f.passed += safe
	f.held = append(f.held[:copy(f.held, f.held[fromHeld:])], p[fromNew:]...)
	return nil
}

// Close hands on the end, if the stream is right.
func (f *filter) Close() error {
	if err := f.verifier.Close(); err != nil {
		return err
	}
	return f.pass(nil)
}

// describe says in a few words what a stream is.
func describe(s *zstream.Stats) string {
	kind := "full stream of " + s.Last.ToName
	switch {
	case s.First.Compound:
		streams := "streams"
		if s.Substreams == 1 {
			streams = "stream"
		}
		kind = fmt.Sprintf("package of %d %s to %s", s.Substreams, streams, s.First.ToName)
	case s.First.FromGUID != 0:
		kind = "incremental stream to " + s.Last.ToName
	}
	if s.All.Has(zstream.FeatureRaw) {
		kind = "raw " + kind
	}
	return kind
}

// lacks says what a package lists and doesn't hold.
func lacks(s *zstream.Stats) string {
	_, snapshot, _ := strings.Cut(s.First.ToName, "@")
	return fmt.Sprintf("the package lists snapshot %s of %s, and holds that of %d: zfs send may have failed to send the others",
		snapshot, datasets(s.Listed), s.Listed-s.Missing)
}

func datasets(n int) string {
	if n == 1 {
		return "1 dataset"
	}
	return fmt.Sprint(n, " datasets")
}

// openStream opens a file, or takes the standard input. The size is 0 if it isn't known.
func openStream(stdin io.Reader, name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(stdin), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, unwrapPath(err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("is a directory")
	}
	if err != nil {
		f.Close()
		return nil, 0, unwrapPath(err)
	}
	if !info.Mode().IsRegular() {
		return f, 0, nil
	}
	return f, info.Size(), nil
}

// unwrapPath leaves out the path of an error, since the caller has said it.
func unwrapPath(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// copyStream copies all of a stream, and shows on a terminal how far it is.
func copyStream(w io.Writer, r io.Reader, size int64, name string, stderr io.Writer) error {
	if terminal.Is(stderr) {
		progress := mpb.New(mpb.WithOutput(stderr), mpb.WithWidth(20))
		title := mpb.PrependDecorators(decor.Name(name + " "))
		speed := decor.AverageSpeed(decor.SizeB1024(0), "% .1f, ")
		var bar *mpb.Bar
		if size > 0 {
			bar = progress.AddBar(size, title,
				mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f, "), speed, decor.AverageETA(decor.ET_STYLE_GO)))
		} else {
			bar = progress.AddSpinner(0, title,
				mpb.AppendDecorators(decor.CurrentKibiByte("% .1f, "), speed, decor.Elapsed(decor.ET_STYLE_GO)))
		}
		r = &counted{Reader: r, bar: bar}
		defer progress.Wait()
		defer bar.Abort(true)
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, make([]byte, 1<<20))
	return err
}

// counted moves a progress bar.
type counted struct {
	io.Reader
	bar *mpb.Bar
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bar.IncrBy(n)
	return n, err
}

// interruptible runs f and doesn't wait for it if the context ends: it may hang in a read that nothing but the end of the
// process ends. What was interrupted has failed, even if it came to an end at that moment.
func interruptible(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(err, cause)
	}
	return err
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && terminal.Is(f)
}
