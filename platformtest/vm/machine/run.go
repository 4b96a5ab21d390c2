package machine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// RunOptions say what a machine is and what it does. Only Payload is needed.
type RunOptions struct {
	// Variant is the ZFS module to load; empty means [Stock].
	Variant Variant

	// Payload is a file tree that the guest sees as /payload, with its permissions: os.DirFS of a directory, for
	// instance. Programs in it must be static, or find their libraries in it; the guest has busybox, the ZFS commands and
	// the libraries of these.
	Payload fs.FS
	// Command is the program to run and its arguments; nil means ./run. It starts in /payload, which is the first
	// directory of its PATH, with /dev/null as input, as root.
	Command []string
	// Env is added to the environment of the command, as NAME=value.
	Env []string

	// Stdout and Stderr receive what the payload writes, as it is written. They may be the same writer; nil discards.
	Stdout, Stderr io.Writer
	// Console receives the guest kernel's messages. Nil discards them, but errors carry the last lines in any case.
	Console io.Writer
	// OutDir is a directory of the host, made if missing, for the files which the payload leaves in the guest's /out.
	// Empty discards them.
	OutDir string
	// MaxOut limits the bytes that are taken from /out; 0 means [DefaultMaxOut].
	MaxOut int64

	// Tools are further programs and kernel modules in the guest, made by this image's Tools; nil for none.
	Tools *Tools

	// Disks are files that the guest has as block devices. They keep what was written to them.
	Disks []Disk
	// CutPower, if not nil, is called with each line that the payload writes to stdout, without its line feed, after
	// Stdout got it, and by one goroutine. When it returns true the machine is killed, as by a power cut, and Run returns
	// a [PowerCutError] when it is dead. The guest runs on while the line is under way to the host.
	CutPower func(line string) bool

	// Port, if not nil, is called when the machine has booted, by a goroutine of its own, with the host's end of a channel whose
	// other end is /dev/host in the guest. The channel is closed when the machine ends; Port has to return then, and Run waits for
	// that. Package forward lets connections through it.
	Port func(io.ReadWriteCloser)

	MemoryMiB int           // 0 means DefaultMemoryMiB
	CPUs      int           // 0 means DefaultCPUs
	Timeout   time.Duration // of the whole run, with the boot; 0 means DefaultTimeout

	// ForceTCG has QEMU emulate the processor even where KVM could be used.
	ForceTCG bool

	expired  <-chan time.Time // in place of the timer of Timeout, in tests
	patience time.Duration    // with a boot; 0 means bootPatience
}

// Values for zero fields of [RunOptions].
const (
	DefaultMemoryMiB = 2048
	DefaultCPUs      = 2
	DefaultTimeout   = 10 * time.Minute
	DefaultMaxOut    = 1 << 30
)

// A Result tells how a payload ended. The durations up to the start are by the guest's clock.
type Result struct {
	ExitCode int           // the payload's; 128+n if signal n ended it, 126 or 127 if it could not be started
	Booted   time.Duration // from the kernel's start to user space
	Started  time.Duration // from the kernel's start to the payload's
	Payload  time.Duration // from the payload's start to its end
	Total    time.Duration // of the whole run, by the host's clock
}

// A PanicError says that the guest's kernel died, of an oops, a failed assertion of ZFS or a panic.
type PanicError struct {
	Reason  string // what the kernel said
	Console string // the last lines of the console
}

func (e *PanicError) Error() string {
	return "run the virtual machine: its kernel died: " + e.Reason + consoleText(e.Console)
}

// A TimeoutError says that a run took longer than allowed. The console then ends with the stacks of the blocked tasks,
// and OutDir has the files that were in /out at that time, if the guest still could send them.
type TimeoutError struct {
	After   time.Duration
	State   string // how far the guest got: "booting", "loading ZFS", "running the payload", "sending its output"
	Console string
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("run the virtual machine: stopped after %v while %s", e.After, e.State) + consoleText(e.Console)
}

// Timeout returns true.
func (e *TimeoutError) Timeout() bool { return true }

// A NoVerdictError says that the machine ended, or never came up, without telling how the payload ended.
type NoVerdictError struct {
	State   string // how far the guest got, as in [TimeoutError]
	QEMU    string // what QEMU wrote to stderr
	Err     error  // how QEMU ended; nil if it exited with 0
	Console string
}

