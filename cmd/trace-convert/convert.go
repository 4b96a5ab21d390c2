package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/spanstack/spanstack/internal/bytesize"
	"github.com/spanstack/spanstack/internal/terminal"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/gotrace"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// conversion is what one command line asks for.
type conversion struct {
	std     streams
	summary bool
	to      string
	output  string

	lossy               lossy
	losses              int64         // things that were lost so far
	goStates, goMetrics bool          // of Go's execution traces
	memory              bytesize.Size // what may be held of the trace
	bounded             bool          // by memory

	filter filterFlags

	align   alignBy
	moves   []string      // offsets of inputs, as they were given
	offsets map[int]int64 // the same, in ns, by input
	names   []string      // of the inputs that were opened

	format *tracefmt.Format
	rest   *source // of the only input, if it is converted as a stream
	trace  timeline.Timeline
	partly bool // an input could be read only in part
}

var (
	errInterrupted = errors.New("interrupted")
	errNothing     = errors.New("nothing found")
)

// run converts the inputs and returns the exit code.
func (c *conversion) run(ctx context.Context, inputs []string) (code int, err error) {
	if err := c.check(&inputs); err != nil {
		return exitUsage, err
	}
	return c.do(ctx, func(out *output) error { return c.convert(ctx, inputs, out) })
}

// do works on the output and returns the exit code. If ctx is cancelled it returns at once, even if an input blocks.
func (c *conversion) do(ctx context.Context, work func(*output) error) (code int, err error) {
	out := newOutput(c.output, c.std.out)
	done := make(chan error, 1)
	go func() {
		c.begin()
		defer c.trace.Close()
		done <- onDisk(work(out))
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = errInterrupted
	}
	if err != nil && ctx.Err() != nil {
		err = errInterrupted // the conversion may notice first
	}
	if err != nil {
		out.Discard()
		if err == errNothing {
			return c.exitOr(exitNothing), nil
		}
		return exitFailed, err
	}
	return c.exitOr(exitOK), nil
}

// exitOr returns an exit code, unless inputs could be read only in part.
func (c *conversion) exitOr(code int) int {
	if c.partly {
		return exitPartly
	}
	return code
}

// check settles what the command line leaves open.
func (c *conversion) check(inputs *[]string) error {
	if err := c.checkInputs(inputs); err != nil {
		return err
	}
	if err := c.filter.check(); err != nil {
		return err
	}
	switch {
	case c.summary && c.to != "":
		return usageError{errors.New("--summary and --to exclude each other")}
	case c.output == "":
		return usageError{errors.New("--output needs a name")}
	case c.summary:
		return nil
	case c.to != "":
		c.format = tracefmt.Lookup(c.to)
	case c.output != "-":
		c.format = tracefmt.ByExtension(c.output)
	}
	if c.format == nil && c.to == "" {
		c.format = tracefmt.Lookup("chrome")
	}
	return c.checkFormat(writable())
}

// checkFormat makes sure that there is a format to write.
func (c *conversion) checkFormat(choice []string) error {
	if c.format != nil && c.format.NewWriter != nil {
		return nil
	}
	name := c.to
	if c.format != nil {
		name = c.format.Name
	}
	return failure{usageError{fmt.Errorf("can't write format %q", name)}, "choose from " + strings.Join(choice, ", ")}
}

// checkInputs settles where the input comes from.
func (c *conversion) checkInputs(inputs *[]string) error {
	if len(*inputs) == 0 {
		if terminal.Is(c.std.in) {
			return usageError{errors.New("no input given")}
		}
		*inputs = []string{"-"}
	}
	stdins := 0
	for _, name := range *inputs {
		if name == "-" {
			stdins++
		}
	}
	if stdins > 1 {
		return usageError{errors.New(`standard input ("-") is given more than once`)}
	}
	return nil
}

func (c *conversion) convert(ctx context.Context, inputs []string, out *output) error {
	for i, name := range inputs {
		if err := c.read(ctx, name, len(inputs) == 1); err != nil {
			return err
		}
		if rest := c.rest; rest != nil && i == 0 {
			defer rest.close()
			return out.write(func(w io.Writer) error { return c.stream(ctx, rest, w) })
		}
	}
	c.alignInputs()
	return out.write(func(w io.Writer) error {
		events, failed := c.filter.events(&c.trace)
		write := c.writeTrace
		if c.summary {
			write = c.writeSummary
		}
		if err := write(w, events); err != nil {
			return err
		}
		c.reportFilter()
		return failed()
	})
}

// source is an input that is open.
type source struct {
	*tracefmt.Input
	shown string
	file  io.Closer // nil for standard input
	bar   *progress
	slow  bool // it may wait for more
}

func (s *source) close() {
	s.bar.stop()
	if s.file != nil {
		s.file.Close()
	}
}

