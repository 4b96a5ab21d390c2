package logconfig

import (
	"fmt"
	"os"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logctl"
)

// A Log is what a configuration opens.
type Log struct {
	// Handler writes to all outlets.
	Handler *logging.Handler
	// Levels are those of outlets that have levels of their own, by the outlet's name, and as "" those of the others.
	Levels *logctl.Levels
}

// Open opens all outlets. Syslog daemons, the journal and collectors needn't be there yet. If an outlet can't be opened, all others
// are closed again. The log must be closed, lest the last lines are lost.
func Open(c Config) (*Log, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("configuration of the log: %w", err)
	}
	outlets := c.Outlets
	if len(outlets) == 0 {
		outlets = []Outlet{{To: Stderr{}}}
	}
	l := &Log{Levels: logctl.New()}
	var handlers []*logging.Handler
	fail := func(o *Outlet, err error) (*Log, error) {
		_ = logging.Join(handlers...).Close() // nothing was logged
		return nil, fmt.Errorf("log to %s: %w", o.name(), err)
	}
	var common *logging.LevelVar
	var opened []opened
	for i := range outlets {
		o := &outlets[i]
		v := common
		switch {
		case o.Levels != nil:
			v = l.Levels.Var(o.name(), *o.Levels)
		case common == nil:
			common = l.Levels.Var("", c.Levels)
			v = common
		}
		h, err := o.To.open(o.settings(&c, v))
		if err != nil {
			return fail(o, err)
		}
		handlers = append(handlers, h)
		if err := checkSame(&opened, o); err != nil {
			return fail(o, err)
		}
	}
	if l.Handler = handlers[0]; len(handlers) > 1 {
		l.Handler = logging.Join(handlers...)
	}
	return l, nil
}

// Close flushes, waiting no longer than FlushTimeout, and closes all outlets. It returns an error if lines are lost at
// the end.
func (l *Log) Close() error { return l.Handler.Close() }

func (o *Outlet) settings(c *Config, v *logging.LevelVar) settings {
	s := settings{
		options: logging.Options{Name: o.name(), LevelVar: v, Format: c.Format, Stack: c.Stack, Collapse: c.Collapse,
			OTelIDs: c.OTelIDs},
		queue: logging.QueueConfig{Bytes: int(o.QueueSize), FlushTimeout: c.FlushTimeout},
	}
	if o.Stack != nil {
		s.options.Stack = *o.Stack
	}
	if o.Collapse != nil {
		s.options.Collapse = *o.Collapse
	}
	return s
}

// An opened is a file that an outlet has open.
type opened struct {
	name string
	info os.FileInfo
}

// checkSame wants a file that no other outlet has open under another name: they would rotate it for each other.
func checkSame(files *[]opened, o *Outlet) error {
	f, ok := o.To.(File)
	if !ok {
		return nil
	}
	info, err := os.Stat(f.Path)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	for _, other := range *files {
		if os.SameFile(other.info, info) {
			return fmt.Errorf("it is the same file as %s", other.name)
		}
	}
	*files = append(*files, opened{o.name(), info})
	return nil
}
