package perfetto

import "strings"

// internedTexts is a table of interned strings, by their numbers (iid). Most programs number them one after the other, so
// that a list serves.
type internedTexts struct {
	base uint64 // the number of the first in the list
	list []internedText
	more map[uint64]string // those whose numbers are no such series
	n    int               // how often one was set
}

type internedText struct {
	text string
	ok   bool
	own  ownName
}

// ownName says which of our own annotations a name is.
type ownName uint8

const (
	notOwn ownName = iota
	ownID
	ownParent
	otherOwn
)

func ownNameOf(name string) ownName {
	switch {
	case name == argID:
		return ownID
	case name == argParent:
		return ownParent
	case strings.HasPrefix(name, ownPrefix):
		return otherOwn
	}
	return notOwn
}

func (t *internedTexts) get(id uint64) (text string, ok bool) {
	if i := id - t.base; i < uint64(len(t.list)) {
		return t.list[i].text, t.list[i].ok
	}
	text, ok = t.more[id]
	return text, ok
}

// listed returns a string of the list, or nil if it isn't there.
func (t *internedTexts) listed(id uint64) *internedText {
	if i := id - t.base; i < uint64(len(t.list)) && t.list[i].ok {
		return &t.list[i]
	}
	return nil
}

func (t *internedTexts) set(id uint64, text string) {
	t.n++
	if len(t.list) == 0 && len(t.more) == 0 {
		t.base = id
	}
	switch i := id - t.base; {
	case i < uint64(len(t.list)):
		t.list[i] = internedText{text, true, ownNameOf(text)}
	case i == uint64(len(t.list)) && len(t.more) == 0:
		t.list = append(t.list, internedText{text, true, ownNameOf(text)})
	default:
		if t.more == nil {
			t.more = make(map[uint64]string)
		}
		t.more[id] = text
	}
}

// emptied returns an empty table, which uses t's memory again unless it is large.
func (t *internedTexts) emptied() internedTexts {
	if cap(t.list) > maxNames {
		return internedTexts{}
	}
	clear(t.list)
	return internedTexts{list: t.list[:0]}
}
