// Package logflag gives a command the flags of package logging:
//
//	var config logging.Config
//	logflag.Register(flags, &config)
//	…                                 // parse
//	h, err := logging.Open(config)
//
// The values that config has at the call are the defaults, and shown as such by --help.
package logflag

import (
	"encoding"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/logging"
)

// Register adds --log-level, --log-format, --log-file and --log-stack to flags. Parsing them sets c. A wrong value is
// an error of Parse that names the flag and what it allows.
func Register(flags *pflag.FlagSet, c *logging.Config) {
	flags.Var(value{&c.Level, "LEVELS"}, "log-level",
		"write lines of this level and above: debug, info, warn or error; or per subsystem, as in \"info,zfs=debug\"")
	flags.Var(value{&c.Format, "FORMAT"}, "log-format", "format of log lines: human, logfmt or json")
	flags.StringVar(&c.File, "log-file", c.File, "append log lines to `FILE` instead of writing them to stderr")
	flags.Var(value{&c.Stack, "STYLE"}, "log-stack",
		"how much of the ID stack a line shows: full, short, off, or auto (short in human format, else full)")
}

// A value is a flag whose text form is the variable's own.
type value struct {
	text interface {
		encoding.TextMarshaler
		encoding.TextUnmarshaler
	}
	placeholder string
}

// Set implements pflag.Value.
func (v value) Set(s string) error { return v.text.UnmarshalText([]byte(s)) }

// String implements pflag.Value.
func (v value) String() string {
	if v.text == nil {
		return ""
	}
	b, err := v.text.MarshalText()
	if err != nil {
		return ""
	}
	return string(b)
}

// Type implements pflag.Value; help shows it as the flag's argument.
func (v value) Type() string { return v.placeholder }
