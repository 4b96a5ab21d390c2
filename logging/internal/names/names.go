// Package names gives small enumerations their text forms, for flags and configuration files.
package names

import (
	"fmt"
	"strings"
)

// Of returns the name of v, which is its index in names.
func Of[T ~uint8](v T, names []string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("unknown(%d)", v)
}

// Parse sets to to the value whose name the text is, in upper or lower case. The error says what it is that has no such
// name, and which there are.
func Parse[T ~uint8](to *T, text []byte, what string, names []string) error {
	for i, name := range names {
		if strings.EqualFold(name, string(text)) {
			*to = T(i)
			return nil
		}
	}
	last := len(names) - 1
	return fmt.Errorf("unknown %s %q: want %s or %s", what, text, strings.Join(names[:last], ", "), names[last])
}
