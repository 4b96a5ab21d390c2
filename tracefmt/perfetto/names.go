package perfetto

import (
	"strings"

	"github.com/spanstack/spanstack/tracefmt/internal/intern"
	"google.golang.org/protobuf/encoding/protowire"
)

// Limits of the tables of names. Past them a sequence's state is cleared, and names are written again when they are
// used, so that neither the Writer nor readers hold more.
const (
	maxNames     = 1 << 13
	maxNameBytes = 1 << 20
	maxName      = 4 << 10 // the length of the longest name that is found again
)

// table numbers the strings of one field of InternedData. Numbers are never used again, also not after a clear: earlier
// versions of interned_data.proto forbid it.
type table struct {
	ids    map[string]uint64
	last   uint64
	near   [nearNames]recentName   // what was asked for last in each place, in front of the others
	recent [recentNames]recentName // those that were asked for last, in front of the map
}

type recentName struct {
	text string
	id   uint64
}

const (
	recentNames = 1 << 10
	nearNames   = 1 << 4
)

// slot returns where a string is, if it was asked for lately.
func (t *table) slot(s string) *recentName { return &t.recent[intern.Hash(s)%recentNames] }

// tables are all that the Writer's sequence has interned.
type tables struct {
	names, categories, annotations, logs table
	entries, bytes                       int
}

func (t *tables) all() [4]*table {
	return [...]*table{&t.names, &t.categories, &t.annotations, &t.logs}
}

func (t *tables) init() {
	for _, table := range t.all() {
		table.ids = make(map[string]uint64)
	}
}

func (t *tables) full() bool { return t.entries >= maxNames || t.bytes >= maxNameBytes }

func (t *tables) clear() {
	for _, table := range t.all() {
		clear(table.ids)
		clear(table.near[:])
		clear(table.recent[:])
	}
	t.entries, t.bytes = 0, 0
}

// intern returns the number of a string, which the packet that is being made explains if it is new. In the same place of
// its event, such as that of the third attribute, there mostly was the same string before.
func (w *Writer) intern(t *table, field protowire.Number, s string, place int) uint64 {
	near := &t.near[place%nearNames]
	if near.text == s && near.id != 0 {
		return near.id
	}
	slot := t.slot(s)
	if slot.text != s || slot.id == 0 {
		*slot = recentName{s, w.add(t, field, s)}
	}
	*near = *slot
	return slot.id
}

func (w *Writer) add(t *table, field protowire.Number, s string) uint64 {
	if id, ok := t.ids[s]; ok {
		return id
	}
	t.last++
	w.names.entries++
	w.names.bytes += len(s)
	if len(s) <= maxName {
		t.ids[strings.Clone(s)] = t.last
	}
	var start int
	w.interned, start = openMessage(w.interned, field)
	w.interned = appendUint(w.interned, internEntryID, t.last)
	w.interned = appendText(w.interned, internEntryText, valid(s))
	w.interned = closeMessage(w.interned, start)
	return t.last
}
