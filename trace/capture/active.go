package capture

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spanstack/spanstack/trace"
)

// A node is an open task or span, or one that something open was started in.
type node struct {
	trace.Record
	depth int
}

// treeOf returns records of open work in the order of a tree: parents before children, siblings by their starts.
func treeOf(records []trace.Record) []node {
	known := map[trace.ID]bool{}
	for i := range records {
		known[records[i].ID] = true
	}
	below := map[trace.ID][]int{}
	for i := range records {
		parent := records[i].Parent
		if !known[parent] {
			parent = 0
		}
		below[parent] = append(below[parent], i)
	}
	type item struct{ index, depth int }
	var stack []item
	push := func(parent trace.ID, depth int) {
		children := below[parent]
		for i := range children {
			stack = append(stack, item{children[len(children)-1-i], depth})
		}
	}
	tree := make([]node, 0, len(records))
	for push(0, 0); len(stack) > 0; { // not by recursion: trees can be as deep as there are tasks
		top := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		tree = append(tree, node{records[top.index], top.depth})
		push(records[top.index].ID, top.depth+1)
	}
	return tree
}

// active serves what is open now.
func (h *handler) active(w http.ResponseWriter, r *request) error {
	asJSON, err := r.wantsJSON()
	if err != nil {
		return err
	}
	contentType := "text/plain; charset=utf-8"
	if asJSON {
		contentType = "application/json"
	}
	out := r.answer(w, contentType, true)
	if r.Method == http.MethodHead {
		return nil
	}
	rec := h.config.Recorder
	open := rec.Active()
	tree, now := treeOf(open), rec.Now()
	b := bufio.NewWriter(out)
	if asJSON {
		_ = writeActiveJSON(b, rec, tree, now)
	} else {
		tasks, spans := countOpen(open)
		fmt.Fprintf(b, "%s (pid %d): %s and %s are open, level %s\n", printable(filepath.Base(os.Args[0])), os.Getpid(),
			plural(tasks, "task"), plural(spans, "span"), rec.Level())
		if n := rec.Forgotten(); n > 0 {
			fmt.Fprintf(b, "%d more were open for so long that they were forgotten: they are never ended\n", n)
		}
		writeActive(b, tree, now)
	}
	_ = b.Flush() // the client is gone
	_ = out.Close()
	return nil
}

func writeActive(b *bufio.Writer, tree []node, now int64) {
	if len(tree) == 0 {
		return
	}
	rows := [][]string{{"AGE", "KIND", "ID", "NAME"}}
	for _, n := range tree {
		age := short(now - n.Start)
		if n.Phase == trace.PhaseGone {
			age = "ended"
		}
		rows = append(rows, []string{age, n.Kind.String(), n.ID.String(), indent(n.depth) + printable(n.Name), details(&n.Record)})
	}
	writeTable(b, rows)
}

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

// What is open, as JSON.
type (
	activeJSON struct {
		Program   string     `json:"program"`
		PID       int        `json:"pid"`
		Time      time.Time  `json:"time"`
		Level     string     `json:"level"`
		Forgotten uint64     `json:"forgotten"`
		Open      []openJSON `json:"open"` // parents before children
	}
	openJSON struct {
		ID     trace.ID       `json:"id"`
		Parent *trace.ID      `json:"parent,omitempty"`
		Task   trace.ID       `json:"task"`
		Trace  *trace.TraceID `json:"trace,omitempty"`
		Depth  int            `json:"depth"`
		Kind   string         `json:"kind"`
		Name   string         `json:"name"`
		Start  time.Time      `json:"start"`
		AgeNS  int64          `json:"age_ns"`
		Ended  bool           `json:"ended,omitempty"` // it is shown since something in it is open
		Attrs  map[string]any `json:"attrs,omitempty"`
		Status string         `json:"status,omitempty"` // "error" or "cancelled"
		Error  string         `json:"error,omitempty"`
		Site   string         `json:"site,omitempty"`
	}
)

var statusNames = map[trace.Status]string{trace.StatusError: "error", trace.StatusCancelled: "cancelled"}

func writeActiveJSON(w io.Writer, rec *trace.Recorder, tree []node, now int64) error {
	at := func(ns int64) time.Time { return rec.Epoch().Add(time.Duration(ns)).UTC() }
	doc := activeJSON{Program: filepath.Base(os.Args[0]), PID: os.Getpid(), Time: at(now), Level: rec.Level().String(),
		Forgotten: rec.Forgotten(), Open: []openJSON{}}
	for _, n := range tree {
		o := openJSON{ID: n.ID, Task: n.Task, Depth: n.depth, Kind: n.Kind.String(), Name: n.Name, Start: at(n.Start), AgeNS: now - n.Start,
			Ended: n.Phase == trace.PhaseGone, Attrs: attrsJSON(n.Attrs), Status: statusNames[n.Status], Error: n.Err, Site: n.Site}
		if n.Parent != 0 {
			o.Parent = &n.Parent
		}
		if !n.Trace.IsZero() {
			o.Trace = &n.Trace
		}
		doc.Open = append(doc.Open, o)
	}
	return writeJSON(w, doc)
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
		line := fmt.Sprintf("%s  %8s  %-7s  %-13s  %s  %s", rec.Epoch().Add(time.Duration(r.Start)).UTC().Format("2006-01-02T15:04:05.000000Z"),
			length, r.Kind, idText(id), name, details(r))
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
