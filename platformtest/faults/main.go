package main

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// Exit codes.
const (
	exitProblems    = 1   // something was found that should not be
	exitUsage       = 2   // wrong flags
	exitFailed      = 3   // the harness or the machine failed
	exitInterrupted = 130 // Ctrl-C
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// exitError ends the program with a code.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string { return e.cause.Error() }
func (e *exitError) Unwrap() error { return e.cause }

// run is the program, without its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newCommand(stdout, stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := exitUsage // cobra's own errors are about the command line
	if e, ok := errors.AsType[*exitError](err); ok {
		code = e.code
	}
	if ctx.Err() != nil {
		code = exitInterrupted
	}
	fmt.Fprintf(stderr, "faults: error: %v\n", err)
	return code
}

// options are what the flags say.
type options struct {
	zfs        string
	line       string
	variant    string
	injections int
	powerCuts  int
	seed       uint64
	first      int
	only       []string
	limit      time.Duration
	out        string
	poolDir    string
	list       bool
	events     bool
	phase      int // of the power cuts: which boot of the machine this is, from 1
}

func newCommand(stdout, stderr io.Writer) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "faults [flags]",
		Short: "Inject faults into replications on a real OpenZFS",
		Long: `faults replicates a tree of datasets from one pool to another, again and again, injects a fault into nearly every
attempt, and checks that the contents are equal in the end, that nothing is left behind, and that nothing is gone that
isn't the replication's. Then it cuts the power in the middle of a receive, and goes on after the reboot.

It writes a report to --out: report.md for people, report.json for programs. They tell of each fault what was injected
where, what package zfssend said, and how it was recovered. The report is also written if the machine dies.

It runs in the virtual machine of platformtest/vm, for which it builds itself: it has to be started in a directory of the
module. With --zfs host it runs on this host's own ZFS, as root, in two pools
of its own that live in files and are destroyed at the end; without power cuts, of course.

Exit codes: 0 all was as it should be; 1 problems were found; 2 wrong usage; 3 the harness or the machine failed;
130 interrupted. Note that "go run" itself makes 1 of every failure.`,
		Example: `  go run ./platformtest/faults
  go run ./platformtest/faults --injections 500 --line 2.3 --out faults-2.3
  go run ./platformtest/faults --seed 7 --fault flip --fault device-lost --power-cuts 0
  go run ./platformtest/faults --list`,
		Args: cobra.NoArgs, Version: version(), SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.list {
				return listFaults(stdout)
			}
			if err := o.check(); err != nil {
				return err
			}
			if !cmd.Flags().Changed("seed") {
				o.seed = randomSeed()
			}
			return o.start(cmd.Context(), stdout, stderr)
		},
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVarP(&o.injections, "injections", "n", 40, "how many faults to inject, at least")
	f.IntVar(&o.powerCuts, "power-cuts", 1, "how often to cut the power")
	f.Uint64Var(&o.seed, "seed", 0, "decides what is injected where (default: a random one, which the report tells)")
	f.StringArrayVar(&o.only, "fault", nil, "inject only this one; may be repeated")
	f.IntVar(&o.first, "campaign", 1, "number of the first campaign; to repeat one, give its --injections too, which the report tells")
	f.DurationVar(&o.limit, "time", 0, "begin no campaign after this time (default: no limit)")
	f.StringVar(&o.out, "out", "faults-report", "directory for the report")
	f.StringVar(&o.zfs, "zfs", "vm", "where: vm or host")
	f.StringVar(&o.line, "line", machine.DefaultLine, "release line of ZFS in the virtual machine: "+strings.Join(machine.Lines(), ", "))
	f.StringVar(&o.variant, "variant", string(machine.TaskQ), "ZFS module in the virtual machine: stock or taskq")
	f.StringVar(&o.poolDir, "pool-dir", "", "directory for the pools' files, 1 GiB, with --zfs host")
	f.BoolVar(&o.list, "list", false, "list the faults")
	f.BoolVar(&o.events, "events", false, "write events as lines of JSON to stdout instead of a report")
	f.IntVar(&o.phase, "phase", 0, "which boot it is of a machine whose power is cut")
	for _, hidden := range []string{"events", "phase"} { // for itself, in the virtual machine
		if err := f.MarkHidden(hidden); err != nil {
			panic(err)
		}
	}
	return cmd
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func (o *options) check() error {
	switch {
	case o.zfs != "vm" && o.zfs != "host":
		return fmt.Errorf("--zfs %s: want vm or host", o.zfs)
	case o.zfs == "host" && o.poolDir == "" && o.phase == 0:
		return errors.New("--zfs host needs --pool-dir, a directory with 1 GiB of space for the pools' files")
	case o.zfs == "host" && os.Geteuid() != 0:
		return errors.New("--zfs host makes pools, and must be run as root")
	case o.injections < 0 || o.powerCuts < 0 || o.limit < 0 || o.first < 1:
		return errors.New("numbers can't be negative, and campaigns are counted from 1")
	case o.powerCuts > maxPowerCuts:
		return fmt.Errorf("--power-cuts %d: want at most %d, one in each step of a campaign", o.powerCuts, maxPowerCuts)
	case o.injections == 0 && o.powerCuts == 0:
		return errors.New("no injections and no power cuts: nothing to do")
	}
	if _, err := machine.ParseVariant(o.variant); err != nil {
		return fmt.Errorf("--variant: %w", err)
	}
	for _, name := range o.only {
		if lookUp(name) == nil {
			return fmt.Errorf("--fault %s: there is no such fault; see --list", name)
		}
	}
	return nil
}

