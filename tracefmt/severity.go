package tracefmt

import (
	"log/slog"
	"slices"
	"strconv"
)

// Severity is OpenTelemetry's severity number: 1 to 24, in six groups of four; 0 is unknown.
// Source: OpenTelemetry logs data model, "Field: SeverityNumber".
type Severity uint8

const (
	SeverityTrace Severity = 1
	SeverityDebug Severity = 5
	SeverityInfo  Severity = 9
	SeverityWarn  Severity = 13
	SeverityError Severity = 17
	SeverityFatal Severity = 21
)

var severityNames = func() (names [25]string) {
	for i, group := range []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"} {
		names[i*4+1] = group
		for sub := 2; sub <= 4; sub++ {
			names[i*4+sub] = group + strconv.Itoa(sub)
		}
	}
	return names
}()

// SeverityOf returns the severity of a slog level. slog's levels are spaced so that they map to OpenTelemetry's by
// adding 9; those outside of 1 to 24 are clipped.
func SeverityOf(level slog.Level) Severity {
	return Severity(min(max(int64(level)+9, 1), 24))
}

// String returns OpenTelemetry's short name, such as INFO or WARN2, and "" for 0.
func (s Severity) String() string {
	if int(s) >= len(severityNames) {
		return ""
	}
	return severityNames[s]
}

// ParseSeverity returns the severity with the given name, as String writes it.
func ParseSeverity(name string) (s Severity, ok bool) {
	i := slices.Index(severityNames[1:], name)
	return Severity(i + 1), i >= 0
}
