package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// Exit codes of the command itself. Those of a payload are passed on as they are.
const (
	exitFailure     = 1   // build, path, deps, clean and shell
	exitUsage       = 2   // wrong flags or arguments
	exitPowerCut    = 123 // run: --cut-power ended it
	exitTimeout     = 124 // run: the payload took too long, as in timeout(1)
	exitMachine     = 125 // run: the machine failed, or could not be built
	exitInterrupted = 130 // Ctrl-C
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// exitError ends the program with a code. A nil cause has been told already, by the payload itself.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string { return fmt.Sprint(e.cause) }
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
		code, err = e.code, e.cause
	}
	if ctx.Err() != nil {
		code, err = exitInterrupted, errors.New("interrupted")
	}
	if err != nil {
		fmt.Fprintf(stderr, "vm: error: %v\n", err)
	}
	return code
}

func newCommand(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "vm",
		Short: "Run programs on a real OpenZFS kernel, in a virtual machine",
		Long: `vm builds a small virtual machine with a real OpenZFS kernel module and runs programs in it.

The machine is made of Debian 12's kernel and ZFS sources, once, in about 3 minutes on 2 cores. It is kept in
$XDG_CACHE_HOME/spanstack/vm (or ~/.cache/spanstack/vm), named after the kernel, the ZFS version and the recipe that
built it. There is one for each release line of ZFS: 2.1, the usual one, is Debian 12's own; 2.3 and 2.4 come from
Debian's backports ("--line 2.4"). Building one needs none of the others. A cached machine is used as it is, without a network; "vm build --refresh" looks for newer packages, and a
changed recipe builds anew. Nothing on this host is changed outside that directory. "vm deps" lists the Debian packages
which must be installed.

A run boots in 2 to 4 seconds under QEMU's emulation, or with KVM where an Intel or AMD processor backs it. The guest
has busybox, the ZFS commands, zinject, dmsetup, sudo, 2 processors, 2 GiB of memory and no network. It keeps nothing but
what is on the disks that "run --disk" gives it.

There are two variants of the ZFS module: stock, and taskq, which lets sends go through a kernel task queue, so that
SIGKILL can't end one that is blocked on a full pipe (openzfs#12500). A run checks that it got the one it asked for.

Exit codes: 0 done; 1 failed; 2 wrong usage; 130 interrupted. Those of "run" are in its help. Note that "go run" itself
makes 1 of every failure; a built program (go build -o bin/vm ./platformtest/vm) shows the codes.`,
		Example: `  go run ./platformtest/vm run ./hello.sh
  CGO_ENABLED=0 go test -c -o payload/run ./zfssend && go run ./platformtest/vm run --variant taskq payload -- -test.v
  go run ./platformtest/vm run --line 2.4 --disk /tmp/pool.img,2G ./hello.sh
  apt-get install --no-install-recommends $(go run ./platformtest/vm deps)`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		Version:       version(),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	var cacheDir string
	root.PersistentFlags().StringVar(&cacheDir, "cache", "", "directory of built machines (default $XDG_CACHE_HOME/spanstack/vm)")
	env := &environment{stdout: stdout, stderr: stderr, cacheDir: &cacheDir}
	root.AddCommand(newBuild(env), newRun(env), newShell(env), newPath(env), newDeps(env), newClean(env))
	return root
}

// version names the program's module version and the recipe, which decides what is built, of the default line.
func version() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	id, err := machine.RecipeID(machine.DefaultLine)
	if err != nil {
		panic(err) // the default is one of the lines
	}
	return v + ", recipe " + id
}

// environment is what the subcommands share.
type environment struct {
	stdout, stderr io.Writer
	cacheDir       *string
}

// image returns the machine of a line, which it builds if need be, with progress on stderr.
func (e *environment) image(ctx context.Context, line string, refresh bool) (*machine.Image, error) {
	return machine.Build(ctx, machine.BuildOptions{Line: line, CacheDir: *e.cacheDir, Refresh: refresh,
		Progress: machine.NewProgress(e.stderr)})
}

// lineFlag is the flag --line.
type lineFlag string

func addLineFlag(cmd *cobra.Command) *lineFlag {
	l := lineFlag(machine.DefaultLine)
	cmd.Flags().Var(&l, "line", "release line of ZFS: "+strings.Join(machine.Lines(), ", "))
	return &l
}

func (l *lineFlag) String() string { return string(*l) }
func (l *lineFlag) Type() string   { return "string" }

func (l *lineFlag) Set(name string) error {
	line, err := machine.ParseLine(name)
	*l = lineFlag(line)
	return err
}

// failed turns an error of a subcommand's work into its exit code.
func failed(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code, err}
}
