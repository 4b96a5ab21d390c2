package logging

import (
	"log/slog"
	"unicode/utf8"

	"github.com/spanstack/spanstack/trace"
)

// Widths of the columns of human format; longer texts move what follows.
const (
	levelWidth     = 5
	subsystemWidth = 10
	messageWidth   = 40
)

// Colours, as ECMA-48 "select graphic rendition" sequences.
const (
	colorReset  = "\x1b[0m"
	colorFaint  = "\x1b[2m"
	colorRed    = "\x1b[31m"
	colorGreen  = "\x1b[32m"
	colorYellow = "\x1b[33m"
	colorBlue   = "\x1b[34m"
	colorCyan   = "\x1b[36m"
)

// appendHuman appends a line such as
//
//	2026-01-31 09:05:00.123456 INFO  zfs        sent snapshot                            bytes=4096 trace=/…/
func appendHuman(b []byte, l *Line, color bool) []byte {
	p := painter(color)
	if !l.Time.IsZero() {
		t := l.Time.Local()
		b = p.start(b, colorFaint)
		b = appendDate(b, t, ' ')
		b = appendDigits(append(b, '.'), t.Nanosecond()/1000, 6)
		b = append(p.end(b), ' ')
	}
	b = p.start(b, levelColor(l.Level))
	column := len(b)
	b = appendLevel(b, l.Level)
	width := len(b) - column
	b = pad(p.end(b), levelWidth-width)
	b = p.start(append(b, ' '), colorBlue)
	column = len(b)
	if l.Subsystem == "" {
		b = append(b, '-')
	} else {
		b = appendPrintable(b, l.Subsystem)
	}
	width = utf8.RuneCount(b[column:])
	b = append(pad(p.end(b), subsystemWidth-width), ' ')

	column = len(b)
	b = appendPrintable(b, l.Message)
	if len(l.Attrs) > 0 || l.Stack != "" || l.Ref != (trace.Ref{}) {
		b = pad(b, messageWidth-utf8.RuneCount(b[column:]))
	}
	w := pairs{b: b}
	if color {
		w.keyColor, w.reset = colorCyan, colorReset
	}
	w.attrs("", l.Attrs)
	b = w.end()
	if l.Ended {
		b = p.end(append(p.start(append(b, ' '), colorYellow), "span_ended=true"...))
	}
	if l.Stack != "" {
		b = append(p.start(append(b, ' '), colorFaint), "trace="...)
		b = p.end(append(b, l.Stack...))
	}
	if l.Ref != (trace.Ref{}) {
		b = p.end(appendOTelIDs(p.start(b, colorFaint), l.Ref))
	}
	return append(b, '\n')
}

// A painter appends colours if it is true.
type painter bool

func (p painter) start(b []byte, color string) []byte {
	if !p {
		return b
	}
	return append(b, color...)
}

func (p painter) end(b []byte) []byte { return p.start(b, colorReset) }

func levelColor(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return colorRed
	case l >= slog.LevelWarn:
		return colorYellow
	case l >= slog.LevelInfo:
		return colorGreen
	}
	return colorFaint
}

func pad(b []byte, n int) []byte {
	for ; n > 0; n-- {
		b = append(b, ' ')
	}
	return b
}

// appendPrintable appends s without quotes; what isn't printable is escaped.
func appendPrintable(b []byte, s string) []byte {
	s = cut(s)
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c <= '~' {
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = appendVisible(b, r, s[i:i+size])
		i += size
	}
	return b
}
