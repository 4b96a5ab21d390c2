// Gentrace writes a large trace to standard output, in the format of the name that it is told:
//
//	go run ./viewer/internal/gentrace/gentrace -spans 10000000 -tasks 1000 >10m.pftrace
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
	"github.com/spanstack/spanstack/viewer/internal/gentrace"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "gentrace: error: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	var config gentrace.Config
	flag.IntVar(&config.Spans, "spans", 10_000_000, "how many spans")
	flag.IntVar(&config.Tasks, "tasks", 1000, "in how many tasks")
	flag.BoolVar(&config.Plain, "plain", false, "names and times only")
	name := flag.String("format", "perfetto", "in which format")
	flag.Parse()
	f := tracefmt.Lookup(*name)
	if f == nil || f.NewWriter == nil {
		return fmt.Errorf("format %q: there is none that is written", *name)
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	w := f.NewWriter(out)
	if _, err := tracefmt.Copy(w, gentrace.NewReader(config)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return out.Flush()
}
