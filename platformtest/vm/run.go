package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing/fstest"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/platformtest/vm/machine"
)

// runFlags are the flags of run.
type runFlags struct {
	line    *lineFlag
	variant string
	disks   diskFlag
	tools   *toolsFlags
	cut     string
	out     string
	console string
	env     []string
	memory  int
	cpus    int
	timeout time.Duration
	tcg     bool
	timing  bool
}

func newRun(env *environment) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [flags] PAYLOAD [-- ARGUMENT...]",
		Short: "Run a program in the machine",
		Long: `run boots the machine, runs PAYLOAD in it and exits with its status. What the payload writes appears on stdout and
stderr as it is written.

PAYLOAD is a program (a static binary or a shell script), or a directory whose program "run" is started. The guest has
it as /payload, which is the payload's working directory and the first one of its PATH. Programs that are not
static don't find their libraries there. What the payload leaves in /out is written to --out.

--disk gives the guest a file as a disk that outlives the run: the first is /dev/vda, the second /dev/vdb. A file that
does not exist is made, sparse, with one partition: give /dev/vda1 to "zpool create", and in a later run
"zpool import -f -d /dev/vda1 POOL". --cut-power kills the machine at once when the payload prints that very line; the
disk then is as it would be after a power cut.

--package and --module add programs and kernel modules of Debian to the guest, fetched once. Nothing is configured as an
installation would do it.

Exit codes: the payload's own (128+n if signal n ended it); 123 if --cut-power ended it; 124 if it took longer than --timeout; 125 if the machine
failed: it could not be built, its kernel died, it ended without a verdict, or it loaded the wrong module; 130 if
interrupted. The error then shows the end of the console, after a time-out with the stacks of all blocked tasks.`,
		Example: `  go run ./platformtest/vm run ./hello.sh
  CGO_ENABLED=0 go test -c -o payload/run ./zfssend
  go run ./platformtest/vm run --variant taskq --timeout 2m --out results payload -- -test.v -test.run Close
  go run ./platformtest/vm run --disk /tmp/pool.img,2G --cut-power "cut now" ./write.sh
  go run ./platformtest/vm run --disk /tmp/pool.img ./check.sh
  go run ./platformtest/vm run --package sanoid,openssh-server --module veth --mem 4096 ./compare.sh`,
		Args: func(cmd *cobra.Command, args []string) error {
			if n := cmd.ArgsLenAtDash(); n > 1 || n < 0 && len(args) > 1 || n == 0 || len(args) == 0 {
				return errors.New("run needs one PAYLOAD; its own arguments come after --")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), env, args[0], args[1:])
		},
	}
	flags := cmd.Flags()
	f.line = addLineFlag(cmd)
	flags.Var(&f.disks, "disk", diskUsage)
	f.tools = addToolsFlags(cmd)
	flags.StringVar(&f.cut, "cut-power", "", "kill the machine when the payload prints this line")
	flags.StringVar(&f.variant, "variant", string(machine.Stock), "ZFS module: stock or taskq")
	flags.StringVar(&f.out, "out", "", "directory for what the payload leaves in /out")
	flags.StringVar(&f.console, "console", "", "file for the kernel's messages, - for stderr")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "NAME=value for the payload's environment; may be repeated")
	flags.IntVar(&f.memory, "mem", machine.DefaultMemoryMiB, "memory in MiB")
	flags.IntVar(&f.cpus, "cpus", machine.DefaultCPUs, "number of processors")
	flags.DurationVar(&f.timeout, "timeout", machine.DefaultTimeout, "end the run after this time")
	flags.BoolVar(&f.tcg, "tcg", false, "emulate the processor even if KVM could be used")
	flags.BoolVar(&f.timing, "timing", false, "tell on stderr how long boot and payload took")
	return cmd
}

func (f *runFlags) run(ctx context.Context, env *environment, payload string, args []string) (err error) {
	variant, err := machine.ParseVariant(f.variant)
	if err != nil {
		return fmt.Errorf("--variant: %w", err)
	}
	files, program, err := openPayload(payload)
	if err != nil {
		return failed(exitMachine, err)
	}
	console, err := f.openConsole(env.stderr)
	if err != nil {
		return failed(exitMachine, err)
	}
	if console != nil {
		defer func() {
			if cerr := console.Close(); cerr != nil && err == nil {
				err = failed(exitMachine, cerr)
			}
		}()
	}
	img, err := env.image(ctx, f.line.String(), false)
	if err != nil {
		return failed(exitMachine, err)
	}
	tools, err := f.tools.tools(ctx, env, img)
	if err != nil {
		return failed(exitMachine, err)
	}
	opts := machine.RunOptions{
		Variant: variant, Tools: tools, Payload: files, Command: append([]string{program}, args...), Env: f.env,
		Stdout: env.stdout, Stderr: env.stderr, OutDir: f.out, Disks: f.disks,
		MemoryMiB: f.memory, CPUs: f.cpus, Timeout: f.timeout, ForceTCG: f.tcg,
	}
	if console != nil {
		opts.Console = console
	}
	if f.cut != "" {
		opts.CutPower = func(line string) bool { return line == f.cut }
	}
	result, err := img.Run(ctx, opts)
	if _, ok := errors.AsType[*machine.PowerCutError](err); ok {
		return failed(exitPowerCut, err)
	}
	if _, ok := errors.AsType[*machine.TimeoutError](err); ok {
		return failed(exitTimeout, err)
	}
	filesErr, _ := errors.AsType[*machine.FilesError](err) // the payload's status is known all the same
	if err != nil && filesErr == nil {
		return failed(exitMachine, err)
	}
	if f.timing {
		fmt.Fprintf(env.stderr, "vm: user space after %v, payload started after %v and ran %v; %v in all\n", result.Booted,
			result.Started, result.Payload, result.Total.Round(10*time.Millisecond))
	}
	switch {
	case result.ExitCode != 0:
		return &exitError{result.ExitCode, err}
	case err != nil:
		return failed(exitMachine, err)
	}
	return nil
}

// openPayload returns the files of a payload and the program to start.
func openPayload(name string) (fs.FS, string, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, "", fmt.Errorf("open payload: %w", err)
	}
	program := "run"
	var files fs.FS
	if st.IsDir() {
		files = os.DirFS(name)
		if st, err = fs.Stat(files, program); err != nil {
			return nil, "", fmt.Errorf("open payload %s: it has no program called run", name)
		}
	} else {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, "", fmt.Errorf("open payload: %w", err)
		}
		program = filepath.Base(name)
		files = fstest.MapFS{program: {Data: data, Mode: st.Mode().Perm()}}
	}
	if st.Mode()&0o111 == 0 {
		return nil, "", fmt.Errorf("open payload %s: %s is not executable", name, program)
	}
	return files, "./" + program, nil
}

func (f *runFlags) openConsole(stderr io.Writer) (io.WriteCloser, error) {
	switch f.console {
	case "":
		return nil, nil
	case "-":
		return nopCloser{stderr}, nil
	}
	file, err := os.Create(f.console)
	if err != nil {
		return nil, fmt.Errorf("open console file: %w", err)
	}
	return file, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
