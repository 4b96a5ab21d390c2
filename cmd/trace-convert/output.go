package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/internal/outfile"
)

// output is where the result goes: standard output, or a file that gets its name when it is complete.
type output struct {
	outfile.File
	stdout io.Writer
}

func newOutput(name string, stdout io.Writer) *output {
	return &output{File: outfile.File{Name: name}, stdout: stdout}
}

// write calls produce with a writer to the output. If produce fails there is no file afterwards, or the old one.
func (o *output) write(produce func(io.Writer) error) error {
	if o.Name != "-" {
		return o.Fill(produce)
	}
	b := bufio.NewWriterSize(&named{o.stdout}, 256<<10)
	if err := produce(b); err != nil {
		return err
	}
	return b.Flush()
}

// named gives errors of standard output its name.
type named struct{ io.Writer }

func (w *named) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = fmt.Errorf("write standard output: %w", withoutPath(err))
	}
	return n, err
}
