// Package table writes reports as text: columns that are aligned, and names that can't do harm to a terminal.
package table

import (
	"bufio"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ANSI escape sequences for the colour of a cell.
const (
	Red    = "\x1b[31m"
	Green  = "\x1b[32m"
	Yellow = "\x1b[33m"

	reset = "\x1b[0m"
)

// Write writes rows with their columns aligned to the right, except the last. All rows have as many cells as the first.
// colour returns the escape sequence with which a cell is written, or "". Errors are those of b, which keeps them.
func Write(b *bufio.Writer, rows [][]string, colour func(row, column int) string) {
	if len(rows) == 0 {
		return
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		var line strings.Builder
		last := len(row) - 1
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == last {
				pad = ""
			}
			if c := colour(n, i); c != "" && cell != "" {
				cell = c + cell + reset
			}
			line.WriteString("  " + pad + cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
}

// Printable returns s with control characters escaped, so that a name can't break the table or the terminal.
func Printable(s string) string {
	if !strings.ContainsFunc(s, isControl) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isControl(r rune) bool {
	return unicode.IsControl(r) || slices.Contains([]rune{'\u2028', '\u2029', '\u200e', '\u200f', '\u202a', '\u202b',
		'\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069', '\ufeff'}, r)
}
