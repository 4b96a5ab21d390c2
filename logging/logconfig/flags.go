package logconfig

import (
	"encoding"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/logging"
)

// AddFlags adds flags that set c:
//
//	--log-level LEVELS    --log-format FORMAT    --log-stack STYLE    of outlets that have none of their own
//	--log-otel-ids                                                    of all outlets
//	--log-file FILE                                                   an outlet of the type file
//	--log OUTLET                                                      an outlet: see [ParseOutlet]; may be repeated
//	--log-config FILE                                                 all of it: see [Config.Load]
//
// The values that c has at the call are the defaults, and shown as such by --help. Fields in the file of --log-config
// replace them, and flags replace both, in whatever order they are given: with --log or --log-file, there are no other
// outlets than those of flags. An outlet's own level in a file isn't replaced by --log-level.
//
// Wrong values are errors of Parse that name the flag and the field. What Parse accepts, Validate does, if it did so
// before.
func (c *Config) AddFlags(flags *pflag.FlagSet) {
	f := &flagged{to: c, base: *c}
	flags.Var(value{textValue(&c.Levels), "LEVELS", f.set(func(s string) error { return setFlag(&f.levels, s) })}, "log-level",
		"write lines of this level and above: debug, info, warn, error or off; or per subsystem, as in \"info,zfs=debug\"")
	flags.Var(value{textValue(&c.Format), "FORMAT", f.set(func(s string) error { return setFlag(&f.format, s) })}, "log-format",
		"format of log lines: human, logfmt or json")
	flags.Var(value{textValue(&c.Stack), "STYLE", f.set(func(s string) error { return setFlag(&f.stack, s) })}, "log-stack",
		"how much of the ID stack a line shows: full, short, off, or auto (short in human format, else full)")
	flags.VarPF(value{nil, "bool", f.set(f.setOTelIDs)}, "log-otel-ids", "",
		"write OpenTelemetry's trace_id and span_id in log lines, too").NoOptDefVal = "true"
	flags.Var(value{nil, "FILE", f.set(f.addFile)}, "log-file",
		"append log lines to FILE instead of writing them to stderr; short for --log file:FILE")
	flags.Var(value{f.outletsText, "OUTLET", f.set(f.addOutlet)}, "log",
		"write log lines to OUTLET: stderr, stdout, file:PATH, syslog, syslog:ADDRESS, journald or otlp:URL, with fields behind it as in "+
			"\"file:/var/log/x,max_size=100MB,keep=7,level=debug\"; may be repeated")
	flags.Var(value{nil, "FILE", f.set(f.load)}, "log-config", "read where and how to log from FILE, in YAML; other flags replace what it says")
	// These are what shell completion by cobra goes by.
	_ = flags.SetAnnotation("log-config", "cobra_annotation_bash_completion_filename_extensions", []string{"yaml", "yml"})
}

// Completions returns what a shell may offer for a flag of AddFlags, by the flag's name. What ends with a colon goes on.
func Completions(flag string) []string {
	switch flag {
	case "log-level":
		return []string{"debug", "info", "warn", "error", "off"}
	case "log-format":
		return []string{"human", "logfmt", "json"}
	case "log-stack":
		return []string{"auto", "full", "short", "off"}
	case "log":
		return []string{"stderr", "stdout", "file:", "syslog", "journald", "otlp"}
	}
	return nil
}

// flagged is what flags have set so far. The configuration is made anew at each of them, so that their order is of no
// importance.
type flagged struct {
	to      *Config
	base    Config // the program's defaults, and the file's fields
	levels  *logging.Levels
	format  *logging.Format
	stack   *logging.StackStyle
	otelIDs *bool
	outlets []Outlet
}

// set returns what sets a flag, and with it the configuration.
func (f *flagged) set(set func(string) error) func(string) error {
	return func(s string) error {
		if err := set(s); err != nil {
			return err
		}
		c := f.base
		if f.levels != nil {
			c.Levels = *f.levels
		}
		if f.format != nil {
			c.Format = *f.format
		}
		if f.stack != nil {
			c.Stack = *f.stack
		}
		if f.otelIDs != nil {
			c.OTelIDs = *f.otelIDs
		}
		if f.outlets != nil {
			c.Outlets = f.outlets
		}
		*f.to = c
		return nil
	}
}

func (f *flagged) load(path string) error { return f.base.Load(path) }

func (f *flagged) setOTelIDs(s string) error {
	b, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", s)
	}
	f.otelIDs = &b
	return nil
}

func (f *flagged) addFile(path string) error {
	if path == "-" {
		return f.add(Outlet{To: Stderr{}})
	}
	return f.add(Outlet{To: File{Path: path}})
}

func (f *flagged) addOutlet(s string) error {
	o, err := ParseOutlet(s)
	if err != nil {
		return err
	}
	return f.add(o)
}

// add adds an outlet that goes with the others.
func (f *flagged) add(o Outlet) error {
	outlets := append(f.outlets[:len(f.outlets):len(f.outlets)], o)
	last := outletPath(len(outlets) - 1)
	problems := (&Config{Outlets: outlets}).problems()
	for _, p := range problems {
		p.Field = strings.TrimPrefix(strings.TrimPrefix(p.Field, last), ".")
	}
	if problems != nil {
		return joined(problems)
	}
	f.outlets = outlets
	return nil
}

// outletsText is what --help shows as the default.
func (f *flagged) outletsText() string {
	texts := make([]string, len(f.to.Outlets))
	for i, o := range f.to.Outlets {
		texts[i] = o.String()
	}
	return strings.Join(texts, " ")
}

func setFlag[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](to **T, s string) error {
	var v T
	if err := P(&v).UnmarshalText([]byte(s)); err != nil {
		return err
	}
	*to = &v
	return nil
}

// textValue returns what returns the text of v.
func textValue(v encoding.TextMarshaler) func() string {
	return func() string {
		b, err := v.MarshalText()
		if err != nil {
			return ""
		}
		return string(b)
	}
}

// A value is a flag.
type value struct {
	text        func() string // nil: there is no default
	placeholder string
	set         func(string) error
}

// Set implements pflag.Value.
func (v value) Set(s string) error { return v.set(s) }

// String implements pflag.Value.
func (v value) String() string {
	if v.text == nil {
		return ""
	}
	return v.text()
}

// Type implements pflag.Value; help shows it as the flag's argument.
func (v value) Type() string { return v.placeholder }
