package logging

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// A Count is how many lines a subsystem has logged.
type Count struct {
	Subsystem string
	Level     slog.Level // debug, info, warn or error; levels in between count for the next lower one, lower ones for debug
	Lines     uint64     // collapsed ones included
}

// Counts returns how many lines were written or lost since the handler was made, ordered by subsystem and level. A
// [Handler] that is only joined to others counts for itself what it gets.
func (h *Handler) Counts() []Count { return h.target().counts.list() }

// A Loss is how many lines an outlet has lost.
type Loss struct {
	Outlet string // [Options].Name
	Lines  uint64
}

// Losses returns what each outlet has lost, in the order in which they were joined. What doesn't lose lines, since it
// makes the program wait, isn't in it.
func (h *Handler) Losses() (losses []Loss) {
	c := h.target()
	if c.outlet != nil {
		losses = append(losses, Loss{c.opts.Name, c.outlet.Dropped()})
	}
	for _, joined := range c.joined {
		losses = append(losses, joined.Losses()...)
	}
	return losses
}

var countedLevels = [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}

// counters are counts in use.
type counters struct {
	bySubsystem sync.Map // of string to *[len(countedLevels)]atomic.Uint64
}

func (c *counters) add(subsystem string, level slog.Level) {
	counts, ok := c.bySubsystem.Load(subsystem)
	if !ok {
		counts, _ = c.bySubsystem.LoadOrStore(strings.Clone(subsystem), new([len(countedLevels)]atomic.Uint64))
	}
	i := min(max(int(level-slog.LevelDebug)>>2, 0), len(countedLevels)-1) // levels are 4 apart
	counts.(*[len(countedLevels)]atomic.Uint64)[i].Add(1)
}

func (c *counters) list() (list []Count) {
	for subsystem, counts := range c.bySubsystem.Range {
		for i := range countedLevels {
			if n := counts.(*[len(countedLevels)]atomic.Uint64)[i].Load(); n > 0 {
				list = append(list, Count{subsystem.(string), countedLevels[i], n})
			}
		}
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(strings.Compare(a.Subsystem, b.Subsystem), cmp.Compare(a.Level, b.Level))
	})
	return list
}
