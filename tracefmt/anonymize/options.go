package anonymize

import (
	"fmt"
	"slices"
	"strings"
)

// Options says what is to be left as it is. The zero value leaves as little as possible.
type Options struct {
	// Key makes the pseudonyms of several traces the same. If it is empty there is a random one, which nobody knows.
	Key         []byte
	Keep        []Part
	KeepAttrs   []string // attributes with these names, with their names
	KeepNumbers bool     // instead of their first digits only; pids and tids, too
	KeepTime    bool     // times, and the wall clock
}

// Part is a part of what is in a trace.
type Part string

const (
	Names      Part = "name"     // of slices, instants, arrows and counters
	Categories Part = "category" // of all of these
	Messages   Part = "message"  // of log lines
	Processes  Part = "process"  // their names
	Tracks     Part = "track"    // their names
	Keys       Part = "key"      // names of attributes
	IDs        Part = "id"       // of slices and traces, in whatever place
)

// Parts returns all parts.
func Parts() []Part { return []Part{Names, Categories, Messages, Processes, Tracks, Keys, IDs} }

// keepAttr is what a text of ParseKeep begins with if it is about one attribute.
const keepAttr = "attr:"

// ParseKeep adds what is left as it is: a Part, or "attr:" with the name of an attribute.
func (o *Options) ParseKeep(text string) error {
	if key, ok := strings.CutPrefix(text, keepAttr); ok && key != "" {
		o.KeepAttrs = append(o.KeepAttrs, key)
		return nil
	}
	if !slices.Contains(Parts(), Part(text)) {
		return fmt.Errorf("there is no part %q", text)
	}
	o.Keep = append(o.Keep, Part(text))
	return nil
}
