package anonymize

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// json replaces the texts of a JSON value, and its numbers. One that can't be parsed is taken for a text.
func (r *Reader) json(text string) tracefmt.Value {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	w := rewriter{Reader: r}
	for {
		token, err := d.Token()
		if err == io.EOF && len(w.open) == 0 && w.out.Len() > 0 {
			return tracefmt.RawJSON(w.out.String())
		}
		if err != nil {
			return tracefmt.String(r.p.text(text))
		}
		w.token(token)
	}
}

// rewriter writes the tokens of a JSON value.
type rewriter struct {
	*Reader
	out  strings.Builder
	open []level
}

// level is an object or array that is open.
type level struct {
	object bool
	n      int // of the tokens that were in it: names and values
}

func (w *rewriter) token(token json.Token) {
	if end, ok := token.(json.Delim); ok && (end == '}' || end == ']') {
		w.open = w.open[:len(w.open)-1]
		w.out.WriteByte(byte(end))
		return
	}
	isKey := w.separate()
	switch t := token.(type) {
	case json.Delim:
		w.open = append(w.open, level{object: t == '{'})
		w.out.WriteByte(byte(t))
	case string:
		if isKey {
			t = w.text(Keys, t)
		} else {
			t = w.p.text(t)
		}
		quoted, _ := json.Marshal(t) // strings can't fail
		w.out.Write(quoted)
	case json.Number:
		if w.o.KeepNumbers {
			w.out.WriteString(t.String())
		} else {
			w.out.WriteString(roundText(t.String()))
		}
	case bool:
		w.out.WriteString(map[bool]string{false: "false", true: "true"}[t])
	case nil:
		w.out.WriteString("null")
	}
}

// separate writes what comes before a token, and reports whether that is a name in an object.
func (w *rewriter) separate() (isKey bool) {
	if len(w.open) == 0 {
		return false
	}
	l := &w.open[len(w.open)-1]
	isKey = l.object && l.n%2 == 0
	switch {
	case l.object && !isKey:
		w.out.WriteByte(':')
	case l.n > 0:
		w.out.WriteByte(',')
	}
	l.n++
	return isKey
}
