package capture

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// A node is an open task or span, or one that something open was started in.
type node struct {
	trace.Record
	depth int
	log   *trace.Record // the last line of the log on it, if the flight recorder still has it
	state string        // what Config.Describe says
}

// describe adds to a tree what isn't in its records.
func (h *handler) describe(tree []node) {
	logs := lastLogs(h.config.Recorder)
	for i := range tree {
		tree[i].log = logs[tree[i].ID]
		if h.config.Describe != nil {
			tree[i].state = h.config.Describe(&tree[i].Record)
		}
	}
}

// lastLogs returns the last line of the log on each task and span, by its ID.
func lastLogs(rec *trace.Recorder) map[trace.ID]*trace.Record {
	last := make(map[trace.ID]*trace.Record)
	c := rec.NewConsumer(trace.ConsumerConfig{})
	for more := true; more; {
		var batch []trace.Record
		batch, more = c.Poll()
		for i := range batch {
			r := &batch[i]
			if r.Kind != trace.KindLog {
				continue
			}
			if before := last[r.Parent]; before == nil || before.Start <= r.Start {
				line := *r // the batch isn't kept for it
				last[r.Parent] = &line
			}
		}
	}
	return last
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
		tree = append(tree, node{Record: records[top.index], depth: top.depth})
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
	h.describe(tree)
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
		name := indent(n.depth) + printable(n.Name)
		about := details(&n.Record)
		if n.state != "" {
			about += " [" + printable(n.state) + "]"
		}
		rows = append(rows, []string{age, n.Kind.String(), n.ID.String(), name, strings.TrimPrefix(about, " ")})
		if n.log != nil {
			rows = append(rows, []string{short(now - n.log.Start), "log", "", indent(n.depth+1) + printable(n.log.Name), details(n.log)})
		}
	}
	writeTable(b, rows)
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
		State  string         `json:"state,omitempty"`    // what else there is to tell, such as what a process is doing
		Log    *logJSON       `json:"last_log,omitempty"` // the last line of the log on it
	}
	logJSON struct {
		Time    time.Time      `json:"time"`
		Level   string         `json:"level"`
		Message string         `json:"msg"`
		Attrs   map[string]any `json:"attrs,omitempty"`
	}
)

var statusNames = map[trace.Status]string{trace.StatusError: "error", trace.StatusCancelled: "cancelled"}

func writeActiveJSON(w io.Writer, rec *trace.Recorder, tree []node, now int64) error {
	at := func(ns int64) time.Time { return rec.Epoch().Add(time.Duration(ns)).UTC() }
	doc := activeJSON{Program: filepath.Base(os.Args[0]), PID: os.Getpid(), Time: at(now), Level: rec.Level().String(),
		Forgotten: rec.Forgotten(), Open: []openJSON{}}
	for _, n := range tree {
		o := openJSON{ID: n.ID, Task: n.Task, Depth: n.depth, Kind: n.Kind.String(), Name: n.Name, Start: at(n.Start),
			AgeNS: now - n.Start, Ended: n.Phase == trace.PhaseGone, Attrs: attrsJSON(n.Attrs),
			Status: statusNames[n.Status], Error: n.Err, Site: n.Site, State: n.state}
		if n.log != nil {
			o.Log = &logJSON{Time: at(n.log.Start), Level: n.log.Level.String(), Message: n.log.Name, Attrs: attrsJSON(n.log.Attrs)}
		}
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
