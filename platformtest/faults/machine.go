package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// startMachines runs the harness in a virtual machine, and then the one whose power is cut.
func (o *options) startMachines(ctx context.Context, r *report, stderr io.Writer) error {
	img, err := machine.Build(ctx, machine.BuildOptions{Line: o.line, Progress: machine.NewProgress(stderr)})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "spanstack-faults-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := buildItself(ctx, filepath.Join(dir, "payload", "faults")); err != nil {
		return err
	}
	guest := &guest{img: img, options: o, report: r, payload: os.DirFS(filepath.Join(dir, "payload")), dir: dir}
	if o.injections > 0 {
		limit := o.limit
		if limit == 0 {
			limit = time.Duration(o.injections) * 15 * time.Second // ten times of what a quiet machine needs
		}
		args := []string{"--injections", fmt.Sprint(o.injections), "--campaign", fmt.Sprint(o.first), "--pool-dir", "/tmp"}
		if o.limit > 0 {
			args = append(args, "--time", o.limit.String())
		}
		for _, name := range o.only {
			args = append(args, "--fault", name)
		}
		if err := guest.run(ctx, machine.RunOptions{Timeout: limit + 15*time.Minute}, args...); err != nil {
			return err
		}
	}
	if o.powerCuts > 0 {
		return guest.cutPower(ctx)
	}
	return nil
}

// buildItself builds this program so that it needs no libraries.
func buildItself(ctx context.Context, name string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", name,
		"github.com/spanstack/spanstack/platformtest/faults")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// guest is this program in a virtual machine.
type guest struct {
	img     *machine.Image
	options *options
	report  *report
	payload fs.FS
	dir     string // for its disks
}

// run runs the program with these arguments, and adds the events that it tells to the report.
func (g *guest) run(ctx context.Context, m machine.RunOptions, args ...string) error {
	variant, err := machine.ParseVariant(g.options.variant)
	if err != nil {
		return err
	}
	var other bytes.Buffer // what it says besides
	m.Variant, m.Payload = variant, g.payload
	m.Command = append([]string{"./faults", "--zfs", "host", "--events", "--seed", fmt.Sprint(g.options.seed)}, args...)
	m.Stdout = &eventReader{add: g.report.add, other: &other}
	m.Stderr = &other
	result, err := g.img.Run(ctx, m)
	if err == nil && result.ExitCode != 0 {
		err = fmt.Errorf("the harness exited with %d", result.ExitCode)
	}
	if err != nil && other.Len() > 0 {
		err = fmt.Errorf("%w\n%s", err, bytes.TrimSpace(other.Bytes()))
	}
	return err
}

// eventReader takes the events out of what is written to it.
type eventReader struct {
	add   func(event)
	other io.Writer
	line  []byte
}

func (r *eventReader) Write(p []byte) (int, error) {
	r.line = append(r.line, p...)
	for {
		line, rest, ok := bytes.Cut(r.line, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		r.read(string(line))
		r.line = append(r.line[:0], rest...)
	}
}

func (r *eventReader) read(line string) {
	text, ok := strings.CutPrefix(line, eventPrefix)
	var e event
	if !ok || json.Unmarshal([]byte(text), &e) != nil {
		fmt.Fprintln(r.other, line)
		return
	}
	r.add(e)
}

// isPowerCut reports whether a run ended as it was to.
func isPowerCut(err error) bool {
	_, ok := errors.AsType[*machine.PowerCutError](err)
	return ok
}