func randomSeed() uint64 {
	var seed [4]byte // short enough to be typed
	crand.Read(seed[:])
	return uint64(binary.LittleEndian.Uint32(seed[:]))
}

func listFaults(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range faults {
		fmt.Fprintf(t, "%s\t%s\t-> %s\n", f.name, f.does, f.sees)
	}
	return t.Flush()
}

// start starts the harness, here or in a virtual machine, and reports what it tells.
func (o *options) start(ctx context.Context, stdout, stderr io.Writer) error {
	if o.events {
		return failed3(o.inject(ctx, writeEvents(stdout)))
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return failed3(err)
	}
	r := newReport(o, stderr)
	var err error
	if o.zfs == "host" {
		err = o.inject(ctx, r.add)
	} else {
		err = o.startMachines(ctx, r, stderr)
	}
	r.progress.done()
	if err != nil {
		r.Failure = err.Error()
	}
	r.finish()
	if werr := r.write(o.out); werr != nil {
		return failed3(errors.Join(err, werr))
	}
	fmt.Fprintln(stdout, r.verdict())
	fmt.Fprintf(stdout, "The report: %s\n", filepath.Join(o.out, "report.md"))
	if err != nil {
		return failed3(err)
	}
	if len(r.Problems) > 0 {
		first := r.Problems[0]
		return &exitError{exitProblems, fmt.Errorf("%d problems were found; the first: %s: %s", len(r.Problems), first.place, first.Text)}
	}
	return nil
}

func failed3(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFailed, err}
}

// inject runs the harness on this host's ZFS.
func (o *options) inject(ctx context.Context, emit func(event)) (err error) {
	markDescendants()
	emit(event{Environment: whereWeAre()})
	if o.phase > 0 {
		return o.powerCutPhase(ctx, emit)
	}
	dir, err := os.MkdirTemp(o.poolDir, "spanstack-faults-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p, err := newPools(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.destroy(context.WithoutCancel(ctx))) }()
	h := &harness{seed: o.seed, wanted: o.injections, only: o.only, first: o.first, pools: p, emit: emit}
	if o.limit > 0 {
		h.deadline = time.Now().Add(o.limit)
	}
	return h.run(ctx)
}

func whereWeAre() *environment {
	e := &environment{Module: "stock"}
	for file, field := range map[string]*string{"/sys/module/zfs/version": &e.ZFS, "/proc/sys/kernel/osrelease": &e.Kernel} {
		text, _ := os.ReadFile(file)
		*field = string(bytes.TrimSpace(text))
	}
	// On a stock module, the compiler inlines it.
	if symbols, _ := os.ReadFile("/proc/kallsyms"); bytes.Contains(symbols, []byte(" dump_bytes_cb\t")) {
		e.Module = "taskq"
	}
	return e
}
