package spanlog

import (
	"bytes"
	"io"
	"log/slog"
	"math"

	"github.com/spanstack/spanstack/tracefmt"
)

// Names of the fields that package logging writes before all others, and slog's own handlers, too, as far as they have
// them.
const (
	keyTime      = slog.TimeKey
	keyLevel     = slog.LevelKey
	keyMessage   = slog.MessageKey
	keySubsystem = tracefmt.AttrSubsystem
	keyStack     = tracefmt.AttrStack
	keyEnded     = "span_ended"

	noStack   = "none"    // the stack of lines outside of any task
	secondary = "fields." // before the name of a field that poses as one of these
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "spanlog",
	Description: "log lines as JSON or logfmt, with the spans that they belong to (package logging, log/slog)",
	Extensions:  []string{".log", ".logfmt"},
	MIMEType:    "application/x-ndjson",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	Keeps:       tracefmt.KeepsLogs | tracefmt.KeepsAttrs | tracefmt.KeepsIDs | tracefmt.KeepsClock,
}

func init() { tracefmt.Register(Format) }

// detect looks for the first log line. One that is cut off is known by its beginning.
func detect(prefix []byte) int {
	first, human := true, false
	var l line
	for len(prefix) > 0 {
		text, rest, whole := bytes.Cut(prefix, []byte("\n"))
		prefix = rest
		text = trim(text)
		switch {
		case len(text) == 0:
			continue
		case (whole || text[0] == '{') && l.parse(text) && l.timed:
			if first {
				return tracefmt.Certain
			}
			return 60
		case !whole && beginsWithTime(text):
			if first {
				return 70
			}
			return 50
		}
		human = human || isHuman(text)
		first = false
	}
	if human {
		return 40 // to say why it can't be read
	}
	return 0
}

// beginsWithTime reports whether a line that is cut off begins as package logging's do.
func beginsWithTime(text []byte) bool {
	for _, head := range []string{`{"` + keyTime + `":"`, keyTime + "="} {
		if rest, ok := bytes.CutPrefix(text, []byte(head)); ok {
			if end := bytes.IndexAny(rest, "\" "); end > 0 {
				_, ok := parseTime(rest[:end])
				return ok
			}
		}
	}
	return false
}

// isHuman reports whether a line looks like those of package logging's format for eyes:
//
//	2026-01-31 09:05:00.123456 INFO  zfs        sent snapshot
func isHuman(text []byte) bool {
	if i := bytes.IndexByte(text, 'm'); i > 0 && text[0] == '\x1b' {
		text = text[i+1:] // a colour
	}
	const form = "2006-01-02 15:04:05.000000"
	if len(text) <= len(form) {
		return false
	}
	for i, c := range []byte(form) {
		if isDigit := text[i]-'0' <= 9; isDigit != (c-'0' <= 9) || !isDigit && text[i] != c {
			return false
		}
	}
	rest := text[len(form):]
	return rest[0] == ' ' || rest[0] == '\x1b'
}

// parseLevel returns the severity of a level such as INFO, warn or ERROR+2, or of one of OpenTelemetry's.
func parseLevel(text []byte) (s tracefmt.Severity, ok bool) {
	switch string(text) {
	case "DEBUG":
		return tracefmt.SeverityDebug, true
	case "INFO":
		return tracefmt.SeverityInfo, true
	case "WARN":
		return tracefmt.SeverityWarn, true
	case "ERROR":
		return tracefmt.SeverityError, true
	}
	if len(text) > 32 {
		return 0, false
	}
	var level slog.Level
	if level.UnmarshalText(text) == nil {
		if level > math.MaxInt32 || level < math.MinInt32 {
			return 0, false // its sum with an offset might be one that went round
		}
		return tracefmt.SeverityOf(level), true
	}
	return tracefmt.ParseSeverity(string(bytes.ToUpper(text)))
}
