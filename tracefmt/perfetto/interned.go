package perfetto

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
}

func (t *internedTexts) get(id uint64) (text string, ok bool) {
	if i := id - t.base; i < uint64(len(t.list)) {
		return t.list[i].text, t.list[i].ok
	}
	text, ok = t.more[id]
	return text, ok
}

func (t *internedTexts) set(id uint64, text string) {
	t.n++
	if len(t.list) == 0 && len(t.more) == 0 {
		t.base = id
	}
	switch i := id - t.base; {
	case i < uint64(len(t.list)):
		t.list[i] = internedText{text, true}
	case i == uint64(len(t.list)) && len(t.more) == 0:
		t.list = append(t.list, internedText{text, true})
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
