package main

import (
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/summary"
)

const (
	longestTrack = 40 // characters
	longestValue = 80
	durationRoom = 7 // of the longest usual one, such as 12m34s or "instant"
)

// list prints events as text, a line each, with the seconds since begin.
func list(out io.Writer, events iter.Seq[*tracefmt.Event], begin int64) error {
	tracks := trackNames(events)
	width := 0
	for _, name := range tracks {
		width = max(width, utf8.RuneCountInString(name))
	}
	for e := range events {
		duration := "-"
		text := printable(e.Name)
		switch e.Kind {
		case tracefmt.Begin:
			duration = "open"
		case tracefmt.Complete:
			duration = "open"
			if d, ok := e.Duration(); ok {
				duration = summary.Duration(d)
			}
		case tracefmt.Log:
			text = join(e.Severity.String(), printable(e.Attr(tracefmt.AttrSubsystem).String())+":", text)
		case tracefmt.AsyncBegin:
			text = join("begin:", text)
		case tracefmt.AsyncEnd:
			text = join("end:", text)
		case tracefmt.Instant, tracefmt.AsyncInstant:
			if e.Category == tracefmt.CategoryOpen {
				continue // the slice says so
			}
			if e.Category != "" {
				text = join(printable(e.Category)+":", text)
			}
		default:
			continue // arrows, and what has no time
		}
		text += attributes(e)
		track := tracks[e.Track]
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(track))
		line := fmt.Sprintf("%12s  %*s  %s%s  %s", seconds(e.Time-begin), durationRoom, duration, track, pad, text)
		if _, err := io.WriteString(out, strings.TrimRight(line, " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// seconds returns nanoseconds as seconds with microseconds.
func seconds(ns int64) string {
	sign := ""
	if ns < 0 {
		sign = "-"
	}
	abs := uint64(max(ns, -ns)) / 1000
	return fmt.Sprintf("%s%d.%06d", sign, abs/1e6, abs%1e6)
}

// trackNames returns the names of all tracks that events are on, with that of their processes if there are several.
func trackNames(events iter.Seq[*tracefmt.Event]) map[tracefmt.TrackID]string {
	processes := make(map[tracefmt.TrackID]string)
	names := map[tracefmt.TrackID]string{0: ""}
	for e := range events {
		if e.Kind == tracefmt.Process {
			processes[e.Track] = nameOf(e, "process")
			names[e.Track] = processes[e.Track]
		}
	}
	for e := range events {
		if e.Kind != tracefmt.Track {
			continue
		}
		name := nameOf(e, "track")
		if len(processes) > 1 {
			name = processes[e.Process] + "/" + name
		}
		names[e.Track] = name
	}
	for id, name := range names {
		names[id] = cut(name, longestTrack)
	}
	return names
}

func nameOf(e *tracefmt.Event, sort string) string {
	if e.Name == "" {
		return sort + " " + printable(e.SourceID.String())
	}
	return printable(e.Name)
}

// attributes returns an event's attributes, without those that have their place elsewhere or tell of the source code.
func attributes(e *tracefmt.Event) string {
	var b strings.Builder
	for _, a := range e.Attrs {
		isPlace := a.Key == tracefmt.AttrSubsystem || a.Key == tracefmt.AttrStack
		if isPlace && e.Kind == tracefmt.Log || strings.HasPrefix(a.Key, "code.") {
			continue
		}
		value := a.Value.String()
		if a.Value.Kind() == tracefmt.StringValue && (value == "" || strings.ContainsAny(value, " =\"")) {
			value = strconv.Quote(value)
		}
		b.WriteString(" " + printable(a.Key) + "=" + cut(printable(value), longestValue))
	}
	return b.String()
}

// join joins those of the texts that say something.
func join(texts ...string) string {
	kept := texts[:0]
	for _, t := range texts {
		if t != "" && t != ":" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, " ")
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// printable returns s with everything escaped that a terminal might act on.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}
