package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A table is rendered in Markdown, with its columns aligned, so that it reads well as text, too.
type table struct {
	right []bool // whether a column is aligned to the right
	rows  [][]string
}

// newTable returns a table with these headings. One that ends with ":" is that of a column of numbers.
func newTable(headings ...string) *table {
	t := &table{}
	for i, h := range headings {
		var isRight bool
		headings[i], isRight = strings.CutSuffix(h, ":")
		t.right = append(t.right, isRight)
	}
	t.rows = append(t.rows, headings)
	return t
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(out *bytes.Buffer) {
	widths := make([]int, len(t.right))
	for _, row := range t.rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range t.rows {
		for i, cell := range row {
			if t.right[i] {
				fmt.Fprintf(out, "| %*s ", widths[i], cell)
			} else {
				fmt.Fprintf(out, "| %-*s ", widths[i], cell)
			}
		}
		out.WriteString("|\n")
		if n == 0 {
			t.writeRule(out, widths)
		}
	}
}

// writeRule writes the line between headings and rows.
func (t *table) writeRule(out *bytes.Buffer, widths []int) {
	for i, w := range widths {
		end := " "
		if t.right[i] {
			end, w = ": ", w-1
		}
		out.WriteString("| " + strings.Repeat("-", w) + end)
	}
	out.WriteString("|\n")
}
