package tracefmt

import (
	"cmp"
	"fmt"
	"slices"
)

// Loss counts things of one sort that a reader couldn't express in the model, or a writer in its format.
type Loss struct {
	What   string // such as "flow end without a start"
	Count  int64
	Offset int64 // readers: the input's byte at which the first one is; -1 if there is no telling
}

func (l Loss) String() string {
	if l.Offset >= 0 {
		return fmt.Sprintf("%s (%dx, first at byte %d)", l.What, l.Count, l.Offset)
	}
	return fmt.Sprintf("%s (%dx)", l.What, l.Count)
}

// Losses counts what was lost, by sort. The zero value is ready for use. Its memory is bounded: past 64 sorts, further
// ones are counted together.
type Losses struct {
	byWhat map[string]*Loss
}

const maxLossSorts = 64

// Add counts one loss that isn't tied to a byte of an input.
func (l *Losses) Add(what string) { l.AddAt(what, -1) }

// AddAt counts one loss whose cause is at the given byte of the input.
func (l *Losses) AddAt(what string, offset int64) {
	if l.byWhat == nil {
		l.byWhat = make(map[string]*Loss)
	}
	entry := l.byWhat[what]
	if entry == nil {
		if len(l.byWhat) >= maxLossSorts {
			what = "others"
		}
		if entry = l.byWhat[what]; entry == nil {
			entry = &Loss{What: what, Offset: offset}
			l.byWhat[what] = entry
		}
	}
	entry.Count++
}

// List returns the losses, sorted by What.
func (l *Losses) List() []Loss {
	list := make([]Loss, 0, len(l.byWhat))
	for _, entry := range l.byWhat {
		list = append(list, *entry)
	}
	slices.SortFunc(list, func(a, b Loss) int { return cmp.Compare(a.What, b.What) })
	return list
}

// LossReporter is the ability of a Reader or Writer to say what it lost so far.
type LossReporter interface {
	Losses() []Loss
}

// LossesOf returns what a Reader or Writer lost so far: nil if nothing, or if it can't lose anything.
func LossesOf(readerOrWriter any) []Loss {
	if lr, ok := readerOrWriter.(LossReporter); ok {
		return lr.Losses()
	}
	return nil
}
