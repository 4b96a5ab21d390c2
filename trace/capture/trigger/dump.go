package trigger

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
)

// formatOf returns the format of files whose names end like this.
func formatOf(ending string) (*tracefmt.Format, error) {
	format := tracefmt.ByExtension("dump" + ending)
	plain := strings.HasPrefix(ending, ".") && !strings.ContainsAny(ending, `/\`)
	if format == nil || format.NewWriter == nil || !plain {
		var known []string
		for _, f := range tracefmt.Formats() {
			if f.NewWriter != nil {
				known = append(known, f.Extensions...)
			}
		}
		return nil, fmt.Errorf("format %q isn't known: want one of %s; others are known if their packages are imported",
			ending, strings.Join(known, ", "))
	}
	return format, nil
}

// dumpIfDue writes a dump if it is time for one.
func (w *Watcher) dumpIfDue() {
	if causes, more, waiters := w.queue.take(false); len(causes) > 0 {
		w.dumpNow(causes, more, waiters)
	}
}

// dumpNow writes a dump, and tells everybody.
func (w *Watcher) dumpNow(causes []Cause, more int, waiters []chan<- result) {
	path, err := w.write(causes, more)
	if err != nil {
		err = fmt.Errorf("dump trace because of %v: %w", causes[0], err)
	} else {
		w.queue.wrote(path)
	}
	for _, to := range waiters {
		to <- result{path, err}
	}
	w.problems.report(err)
	if err == nil {
		w.c.OnDump(Dump{path, causes, more})
	}
}

// write writes a dump to a new file, and deletes old ones to make room for it.
func (w *Watcher) write(causes []Cause, more int) (path string, err error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	defer func() {
		if v := recover(); v != nil { // a format may be anybody's code
			path, err = "", fmt.Errorf("write it as %s: panic: %v", w.format.Name, v)
		}
	}()
	stem := w.folder.stem(causes[0].Trigger)
	marks := marksOf(causes, more)
	var files files
	defer files.discard()
	if w.gotrace != nil {
		marks = append(marks, w.gotrace.mark(w.c.Recorder, stem))
		w.gotrace.problems.report(files.create(&w.folder, stem+goTraceEnding, w.gotrace.writeTo))
	}
	marked := *w.format
	marked.NewWriter = func(out io.Writer) tracefmt.Writer { return newMarker(w.format.NewWriter(out), marks) }
	err = files.create(&w.folder, stem+w.c.Format, func(out io.Writer) error {
		packing := tracefmt.CompressionFor(w.format, w.c.Format)
		if packing == nil {
			return capture.Write(out, &marked, w.c.Recorder)
		}
		z := packing.NewWriter(out)
		return errors.Join(capture.Write(z, &marked, w.c.Recorder), z.Close())
	})
	if err != nil {
		return "", err
	}
	if err := w.folder.makeRoom(files.bytes); err != nil {
		return "", err
	}
	return files.publish()
}

// problems reports errors, but not again and again the same.
type problems struct {
	on func(error)

	mu   sync.Mutex
	last string
}

// report reports an error, unless the last one had the same cause and nothing succeeded since. nil is a success.
func (p *problems) report(err error) {
	text := ""
	if err != nil {
		text = rootOf(err).Error() // without files' names, which change with each dump
	}
	p.mu.Lock()
	again := text == p.last
	p.last = text
	p.mu.Unlock()
	if err != nil && !again {
		p.on(err)
	}
}

// rootOf returns the innermost cause of an error, of several the first.
func rootOf(err error) error {
	for {
		next := errors.Unwrap(err)
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			next = joined.Unwrap()[0]
		}
		if next == nil {
			return err
		}
		err = next
	}
}