// open opens an input and finds out its format.
func (c *conversion) open(ctx context.Context, name string) (*source, error) {
	s := &source{shown: name, slow: true}
	file := c.std.in
	if name == "-" {
		s.shown = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, withoutPath(err))
		}
		file, s.file = f, f
	}
	if f, ok := file.(interface{ Stat() (os.FileInfo, error) }); ok {
		info, err := f.Stat()
		s.slow = err != nil || !info.Mode().IsRegular()
	}
	s.bar = newProgress(c.std.err, s.shown, file)
	in, err := tracefmt.NewReader(&interruptible{ctx, s.bar.reader(file)})
	if err != nil {
		s.close()
		err = fmt.Errorf("read %s: %w", s.shown, withoutPath(err))
		if errors.Is(err, tracefmt.ErrUnknownFormat) {
			return nil, failure{err, `"trace-convert formats" lists what can be read`}
		}
		return nil, err
	}
	process := ""
	if name != "-" {
		process = filepath.Base(name)
	}
	switch r := in.Reader.(type) {
	case *spanlog.Reader:
		r.Process = process
	case *gotrace.Reader:
		r.Process, r.States, r.Metrics = process, c.goStates, c.goMetrics
	}
	s.Input = in
	c.names = append(c.names, s.shown)
	return s, nil
}

// read adds one input to the trace. If that would take more memory than is allowed, and the only input may be
// converted as a stream, it leaves what isn't read in c.rest.
func (c *conversion) read(ctx context.Context, name string, only bool) error {
	s, err := c.open(ctx, name)
	if err != nil {
		return err
	}
	s.bar.start()
	if only && c.streams(s) {
		head, more := newHead(s.Reader, int64(c.memory)/4)
		if more {
			c.rest = s
			s.Reader = head
			return nil
		}
		s.Reader = head
	}
	defer s.close()
	n, err := c.trace.Read(s)
	if err := c.trace.Err(); err != nil {
		return err
	}
	return c.ended(ctx, s, n, "events", err)
}

// ended says how the reading of an input ended, after n items. It returns an error if nothing came of it.
func (c *conversion) ended(ctx context.Context, s *source, n int64, items string, err error) error {
	s.bar.stop()
	if explained, ok := errors.AsType[failure](c.filter.explain(err)); ok {
		return explained
	}
	if err != nil && (n == 0 || ctx.Err() != nil) {
		return failure{fmt.Errorf("read %s: %w", s.shown, detail(err)), hintFor(s.Format, err)}
	}
	c.lost("read "+s.shown, s.Losses())
	if err != nil {
		c.partly = true
		c.say("warning", "read %s: %v", s.shown, detail(err))
		c.say("hint", "what came before that place was read: %d %s", n, items)
	}
	return nil
}

// detail shortens an error to what isn't said already.
func detail(err error) error {
	if syntax, ok := errors.AsType[*tracefmt.SyntaxError](err); ok {
		return &shortSyntax{syntax}
	}
	return withoutPath(err)
}

// shortSyntax words a syntax error for a message that names the file.
type shortSyntax struct{ *tracefmt.SyntaxError }

func (e *shortSyntax) Error() string { return e.Detail() }

func hintFor(f *tracefmt.Format, err error) string {
	if errors.Is(err, spanlog.ErrHuman) {
		return "let the program write JSON or logfmt, as with --log-format=json"
	}
	if _, ok := errors.AsType[*tracefmt.SyntaxError](err); ok {
		return fmt.Sprintf("it looked like format %q (%s)", f.Name, f.Description)
	}
	return ""
}

// withoutPath takes the operation and path, which the message has already, off an error of package os.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func (c *conversion) writeSummary(out io.Writer, events iter.Seq[*tracefmt.Event]) error {
	var sum summary.Summary
	for e := range events {
		sum.Add(e)
	}
	if err := c.trace.Err(); err != nil {
		return err
	}
	sum.Finish()
	c.sayPlacement()
	c.lost("put in order", c.trace.Losses())
	c.lost("sum up", sum.Losses())
	if err := c.complete(); err != nil {
		return err
	}
	return sum.WriteText(out, summary.Style{Colour: c.colour()})
}

func (c *conversion) writeTrace(out io.Writer, events iter.Seq[*tracefmt.Event]) error {
	return c.pack(out, func(out io.Writer) error {
		w := c.limited(c.format.NewWriter(out))
		for e := range events {
			if err := w.Write(e); err != nil {
				return err
			}
		}
		if err := c.trace.Err(); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		c.sayPlacement()
		c.lost("put in order", c.trace.Losses())
		c.lost("write "+c.format.Name, tracefmt.LossesOf(w))
		return c.complete()
	})
}

// pack lets write write to out, packed if the output's name says so.
func (c *conversion) pack(out io.Writer, write func(io.Writer) error) error {
	packing := tracefmt.CompressionFor(c.format, c.output)
	if packing == nil {
		return write(out)
	}
	packed := packing.NewWriter(out)
	if err := write(packed); err != nil {
		return err
	}
	return packed.Close()
}

// sayPlacement tells what became of the lines of logs.
func (c *conversion) sayPlacement() {
	p := c.trace.Placement()
	for _, line := range []struct {
		n    int64
		text string
	}{
		{p.Repeated, "log lines that several inputs have, shown once"},
		{p.Around, "log lines on a slice around their own, which isn't in the trace"},
		{p.Nowhere, "log lines of no slice in the trace, on tracks of their own"},
	} {
		if line.n > 0 {
			c.say("info", "%s: %d", line.text, line.n)
		}
	}
}

func (c *conversion) say(what, format string, args ...any) {
	fmt.Fprintf(c.std.err, "trace-convert: %s: %s\n", what, fmt.Sprintf(format, args...))
}

// interruptible is a reader that fails once its context is done.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}
