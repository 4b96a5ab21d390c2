package stats

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

const (
	maxTexts    = 4096
	longestText = 200 // bytes; texts with the same beginning are counted together
)

// Weight says how much room a text, or what goes by it, takes in a trace.
type Weight struct {
	Text  string `json:"text"`
	Count int64  `json:"count"`
	Bytes int64  `json:"bytes"`
}

// weights adds up the room that texts take. When there are too many, those that take little are counted together: then
// a text that comes again later is counted from that time on.
type weights struct {
	byText   map[string]*Weight
	others   Weight
	distinct int64 // texts that were met, counting again those that were forgotten
}

func (w *weights) add(text string, bytes int) {
	if len(text) > longestText {
		n := longestText
		for n > longestText-utf8.UTFMax && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	entry := w.byText[text]
	if entry == nil {
		if w.byText == nil {
			w.byText = make(map[string]*Weight)
		}
		if len(w.byText) >= 2*maxTexts {
			w.forget()
		}
		entry = &Weight{Text: text}
		w.byText[text] = entry
		w.distinct++
	}
	entry.Count++
	entry.Bytes += int64(bytes)
}

// forget keeps the heavier half.
func (w *weights) forget() {
	for _, entry := range w.sorted()[maxTexts:] {
		w.others.Count += entry.Count
		w.others.Bytes += entry.Bytes
		delete(w.byText, entry.Text)
	}
}

func (w *weights) sorted() []*Weight {
	list := make([]*Weight, 0, len(w.byText))
	for _, entry := range w.byText {
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b *Weight) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Text, b.Text))
	})
	return list
}

// top returns the n heaviest texts, and how much the others have in all.
func (w *weights) top(n int) (list []Weight, rest Weight) {
	rest = w.others
	list = []Weight{}
	for i, entry := range w.sorted() {
		if i < n {
			list = append(list, *entry)
			continue
		}
		rest.Count += entry.Count
		rest.Bytes += entry.Bytes
	}
	return list, rest
}
