package capture

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/tracefmt"
)

const indexStyle = `body{font-family:sans-serif;margin:2em;max-width:60em}
td{padding:.2em 1em .2em 0;vertical-align:top}
code{white-space:pre-wrap}`

const indexHead = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>%s: /debug/trace/</title><style>%s</style></head>
<body><h1>%[1]s</h1>
`

// index serves the page that tells what there is.
func (h *handler) index(w http.ResponseWriter, r *request) error {
	hash := sha256.Sum256([]byte(indexStyle))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; "+
		"frame-ancestors 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	rec := h.config.Recorder
	var b strings.Builder
	title := html.EscapeString(fmt.Sprintf("%s (pid %d)", filepath.Base(os.Args[0]), os.Getpid()))
	fmt.Fprintf(&b, indexHead, title, indexStyle)
	if h.config.ShowCommand {
		fmt.Fprintf(&b, "<p><code>%s</code></p>\n", html.EscapeString(strings.Join(os.Args, " ")))
	}
	tasks, spans := countOpen(rec.Active())
	fmt.Fprintf(&b, "<p>Open: %s, %s. Level: %s.</p>\n<table>\n", plural(tasks, "task"), plural(spans, "span"), rec.Level())
	pages := endpoints()
	if h.config.UI != nil {
		pages = append(pages, endpoint{name: "ui/", help: "The viewer: a picture of what is going on, with logs beside spans, that follows the program."})
	}
	for _, e := range pages {
		fmt.Fprintf(&b, "<tr><td><a href=\"%s\">%s</a></td><td>%s</td></tr>\n",
			html.EscapeString(e.name+e.link), e.name, html.EscapeString(e.help))
	}
	b.WriteString("</table>\n<p>Formats of files, by <code>?format=</code>:</p>\n<table>\n")
	for _, f := range tracefmt.Formats() {
		if f.NewWriter == nil {
			continue
		}
		note := ""
		if f.Mode != tracefmt.Streaming {
			note = " (not for stream)"
		}
		fmt.Fprintf(&b, "<tr><td>%s</td><td>%s</td></tr>\n", html.EscapeString(f.Name), html.EscapeString(f.Description+note))
	}
	b.WriteString("</table></body></html>\n")
	_, _ = w.Write([]byte(b.String())) // the client is gone
	return nil
}

// countOpen counts what hasn't ended.
func countOpen(records []trace.Record) (tasks, spans int) {
	for i := range records {
		switch r := &records[i]; {
		case r.Phase == trace.PhaseGone:
		case r.Kind == trace.KindTask:
			tasks++
		default:
			spans++
		}
	}
	return tasks, spans
}
