package fxt

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// argument is one of a record's.
type argument struct {
	key  string
	ref  uint16 // of the key
	kind uint64
	num  uint64
	text string // of a string, which is inline
}

func (w *Writer) addArg(key string, kind, num uint64, text string) {
	w.args = append(w.args, argument{key: key, kind: kind, num: num, text: text})
}

func (w *Writer) addText(key, text string) { w.addArg(key, argString, 0, valid(text)) }

// addValue adds an attribute. Numbers get the smallest type that they fit into.
func (w *Writer) addValue(key string, v tracefmt.Value) {
	switch v.Kind() {
	case tracefmt.StringValue:
		w.addText(key, v.String())
	case tracefmt.Int64Value:
		if n, _ := v.Int64(); n == int64(int32(n)) {
			w.addArg(key, argInt32, uint64(uint32(n)), "")
		} else {
			w.addArg(key, argInt64, uint64(n), "")
		}
	case tracefmt.Uint64Value:
		n, _ := v.Uint64()
		w.addArg(key, argUint64, n, "")
	case tracefmt.Float64Value:
		f, _ := v.Float64()
		w.addArg(key, argDouble, math.Float64bits(f), "")
	case tracefmt.BoolValue:
		b, _ := v.Bool()
		w.addBool(key, b)
	case tracefmt.RawValue:
		w.addJSON(key, v.String())
	default:
		w.addArg(key, argNull, 0, "")
	}
}

func (w *Writer) addBool(key string, b bool) {
	n := uint64(0)
	if b {
		n = 1
	}
	w.addArg(key, argBool, n, "")
}

// addJSON adds JSON as a string whose name says so. null has a type of its own.
func (w *Writer) addJSON(key, text string) {
	if text == "null" {
		w.addArg(key, argNull, 0, "")
		return
	}
	compact, ok := jsontext.AppendCompact(nil, text)
	if !ok {
		w.losses.Add("attribute that isn't valid JSON, written as a string")
		w.addText(key, text)
		return
	}
	w.addText(keyJSON+key, string(compact))
}

// words returns how many words the argument takes.
func (a *argument) words() int {
	n := 1 + inlineWords(a.ref)
	switch a.kind {
	case argString:
		return n + padded(len(a.text))/wordSize
	case argInt64, argUint64, argDouble, argKoid:
		return n + 1
	}
	return n
}

func (w *Writer) putArg(a *argument) {
	header := a.kind | uint64(a.words())<<4 | uint64(a.ref)<<16
	switch a.kind {
	case argString:
		if len(a.text) > 0 {
			header |= uint64(inlineText|len(a.text)) << 32
		}
		w.put(header)
		w.putInline(a.ref, a.key)
		w.putText(a.text)
	case argInt64, argUint64, argDouble, argKoid:
		w.put(header)
		w.putInline(a.ref, a.key)
		w.put(a.num)
	default:
		w.put(header | a.num<<32)
		w.putInline(a.ref, a.key)
	}
}

// measure gives the arguments references to their names, and returns how many words they take; ok says that a record
// can have them.
func (w *Writer) measure() (words int, ok bool) {
	if len(w.args) > maxArgs {
		return 0, false
	}
	for i := range w.args {
		a := &w.args[i]
		if len(a.key) > maxIndexed {
			a.key = valid(a.key)
		}
		if len(a.key) > maxText || len(a.text) > maxText {
			return 0, false
		}
		a.ref = w.ref(a.key)
		words += a.words()
	}
	return words, true
}

// event writes an event record on a thread, with a last word where its type has one.
func (w *Writer) event(kind uint64, th *outThread, e *tracefmt.Event, tail uint64) {
	w.args = w.args[:0]
	if w.collect(e) && w.eventRecord(kind, th, e, e.Name, e.Category, tail) {
		return
	}
	w.putExtra(e)
	w.args = w.args[:0]
	w.collectSome(e)
	w.eventRecord(kind, th, e, cut(e.Name), cut(e.Category), tail)
}

