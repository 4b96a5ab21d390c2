package fxt

import (
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt/internal/intern"
)

// maxIndexed is the length of the longest string that gets an index. Longer ones are inline, so that the table holds no
// more than 4 MiB.
const maxIndexed = 128

// stringTable is what the Writer has told readers of strings. When all indices are given, the oldest strings give
// theirs to new ones.
type stringTable struct {
	refs   map[string]uint16
	texts  []string // by index
	used   []uint32 // by index: the last record that refers to it
	record uint32   // counts records, with which a string that they need isn't replaced
	next   int      // the index that is replaced next
	recent [recentStrings]recentString
}

// recentString is a string that was asked for lately, to be found without hashing all of it.
type recentString struct {
	text string
	ref  uint16
}

const recentStrings = 1 << 9

func (t *stringTable) init() {
	t.refs = make(map[string]uint16)
	t.texts, t.used = make([]string, 1, 64), make([]uint32, 1, 64) // index 0 is that of the empty string
	t.next = 1
}

// begin tells that the strings that follow belong to the next record.
func (t *stringTable) begin() { t.record++ }

func (t *stringTable) slot(s string) *recentString { return &t.recent[intern.Hash(s)%recentStrings] }

// ref returns a reference to a string, for a record that is about to be made. The record with which a new string is
// told comes before it.
func (w *Writer) ref(s string) uint16 {
	if s == "" {
		return 0
	}
	if len(s) > maxIndexed {
		return inlineText | uint16(len(s))
	}
	t := &w.names
	slot := t.slot(s)
	if slot.text != s {
		i := w.index(s)
		if t.texts[i] != s {
			return w.used(i) // it isn't UTF-8
		}
		*slot = recentString{t.texts[i], i} // not s, which may be a part of something large
	}
	return w.used(slot.ref)
}

// used notes that the record which is being made refers to a string.
func (w *Writer) used(i uint16) uint16 {
	w.names.used[i] = w.names.record
	return i
}

// index returns the index of a string that isn't one of those asked for lately.
func (w *Writer) index(s string) uint16 {
	t := &w.names
	s = valid(s)
	if i, ok := t.refs[s]; ok {
		return i
	}
	s = strings.Clone(s)
	i := len(t.texts)
	if i <= maxStrings {
		t.texts, t.used = append(t.texts, s), append(t.used, 0)
	} else {
		i = t.evict()
		t.texts[i] = s
	}
	t.refs[s] = uint16(i)
	w.put(recordString | uint64(1+padded(len(s))/wordSize)<<4 | uint64(i)<<16 | uint64(len(s))<<32)
	w.putText(s)
	return uint16(i)
}

// evict returns an index that the record which is being made doesn't need, and forgets what it meant.
func (t *stringTable) evict() int {
	for t.used[t.next] == t.record {
		t.advance()
	}
	i := t.next
	t.advance()
	delete(t.refs, t.texts[i])
	for j := range t.recent {
		if int(t.recent[j].ref) == i {
			t.recent[j] = recentString{}
		}
	}
	return i
}

func (t *stringTable) advance() {
	if t.next++; t.next > maxStrings {
		t.next = 1
	}
}

func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// inlineWords returns how many words of a record the string that ref refers to takes.
func inlineWords(ref uint16) int {
	if ref&inlineText == 0 {
		return 0
	}
	return padded(int(ref&^inlineText)) / wordSize
}

// putInline adds a string to its record if ref says that it is inline.
func (w *Writer) putInline(ref uint16, s string) {
	if ref&inlineText != 0 {
		w.putText(s)
	}
}
