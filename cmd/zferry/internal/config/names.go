package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/prune"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/snapshot"
)

// Glob matches datasets below the job's source, or names of snapshots: see [replicate.Glob].
type Glob struct{ replicate.Glob }

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Glob) UnmarshalText(text []byte) (err error) {
	g.Glob, err = replicate.ParseGlob(string(text))
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (g Glob) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Template makes the names of snapshots: "auto_%Y-%m-%d_%H:%M:%S". See [snapshot.Template].
type Template string

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Template) UnmarshalText(text []byte) error {
	s := Template(text)
	parsed, err := snapshot.ParseTemplate(string(text), nil)
	if err != nil {
		return err
	}
	if _, err := zfssend.ParseName("pool@" + parsed.Name(time.Unix(1e9, 0))); err != nil {
		return fmt.Errorf("template %q makes no name of a snapshot: %w", s, err)
	}
	if s.step() > 24*time.Hour {
		return fmt.Errorf("template %q makes the same name again and again: want a time in it, such as %%Y-%%m-%%d_%%H:%%M:%%S", s)
	}
	*t = s
	return nil
}

// Names returns what makes the names of the job's snapshots and knows them. The job is one that was loaded.
func (s *Snapshot) Names() *snapshot.Template {
	t, err := snapshot.ParseTemplate(string(s.Template), s.Zone.Or(time.UTC))
	if err != nil {
		panic(err) // it was checked
	}
	return t
}

// Exact reports whether the names tell when a snapshot was taken, to the minute, and are never made twice.
func (s *Snapshot) Exact(now time.Time) bool {
	_, _, twice := s.Names().Repeats(now)
	return !twice && s.Template.step() <= time.Minute
}

// step returns the shortest time after which the template's names differ.
func (t Template) step() time.Duration {
	for _, u := range []struct {
		verb string
		step time.Duration
	}{{"%s", time.Second}, {"%S", time.Second}, {"%T", time.Second}, {"%M", time.Minute}, {"%H", time.Hour},
		{"%d", 24 * time.Hour}, {"%F", 24 * time.Hour}, {"%j", 24 * time.Hour}} {
		if strings.Contains(string(t), u.verb) {
			return u.step
		}
	}
	return 365 * 24 * time.Hour
}

// Grid keeps snapshots more and more sparsely: see [prune.ParseGrid].
type Grid string

// UnmarshalText implements encoding.TextUnmarshaler.
func (g *Grid) UnmarshalText(text []byte) error {
	_, err := prune.ParseGrid(string(text), nil)
	*g = Grid(text)
	return err
}