// eventRecord writes the record, if it isn't too long. Its arguments are in w.args.
func (w *Writer) eventRecord(kind uint64, th *outThread, e *tracefmt.Event, name, category string, tail uint64) bool {
	w.names.begin()
	if len(name) > maxIndexed || len(category) > maxIndexed {
		name, category = valid(name), valid(category)
		if len(name) > maxText || len(category) > maxText {
			return false
		}
	}
	argWords, ok := w.measure()
	if !ok {
		return false
	}
	thread, categoryRef, nameRef := w.threadRef(th), w.ref(category), w.ref(name)
	words := 2 + inlineWords(categoryRef) + inlineWords(nameRef) + argWords
	hasTail := kind == eventCounter || kind >= eventComplete
	if hasTail {
		words++
	}
	if words > maxWords {
		return false
	}
	w.put(recordEvent | uint64(words)<<4 | kind<<16 | uint64(len(w.args))<<20 | uint64(thread)<<24 |
		uint64(categoryRef)<<32 | uint64(nameRef)<<48)
	w.put(uint64(e.Time))
	w.putInline(categoryRef, category)
	w.putInline(nameRef, name)
	for i := range w.args {
		w.putArg(&w.args[i])
	}
	if hasTail {
		w.put(tail)
	}
	return true
}

// structure adds the arguments without which an event isn't what it is, whatever else it has.
func (w *Writer) structure(e *tracefmt.Event) {
	switch {
	case e.Kind == tracefmt.Complete && e.Dur < 0:
		w.addBool(keyOpen, true)
	case e.Kind == tracefmt.FlowEnd && e.BindNext:
		w.addBool(keyNext, true)
	}
}

// collect puts all that there is to say of an event into w.args. It reports whether all can be said there.
func (w *Writer) collect(e *tracefmt.Event) bool {
	w.structure(e)
	if e.Kind != tracefmt.End {
		if e.ID != "" {
			w.addText(keyID, e.ID)
		}
		if e.Parent != "" {
			w.addText(keyParent, e.Parent)
		}
	}
	if e.Key != "" {
		if _, isNumber := decimal(e.Key); !isNumber || e.Kind == tracefmt.Counter && e.Key == "0" {
			w.addText(keyKey, e.Key)
		}
	}
	for i := range e.Attrs {
		if strings.HasPrefix(e.Attrs[i].Key, ownPrefix) {
			return false
		}
		w.addValue(e.Attrs[i].Key, e.Attrs[i].Value)
	}
	return true
}

// collectSome puts into w.args what viewers should see of an event of which all is in blobs already.
func (w *Writer) collectSome(e *tracefmt.Event) {
	w.structure(e)
	for _, a := range e.Attrs[:min(len(e.Attrs), maxArgs-2)] {
		if strings.HasPrefix(a.Key, ownPrefix) || len(a.Key) > maxIndexed {
			continue
		}
		if text := a.Value.String(); len(text) > maxShown {
			a.Value = tracefmt.String(cut(text))
		}
		w.addValue(a.Key, a.Value)
	}
}

// maxShown is how many bytes of a string are shown of an event that is in blobs.
const maxShown = 1024

// cut returns the first maxShown bytes of a text, without a part of a character.
func cut(text string) string {
	if len(text) <= maxShown {
		return text
	}
	n := maxShown
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// logLine writes a log record, and before it a blob with what that has no place for.
func (w *Writer) logLine(e *tracefmt.Event) {
	message := valid(e.Name)
	if len(message) > maxText {
		message = cut(message)
	}
	if len(e.Name) > maxText || e.Category != "" || e.Severity != 0 || e.ID != "" || e.Parent != "" || len(e.Attrs) > 0 {
		w.putExtra(e)
	}
	thread := w.threadRef(w.track(e.Track).thread())
	w.put(recordLog | uint64(2+padded(len(message))/wordSize)<<4 | uint64(len(message))<<16 | uint64(thread)<<32)
	w.put(uint64(e.Time))
	w.putText(message)
}

// counter writes a counter's values.
func (w *Writer) counter(e *tracefmt.Event) {
	numbers := 0
	for _, a := range e.Attrs {
		if isNumber(a) {
			numbers++
		}
	}
	if numbers < len(e.Attrs) {
		w.losses.Add("counter's value that isn't a number")
		only := *e
		only.Attrs = nil
		for _, a := range e.Attrs {
			if isNumber(a) {
				only.Attrs = append(only.Attrs, a)
			}
		}
		e = &only
	}
	if numbers == 0 {
		w.losses.Add("counter without a value")
		return
	}
	id := uint64(0)
	if e.Key != "" {
		id, _ = correlation(e.Key, e.Category, e.Name)
	}
	w.event(eventCounter, w.track(e.Track).thread(), e, id)
}

func isNumber(a tracefmt.Attr) bool {
	_, ok := a.Value.Float64()
	return ok
}

// flow writes a point of a flow.
func (w *Writer) flow(e *tracefmt.Event) {
	id, _ := correlation(e.Key, e.Category, e.Name)
	w.event(eventTypes[e.Kind], w.track(e.Track).thread(), e, id)
}