func (e *NoVerdictError) Error() string {
	s := "run the virtual machine: it ended without a verdict while " + e.State
	if e.Err != nil {
		s += fmt.Sprintf(": QEMU: %v", e.Err)
	}
	if e.QEMU != "" {
		s += "\n" + indent(e.QEMU)
	}
	return s + consoleText(e.Console)
}

// Unwrap returns how QEMU ended.
func (e *NoVerdictError) Unwrap() error { return e.Err }

// A GuestError says that the guest could not start the payload: the ZFS modules did not load, or the loaded one is not
// of the variant that was asked for.
type GuestError struct {
	Variant Variant
	Reason  string
	Console string
}

func (e *GuestError) Error() string {
	return fmt.Sprintf("prepare the virtual machine (%s): %s", e.Variant, e.Reason) + consoleText(e.Console)
}

func consoleText(tail string) string {
	if tail == "" {
		return "\nThe console is empty."
	}
	return "\nThe end of its console:\n" + indent(tail)
}

// Run boots a machine, runs a payload in it and returns how the payload ended. A payload that fails is no error of Run:
// see [Result.ExitCode]. The error is a [PanicError], [TimeoutError], [NoVerdictError], [GuestError] or [FilesError] if
// the machine was at fault, a [PowerCutError] if opts.CutPower wanted it, the context's if that ended, or that of a writer
// in opts. With a FilesError the Result is valid.
//
// The machine has no network and keeps nothing but its disks. It ends with the process that called Run, even if that is killed.
func (img *Image) Run(ctx context.Context, opts RunOptions) (Result, error) {
	if err := opts.setDefaults(); err != nil {
		return Result{}, err
	}
	if opts.Payload == nil {
		return Result{}, errors.New("run the virtual machine: no payload")
	}
	if err := checkTools([]string{qemu}); err != nil {
		return Result{}, err
	}
	if err := prepareDisks(opts.Disks); err != nil {
		return Result{}, err
	}
	if opts.OutDir != "" {
		if err := os.MkdirAll(opts.OutDir, 0o755); err != nil {
			return Result{}, err
		}
	}
	script, err := guestCommand(opts.Command, opts.Env)
	if err != nil {
		return Result{}, err
	}
	mark := "@@END " + rand.Text()
	config := guestConfig(opts, mark, false)
	initrd, err := img.writeInitrd(opts, config, script)
	if err != nil {
		return Result{}, err
	}
	defer os.Remove(initrd)
	start := time.Now()
	for boots := 1; ; boots++ {
		s, err := startSession(ctx, img, opts, initrd, mark)
		if err != nil {
			return Result{}, err
		}
		s.start, s.impatient = start, boots < maxBoots
		r, err := s.wait(ctx)
		if err != errNoBoot {
			return r, err
		}
		if opts.Console != nil {
			fmt.Fprintf(opts.Console, "It didn't boot within %v, and is started again.\n", opts.patience)
		}
	}
}

// A boot takes 2 to 4 seconds, or some more if the host is busy. Now and then, one of many hangs in QEMU's emulation of
// several processors, before the kernel has printed anything. Nothing of the run has begun then, so that the machine can
// be started again.
const (
	bootPatience = 75 * time.Second
	maxBoots     = 3 // the last one may take as long as the run
)

var errNoBoot = errors.New("the virtual machine didn't boot")

func (o *RunOptions) setDefaults() error {
	if o.Variant == "" {
		o.Variant = Stock
	}
	if _, err := ParseVariant(string(o.Variant)); err != nil {
		return err
	}
	if o.Command == nil {
		o.Command = []string{"./run"}
	}
	if o.MemoryMiB == 0 {
		o.MemoryMiB = DefaultMemoryMiB
	}
	if o.CPUs == 0 {
		o.CPUs = DefaultCPUs
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.patience == 0 {
		o.patience = bootPatience
	}
	if o.MaxOut == 0 {
		o.MaxOut = DefaultMaxOut
	}
	if o.MemoryMiB < 0 || o.CPUs < 0 || o.Timeout < 0 || o.MaxOut < 0 {
		return errors.New("run the virtual machine: memory, CPUs, timeout and limits can't be negative")
	}
	return nil
}
