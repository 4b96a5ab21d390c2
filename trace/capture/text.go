package capture

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spanstack/spanstack/trace"
)

// writeTable writes rows with aligned columns. The first one is aligned to the right.
func writeTable(b *bufio.Writer, rows [][]string) {
	const widest = 60 // names beyond that don't move the others
	widths := make([]int, 5)
	for _, row := range rows {
		for i, cell := range row {
			if n := utf8.RuneCountInString(cell); n <= widest {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			switch i {
			case 0:
				line.WriteString("  " + pad + cell)
			default:
				line.WriteString("  " + cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
		b.WriteByte('\n')
	}
}

// indent returns what stands in front of a name. Very deep ones say how deep they are.
func indent(depth int) string {
	const deepest = 30
	if depth > deepest {
		return strings.Repeat("  ", deepest) + "+" + strconv.Itoa(depth-deepest) + " "
	}
	return strings.Repeat("  ", depth)
}

const unknown = "\x00" // a value that isn't shown

// details returns attributes, error and site in one line.
func details(r *trace.Record) string {
	var b strings.Builder
	add := func(key, value string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(printable(key))
		if value != unknown {
			b.WriteString("=" + quoted(value))
		}
	}
	for _, a := range r.Attrs {
		add(a.Key, a.Value.String())
	}
	if r.Kind == trace.KindCounter {
		add("value", r.Value.String())
	}
	switch r.Status {
	case trace.StatusError:
		if r.Phase == trace.PhaseBegin { // only the span's own goroutine can tell what its error says
			add("failed", unknown)
		} else {
			add("error", r.Err)
		}
	case trace.StatusCancelled:
		add("cancelled", r.Err)
	}
	if r.Site != "" {
		add("site", r.Site)
	}
	return b.String()
}

// printable returns s, quoted if it has what could break a line or a terminal.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return s
	}
	return strconv.Quote(s)
}

// quoted returns a value, quoted if it is no single word.
func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " \"=") {
		return strconv.Quote(s)
	}
	return printable(s)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// short returns a number of nanoseconds with three digits, or in whole seconds.
func short(ns int64) string {
	d := time.Duration(ns)
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit).String()
}

func writeJSON(w io.Writer, doc any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

// attrsJSON returns attributes with their types, as far as JSON has them.
func attrsJSON(attrs []slog.Attr) map[string]any {
	if len(attrs) == 0 {
		return nil
	}
	all := map[string]any{}
	for _, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindBool:
			all[a.Key] = a.Value.Bool()
		case slog.KindInt64:
			all[a.Key] = a.Value.Int64()
		case slog.KindUint64:
			all[a.Key] = a.Value.Uint64()
		default:
			all[a.Key] = a.Value.String()
			if f := a.Value; f.Kind() == slog.KindFloat64 && f.Float64()-f.Float64() == 0 { // JSON has no NaN and Inf
				all[a.Key] = f.Float64()
			}
		}
	}
	return all
}

// writeLines writes records as lines of text, in the order of time.
func writeLines(w io.Writer, rec *trace.Recorder, records []trace.Record) error {
	b := bufio.NewWriter(w)
	for i := range records {
		r := &records[i]
		length := ""
		switch {
		case r.Kind > trace.KindAsync:
		case r.Phase == trace.PhaseBegin:
			length = "open"
		default:
			length = short(r.End - r.Start)
		}
		name := printable(r.Name)
		if r.Kind == trace.KindLoss {
			name = fmt.Sprintf("%d records are lost", r.Count)
		}
		id := r.ID
		if id == 0 {
			id = r.Parent
		}
		at := rec.Epoch().Add(time.Duration(r.Start)).UTC().Format("2006-01-02T15:04:05.000000Z")
		line := fmt.Sprintf("%s  %8s  %-7s  %-13s  %s  %s", at, length, r.Kind, idText(id), name, details(r))
		b.WriteString(strings.TrimRight(line, " "))
		b.WriteByte('\n')
	}
	return b.Flush()
}

func idText(id trace.ID) string {
	if id == 0 {
		return "-"
	}
	return id.String()
}
