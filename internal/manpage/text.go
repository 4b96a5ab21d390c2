package manpage

import (
	"regexp"
	"strings"
)

// text writes paragraphs, lists, and lines that stay as they are.
func (p *page) text(text string) {
	t := paragraphs{page: p}
	for line := range strings.Lines(text) {
		t.add(strings.TrimRight(line, "\n "))
	}
	t.endVerbatim()
}

// paragraphs is where in a text a page is.
type paragraphs struct {
	*page
	column   int  // that of explanations in the list that it is in; 0 if it is in none
	verbatim bool // lines stay as they are
	gap      bool // something precedes, which isn't the paragraph of the next line
}

// entry is an item of a list, in parts: the indentation, the term, the gap, and the explanation.
var entry = regexp.MustCompile(`^( +)(\S.*?)(  +)(\S.*)$`)

func (t *paragraphs) add(line string) {
	content := strings.TrimLeft(line, " ")
	indent := len(line) - len(content)
	item := entry.FindStringSubmatch(line)
	switch {
	case content == "":
		t.endVerbatim()
		t.column, t.gap = 0, true
	case t.column > 0 && indent >= t.column:
		t.line(escape(content))
	case item != nil:
		t.endVerbatim()
		t.column, t.gap = len(item[1])+len(item[2])+len(item[3]), true
		t.term(`\fB` + escape(item[2]) + `\fR`)
		t.line(escape(item[4]))
	case indent > 0:
		if !t.verbatim {
			t.line(".PP\n.RS 4\n.EX")
		}
		t.column, t.verbatim, t.gap = 0, true, true
		t.line(escape(content))
	default:
		t.endVerbatim()
		if t.gap {
			t.line(".PP")
		}
		t.column, t.gap = 0, false
		t.line(escape(content))
	}
}

func (t *paragraphs) endVerbatim() {
	if t.verbatim {
		t.line(".EE\n.RE")
	}
	t.verbatim = false
}
