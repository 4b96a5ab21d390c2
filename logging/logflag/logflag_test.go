package logflag_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"testing"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logflag"
)

func parse(c logging.Config, args ...string) (logging.Config, *pflag.FlagSet, error) {
	flags := pflag.NewFlagSet("zferry", pflag.ContinueOnError)
	logflag.Register(flags, &c)
	return c, flags, flags.Parse(args)
}

func TestRegister(t *testing.T) {
	var c logging.Config
	flags := pflag.NewFlagSet("zferry", pflag.ContinueOnError)
	logflag.Register(flags, &c)
	err := flags.Parse([]string{"--log-level=warn,zfs=debug", "--log-format", "logfmt", "--log-file=/tmp/x", "--log-stack=full"})
	want := logging.Config{
		Level:  logging.Levels{Default: slog.LevelWarn, Subsystems: map[string]slog.Level{"zfs": slog.LevelDebug}},
		Format: logging.FormatLogfmt, File: "/tmp/x", Stack: logging.StackFull,
	}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--log-level=loud": `invalid argument "loud" for "--log-level" flag: unknown level "loud": want debug, info, warn or error`,
		"--log-format=xml": `invalid argument "xml" for "--log-format" flag: unknown format "xml": want human, logfmt or json`,
		"--log-stack=most": `invalid argument "most" for "--log-stack" flag: unknown stack style "most": want auto, full, short or off`,
	} {
		if _, _, err := parse(logging.Config{}, args); err == nil || err.Error() != want {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func Example() {
	config := logging.Config{Format: logging.FormatLogfmt}
	flags := pflag.NewFlagSet("zferry", pflag.ContinueOnError)
	logflag.Register(flags, &config)
	fmt.Print(flags.FlagUsages())
	// Output:
	//       --log-file FILE       append log lines to FILE instead of writing them to stderr
	//       --log-format FORMAT   format of log lines: human, logfmt or json (default logfmt)
	//       --log-level LEVELS    write lines of this level and above: debug, info, warn or error; or per subsystem, as in "info,zfs=debug" (default info)
	//       --log-stack STYLE     how much of the ID stack a line shows: full, short, off, or auto (short in human format, else full) (default auto)
}
