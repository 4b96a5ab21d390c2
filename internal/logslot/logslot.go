// Package logslot lets package logging keep loggers with the contexts that they are made for, so that asking for one
// again costs a look-up instead of an allocation. It is between packages trace and logging, whose contexts have slots.
package logslot

import (
	"log/slog"
	"sync/atomic"
)

// Key is what a context is asked for its *[Slot] by: that of the nearest context of ours, itself included. All contexts
// around that one have the same span and the same injected attributes, and so the same loggers.
type Key struct{}

// ContextKey is what it is asked for that nearest context itself by.
type ContextKey struct{}

var (
	generation atomic.Uint64
	mixed      atomic.Bool
)

// Outdate makes all loggers that are kept be made anew, since something has changed that they were made with, besides
// their contexts.
func Outdate() { generation.Add(1) }

// Mix says that from now on, a context may have a span that its nearest slot doesn't know of: another tracer's. Then a
// slot is only right for the context that it is of.
func Mix() {
	mixed.Store(true)
	generation.Add(1)
}

// Mixed reports whether Mix was called.
func Mixed() bool { return mixed.Load() }

// Generation is how often loggers were outdated.
func Generation() uint64 { return generation.Load() }

// A Slot keeps loggers, one a subsystem. The zero value is empty. Its methods may be called concurrently.
type Slot struct{ newest atomic.Pointer[Kept] }

// Kept is a logger in a slot.
type Kept struct {
	Logger     *slog.Logger
	Subsystem  string
	Generation uint64 // when the logger was made

	older *Kept
	depth int // how many there are with it
}

// Most of what a slot holds. Names of subsystems are constants; if somebody's aren't, it starts anew.
const most = 8

// Find returns the logger of a subsystem, or nil.
func (s *Slot) Find(subsystem string) *slog.Logger {
	k := s.newest.Load()
	if k != nil && k.Subsystem == subsystem && k.Generation == generation.Load() {
		return k.Logger
	}
	return k.find(subsystem)
}

func (k *Kept) find(subsystem string) *slog.Logger {
	for ; k != nil; k = k.older {
		if k.Subsystem == subsystem && k.Generation == generation.Load() {
			return k.Logger
		}
	}
	return nil
}

// Keep adds a logger. If another goroutine adds one at the same time, one of the two may not be kept.
func (s *Slot) Keep(k *Kept) {
	newest := s.newest.Load()
	if newest != nil && newest.depth < most && newest.Generation == k.Generation {
		k.older, k.depth = newest, newest.depth
	}
	k.depth++
	s.newest.CompareAndSwap(newest, k)
}
