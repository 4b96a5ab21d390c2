package logging

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"sync/atomic"
)

// Levels say which lines are written: those of at least the level that is set for their subsystem, or else for the
// nearest outer part of its name ("zfs" for "zfs.cmd"), or else the default. The zero value is level info for all.
// A running handler's are exchanged by [Handler.SetLevels].
type Levels struct {
	Default    slog.Level
	Subsystems map[string]slog.Level
}

// LevelOff is above the levels of all lines: "off,zfs=debug" is for those of one subsystem only.
const LevelOff slog.Level = math.MaxInt

// ParseLevels reads the text form: a level, or subsystem=level, or several of them separated by commas, as in
// "info,zfs=debug,zfs.cmd=warn". Levels are debug, info, warn and error, with an offset if need be ("info+2"), and off.
func ParseLevels(text string) (Levels, error) {
	var l Levels
	err := l.UnmarshalText([]byte(text))
	return l, err
}

// UnmarshalText implements encoding.TextUnmarshaler: see [ParseLevels].
func (l *Levels) UnmarshalText(text []byte) error {
	var out Levels
	defaults := 0
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		subsystem, level, ok := strings.Cut(part, "=")
		if !ok {
			subsystem, level = "", part
		}
		v, err := parseLevel(level)
		if err != nil {
			return err
		}
		if !ok {
			if defaults++; defaults > 1 {
				return fmt.Errorf("two default levels in %q: want one, and subsystem=level for the others", text)
			}
			out.Default = v
			continue
		}
		if subsystem = strings.TrimSpace(subsystem); subsystem == "" {
			return fmt.Errorf("no subsystem before the = in %q", part)
		}
		if out.Subsystems == nil {
			out.Subsystems = map[string]slog.Level{}
		}
		out.Subsystems[subsystem] = v
	}
	*l = out
	return nil
}

func parseLevel(text string) (slog.Level, error) {
	name := strings.TrimSpace(text)
	if strings.EqualFold(name, "off") {
		return LevelOff, nil
	}
	var v slog.Level
	if err := v.UnmarshalText([]byte(name)); err != nil {
		return 0, fmt.Errorf("unknown level %q: want debug, info, warn, error or off", text)
	}
	return v, nil
}

func levelName(l slog.Level) string {
	if l == LevelOff {
		return "off"
	}
	return strings.ToLower(l.String())
}

// MarshalText implements encoding.TextMarshaler.
func (l Levels) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// String returns the text form that [ParseLevels] reads.
func (l Levels) String() string {
	b := levelName(l.Default)
	for _, s := range slices.Sorted(maps.Keys(l.Subsystems)) {
		b += "," + s + "=" + levelName(l.Subsystems[s])
	}
	return b
}

// Enabled reports whether a line of that level is written for a subsystem.
func (l Levels) Enabled(subsystem string, level slog.Level) bool { return level >= l.of(subsystem) }

// of returns the level that is in effect for a subsystem.
func (l Levels) of(subsystem string) slog.Level {
	for subsystem != "" {
		if v, ok := l.Subsystems[subsystem]; ok {
			return v
		}
		subsystem = subsystem[:max(0, strings.LastIndexByte(subsystem, '.'))]
	}
	return l.Default
}

// A LevelVar holds levels that can change while they are in use. Several handlers may share one. The zero value is
// level info for all. Its methods may be called concurrently.
type LevelVar struct {
	set    atomic.Pointer[levelSet]
	lowest atomic.Int64 // of set
}

// NewLevelVar returns a LevelVar that holds l.
func NewLevelVar(l Levels) *LevelVar {
	v := new(LevelVar)
	v.Set(l)
	return v
}

// Levels returns the levels in effect.
func (v *LevelVar) Levels() Levels {
	if s := v.set.Load(); s != nil {
		return s.Levels
	}
	return Levels{}
}

// Set changes the levels, at once.
func (v *LevelVar) Set(l Levels) {
	l.Subsystems = maps.Clone(l.Subsystems)
	s := &levelSet{Levels: l, lowest: l.Default, highest: l.Default}
	for _, level := range l.Subsystems {
		s.lowest, s.highest = min(s.lowest, level), max(s.highest, level)
	}
	v.set.Store(s)
	v.lowest.Store(int64(s.lowest))
}

// allOff reports whether lines of that level are written for no subsystem.
func (v *LevelVar) allOff(level slog.Level) bool { return int64(level) < v.lowest.Load() }

// Enabled reports whether a line of that level is written for a subsystem.
func (v *LevelVar) Enabled(subsystem string, level slog.Level) bool {
	s := v.set.Load()
	if s == nil {
		return level >= slog.LevelInfo
	}
	if level < s.lowest || level >= s.highest {
		return level >= s.highest
	}
	return level >= s.of(subsystem)
}

// A levelSet is a Levels in use: most lines are above or below all levels, and need no look-up. For the others, what
// was looked up is kept.
type levelSet struct {
	Levels
	lowest, highest slog.Level
	found           atomic.Pointer[[]found]
}

// found is the level of a subsystem.
type found struct {
	subsystem string
	level     slog.Level
}

// Most of what is kept of look-ups: a walk through more would take longer than looking up.
const mostFound = 16

// of returns the level of a subsystem.
func (s *levelSet) of(subsystem string) slog.Level {
	known := s.found.Load()
	if known != nil {
		for i := range *known {
			if f := &(*known)[i]; f.subsystem == subsystem {
				return f.level
			}
		}
	}
	level := s.Levels.of(subsystem)
	var all []found
	if known != nil {
		all = *known
	}
	if len(all) < mostFound {
		all = append(slices.Clip(all), found{strings.Clone(subsystem), level})
		s.found.CompareAndSwap(known, &all)
	}
	return level
}
