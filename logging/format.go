package logging

import "github.com/spanstack/spanstack/logging/internal/names"

// Format is how lines look.
type Format uint8

const (
	// FormatHuman is for eyes: aligned, local time with microseconds, trace last and shortened, colours if asked for.
	FormatHuman Format = iota
	// FormatLogfmt is key=value pairs: time (RFC 3339, UTC, 9 decimals), level, subsystem, trace, msg, attributes.
	// Groups become prefixes: group.key=value. A value is quoted as Go quotes strings if it needs to; a key never is,
	// but has the same backslash escapes.
	FormatLogfmt
	// FormatJSON is an object a line, with the same order of fields. Groups are objects. Values are as in
	// [slog.JSONHandler]: durations are integers of nanoseconds.
	FormatJSON
)

var formatNames = []string{FormatHuman: "human", FormatLogfmt: "logfmt", FormatJSON: "json"}

// String returns the format's name.
func (f Format) String() string { return names.Of(f, formatNames) }

// MarshalText implements encoding.TextMarshaler.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: human, logfmt or json.
func (f *Format) UnmarshalText(text []byte) error { return names.Parse(f, text, "format", formatNames) }

// StackStyle is how much of the ID stack a line shows.
type StackStyle uint8

const (
	StackAuto  StackStyle = iota // StackShort in human format, else StackFull
	StackFull                    // from the root task to the innermost span
	StackShort                   // the innermost two members
	StackOff                     // no trace field
)

var stackNames = []string{StackAuto: "auto", StackFull: "full", StackShort: "short", StackOff: "off"}

// String returns the style's name.
func (s StackStyle) String() string { return names.Of(s, stackNames) }

// MarshalText implements encoding.TextMarshaler.
func (s StackStyle) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: auto, full, short or off.
func (s *StackStyle) UnmarshalText(text []byte) error {
	return names.Parse(s, text, "stack style", stackNames)
}

// shortStack returns the last two members of an ID stack, behind a mark if there were more.
func shortStack(stack string) string {
	members := 0
	for i := len(stack) - 2; i > 0; i-- {
		if c := stack[i]; c == '/' || c == '.' || c == '~' {
			if members++; members == 2 {
				return "…" + stack[i:]
			}
		}
	}
	return stack
}
