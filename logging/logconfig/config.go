package logconfig

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/spanstack/spanstack/logging"
)

// Config says where the lines of a program go, which, and how. The zero value is lines in human format at level info on
// stderr.
type Config struct {
	Levels       logging.Levels     `yaml:"level"`         // of all outlets that have none of their own
	Format       logging.Format     `yaml:"format"`        // of stderr, stdout and files that have none of their own
	Stack        logging.StackStyle `yaml:"stack"`         // of outlets that have none of their own
	Collapse     time.Duration      `yaml:"collapse"`      // likewise; see [logging.Options].Collapse
	OTelIDs      bool               `yaml:"otel_ids"`      // see [logging.Options].OTelIDs
	FlushTimeout time.Duration      `yaml:"flush_timeout"` // how long Close waits for each outlet; 0: 2 seconds
	Outlets      []Outlet           // none: stderr
}

// An Outlet is one of a program's outlets. Its zero value is none: it needs a target.
type Outlet struct {
	To Target // a Stderr, Stdout, File, Syslog, Journald or OTLP

	// Name is what reports of losses, counts and package logctl call the outlet. "" is the path of a file, and the type
	// of others: "syslog". No two have the same.
	Name      string              `yaml:"name"`
	Levels    *logging.Levels     `yaml:"level"`      // nil: the common ones
	Stack     *logging.StackStyle `yaml:"stack"`      // nil: the common one
	Collapse  *time.Duration      `yaml:"collapse"`   // nil: the common one
	QueueSize Size                `yaml:"queue_size"` // how much may wait if the outlet blocks, 128KiB to 1GiB; 0: 4MiB
}

// A Target is what an outlet leads to. It is a value of one of the types in this package, not a pointer to it.
type Target interface {
	// place is equal for targets that can't be outlets at the same time.
	place() string
	// validate reports the fields that are wrong.
	validate(wrong func(field, format string, args ...any))
	// open opens the outlet.
	open(s settings) (*logging.Handler, error)
}

// settings are what an outlet is opened with.
type settings struct {
	options logging.Options // without a format, but for the common one
	queue   logging.QueueConfig
}

// kinds are the types of outlets: to add one, give its struct yaml tags and the methods of Target, and list it here.
var kinds = []struct {
	name string
	main string // the field that follows the type in a flag: "file:PATH"
	zero Target
}{
	{"stderr", "", Stderr{}},
	{"stdout", "", Stdout{}},
	{"file", "path", File{}},
	{"syslog", "address", Syslog{}},
	{"journald", "socket", Journald{}},
	{"otlp", "endpoint", OTLP{}},
}

// kindOf returns the name of a target's type, "" if it has none, and its main field.
func kindOf(t Target) (name, main string) {
	for _, k := range kinds {
		if reflect.TypeOf(k.zero) == reflect.TypeOf(t) {
			return k.name, k.main
		}
	}
	return "", ""
}

// newTarget returns the zero value of the type with that name.
func newTarget(name string) (Target, error) {
	for _, k := range kinds {
		if k.name == name {
			return k.zero, nil
		}
	}
	return nil, fmt.Errorf("unknown type %q of an outlet: want %s", name, kindNames())
}

func kindNames() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return list(names, "or")
}

// list joins words to a text.
func list(words []string, conjunction string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// name returns the outlet's name.
func (o *Outlet) name() string {
	if o.Name != "" {
		return o.Name
	}
	if f, ok := o.To.(File); ok {
		return f.Path
	}
	name, _ := kindOf(o.To)
	return name
}

// Validate returns all that is wrong, as [FieldError]s that are joined. It looks at nothing but the configuration: Open
// also fails if a file can't be opened.
func (c Config) Validate() error { return joined(c.problems()) }

func (c *Config) problems() (list []*FieldError) {
	for _, f := range fields(reflect.ValueOf(c).Elem()) {
		if err := checkText(f.value); err != nil {
			list = append(list, &FieldError{Field: f.name, Err: err})
		}
	}
	names, places := map[string]int{}, map[string]int{}
	for i := range c.Outlets {
		o, path := &c.Outlets[i], outletPath(i)
		wrong := func(field, format string, args ...any) {
			list = append(list, &FieldError{Field: strings.TrimSuffix(path+"."+field, "."), Err: fmt.Errorf(format, args...)})
		}
		if !o.validate(wrong) {
			continue
		}
		if other, ok := places[o.To.place()]; ok {
			wrong("", "it is the same outlet as %s (%s)", outletPath(other), c.Outlets[other].name())
			continue
		}
		places[o.To.place()] = i
		if other, ok := names[o.name()]; ok {
			wrong("name", "%q is also the name of %s (%v): give one of them another", o.name(), outletPath(other), c.Outlets[other])
		}
		names[o.name()] = i
	}
	return list
}

func outletPath(i int) string { return fmt.Sprintf("outlets[%d]", i) }

// queueMin is enough for a line of [logging.MaxLine] bytes, and the report of a loss.
const (
	queueMin = 128 * KiB
	queueMax = GiB
)

// validate reports what is wrong with one outlet. Without a type, that is all there is to say.
func (o *Outlet) validate(wrong func(field, format string, args ...any)) (known bool) {
	if kind, _ := kindOf(o.To); kind == "" {
		wrong("type", "it has none: want %s", kindNames())
		return false
	}
	unwritable := map[string]bool{}
	fields, _ := outletFields(o)
	for _, f := range fields {
		if err := checkText(f.value); err != nil {
			unwritable[f.name] = true
			wrong(f.name, "%w", err)
		}
	}
	if q := o.QueueSize; q != 0 && (q < queueMin || q > queueMax) && !unwritable["queue_size"] {
		wrong("queue_size", "%v is out of range: want %v to %v", q, queueMin, queueMax)
	}
	o.To.validate(func(field, format string, args ...any) {
		if !unwritable[field] {
			wrong(field, format, args...)
		}
	})
	return true
}

// absolute returns a path that is the same for the same file, apart from links.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return filepath.Clean(path)
}
