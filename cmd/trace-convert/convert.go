package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spanstack/spanstack/internal/terminal"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// conversion is what one command line asks for.
type conversion struct {
	std     streams
	summary bool
	to      string
	output  string

	format *tracefmt.Format
	trace  timeline.Timeline
	partly bool // an input could be read only in part
}

var errInterrupted = errors.New("interrupted")

// run converts the inputs and returns the exit code. If ctx is cancelled it returns at once, even if an input blocks.
func (c *conversion) run(ctx context.Context, inputs []string) (code int, err error) {
	if err := c.check(&inputs); err != nil {
		return exitUsage, err
	}
	out := newOutput(c.output, c.std.out)
	done := make(chan error, 1)
	go func() { done <- c.convert(ctx, inputs, out) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = errInterrupted
	}
	if err != nil && ctx.Err() != nil {
		err = errInterrupted // the conversion may notice first
	}
	if err != nil {
		out.discard()
		return exitFailed, err
	}
	if c.partly {
		return exitPartly, nil
	}
	return exitOK, nil
}

// check settles what the command line leaves open.
func (c *conversion) check(inputs *[]string) error {
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
	switch {
	case stdins > 1:
		return usageError{errors.New(`standard input ("-") is given more than once`)}
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
	if c.format == nil || c.format.NewWriter == nil {
		err := usageError{fmt.Errorf("can't write format %q", c.to)}
		return failure{err, "choose from " + strings.Join(writable(), ", ")}
	}
	return nil
}

func (c *conversion) convert(ctx context.Context, inputs []string, out *output) error {
	for _, name := range inputs {
		if err := c.read(ctx, name); err != nil {
			return err
		}
	}
	if !c.trace.Aligned() {
		c.say("warning", "the inputs don't all say what the wall clock was, so their times are left as they are and don't correspond")
	}
	return out.write(func(w io.Writer) error {
		if c.summary {
			return c.writeSummary(w)
		}
		return c.writeTrace(w)
	})
}

// read adds one input to the trace.
func (c *conversion) read(ctx context.Context, name string) error {
	shown := name
	var file io.Reader = c.std.in
	if name == "-" {
		shown = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, withoutPath(err))
		}
		defer f.Close()
		file = f
	}
	bar := newProgress(c.std.err, shown, file)
	defer bar.stop()
	in, err := tracefmt.NewReader(&interruptible{ctx, bar.reader(file)})
	if err != nil {
		err = fmt.Errorf("read %s: %w", shown, withoutPath(err))
		if errors.Is(err, tracefmt.ErrUnknownFormat) {
			return failure{err, `"trace-convert formats" lists what can be read`}
		}
		return err
	}
	n, err := c.trace.Read(in)
	bar.stop()
	if err != nil && (n == 0 || ctx.Err() != nil) {
		return failure{fmt.Errorf("read %s: %w", shown, detail(err)), hintFor(in.Format, err)}
	}
	for _, loss := range in.Losses() {
		c.say("lost", "read %s: %v", shown, loss)
	}
	if err != nil {
		c.partly = true
		c.say("warning", "read %s: %v", shown, detail(err))
		c.say("hint", "what came before that place was read: %d events", n)
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

func (c *conversion) writeSummary(out io.Writer) error {
	var sum summary.Summary
	for e := range c.trace.Events() {
		sum.Add(e)
	}
	sum.Finish()
	c.sayLosses(c.trace.Losses())
	c.sayLosses(sum.Losses())
	colour := c.output == "-" && terminal.Is(c.std.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return sum.WriteText(out, summary.Style{Colour: colour})
}

func (c *conversion) writeTrace(out io.Writer) error {
	var packed *gzip.Writer
	if strings.HasSuffix(c.output, ".gz") {
		packed = gzip.NewWriter(out)
		out = packed
	}
	w := c.format.NewWriter(out)
	if _, err := c.trace.WriteTo(w); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	c.sayLosses(c.trace.Losses())
	c.sayLosses(tracefmt.LossesOf(w))
	if packed != nil {
		return packed.Close()
	}
	return nil
}

func (c *conversion) sayLosses(losses []tracefmt.Loss) {
	for _, loss := range losses {
		c.say("lost", "%v", loss)
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
