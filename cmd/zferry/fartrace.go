package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spanstack/spanstack/internal/outfile"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/timeline"
	"github.com/spanstack/spanstack/zfssend/remote"
)

// farTraces are the traces of other hosts' agents, which become a part of the trace of this host in the end.
type farTraces struct {
	path string // of this host's trace; "" if there is none to put them into
	list []*farTrace
}

// farTrace is that of one agent.
type farTrace struct {
	name   string
	host   *remote.Host
	file   *os.File // has no name any more
	stop   context.CancelFunc
	copied chan error

	offset, bound time.Duration // of its clock against ours, when it ended
}

// follow records what an agent does from now on. That it may not be seen, or not be kept, is no reason not to work.
func (f *farTraces) follow(ctx context.Context, host *remote.Host, name string) {
	if f == nil || f.path == "" {
		return
	}
	log := logging.GetLogger(ctx, "zferry")
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &farTrace{name: name, host: host, stop: cancel, copied: make(chan error, 1)}
	in, err := host.Trace(ctx)
	if err == nil {
		t.file, err = os.CreateTemp("", "zferry-trace-*")
	}
	if err != nil {
		log.Warn("the other host's part of the trace is missing", "host", name, "error", err)
		cancel()
		return
	}
	_ = os.Remove(t.file.Name())
	f.list = append(f.list, t)
	go func() {
		_, err := io.Copy(t.file, in)
		in.Close()
		t.copied <- err
	}()
}

// end ends the recording: what the agents have done until now comes within settle. It is called before the connections are closed.
func (f *farTraces) end() {
	if f == nil || len(f.list) == 0 {
		return
	}
	time.Sleep(settle)
	for _, t := range f.list {
		t.offset, t.bound = t.host.Clock()
		t.stop()
		<-t.copied // which ends by the cancellation, or because the connection did
	}
}

// merge puts the traces into that of this host, which is complete.
func (f *farTraces) merge(log *slog.Logger) (err error) {
	if f == nil || len(f.list) == 0 {
		return nil
	}
	var all timeline.Timeline
	all.Memory = 64 << 20
	defer all.Close()
	own, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer own.Close()
	if err := readTrace(&all, own); err != nil {
		return fmt.Errorf("trace %s: %w", f.path, err)
	}
	for i, t := range f.list {
		defer t.file.Close()
		if _, err := t.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := readTrace(&all, t.file); err != nil { // it may have been cut by the end of the connection
			log.Warn("the other host's part of the trace isn't whole", "host", t.name, "error", err)
		}
		all.SetOffset(i+1, -int64(t.offset))
		log.Info("the other host's part of the trace was put on this host's clock", "host", t.name, "ahead", t.offset, "bound", t.bound)
	}
	return replaceTrace(f.path, &all)
}

func readTrace(all *timeline.Timeline, r io.Reader) error {
	in, err := tracefmt.NewReader(r)
	if err == nil {
		_, err = all.Read(in)
	}
	return err
}

// replaceTrace writes a trace in the place of another one.
func replaceTrace(path string, all *timeline.Timeline) error {
	plain, packed := strings.CutSuffix(path, ".gz")
	format := tracefmt.ByExtension(plain)
	if format == nil {
		format = tracefmt.Lookup("chrome")
	}
	file := &outfile.File{Name: path, Mode: 0o600}
	return file.Fill(func(out io.Writer) error {
		done := func() error { return nil }
		if packed {
			z := gzip.NewWriter(out)
			out, done = z, z.Close
		}
		w := format.NewWriter(out)
		_, err := all.WriteTo(w)
		return errors.Join(err, w.Close(), done())
	})
}
