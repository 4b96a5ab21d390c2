package capture

import (
	"bufio"
	"fmt"
	"net/http"
	"time"

	"github.com/spanstack/spanstack/trace"
)

// maxAnomalies is how many recent ones are shown.
const maxAnomalies = 100

// Anomalies, as JSON.
type (
	anomaliesJSON struct {
		Counts    map[string]uint64 `json:"counts"`
		Forgotten uint64            `json:"forgotten"`
		Recent    []anomalyJSON     `json:"recent"` // the newest one last
	}
	anomalyJSON struct {
		Time   time.Time      `json:"time"`
		Misuse string         `json:"misuse"`
		Span   trace.ID       `json:"span"`
		Attrs  map[string]any `json:"attrs,omitempty"`
	}
)

// anomalies serves the counts of misuses, and those that the flight recorder holds.
func (h *handler) anomalies(w http.ResponseWriter, r *request) error {
	asJSON, err := r.wantsJSON()
	if err != nil {
		return err
	}
	contentType := "text/plain; charset=utf-8"
	if asJSON {
		contentType = "application/json"
	}
	if r.Method == http.MethodHead {
		r.answer(w, contentType, true)
		return nil
	}
	release, err := h.captures.take("captures")
	if err != nil {
		return err
	}
	defer release()
	rec := h.config.Recorder
	var recent []trace.Record
	for _, record := range rec.Snapshot() {
		if record.Kind == trace.KindAnomaly {
			recent = append(recent, record)
		}
	}
	recent = recent[max(0, len(recent)-maxAnomalies):]
	out := r.answer(w, contentType, true)
	b := bufio.NewWriter(out)
	if asJSON {
		doc := anomaliesJSON{Counts: map[string]uint64{}, Forgotten: rec.Forgotten(), Recent: []anomalyJSON{}}
		for m := trace.NoTask; m <= trace.TooDeep; m++ {
			doc.Counts[m.String()] = rec.Anomalies(m)
		}
		for _, a := range recent {
			at := rec.Epoch().Add(time.Duration(a.Start)).UTC()
			doc.Recent = append(doc.Recent, anomalyJSON{at, a.Name, a.Parent, attrsJSON(a.Attrs)})
		}
		_ = writeJSON(b, doc)
	} else {
		writeAnomalies(b, rec, recent)
	}
	_ = b.Flush() // the client is gone
	_ = out.Close()
	return nil
}

func writeAnomalies(b *bufio.Writer, rec *trace.Recorder, recent []trace.Record) {
	for m := trace.NoTask; m <= trace.TooDeep; m++ {
		fmt.Fprintf(b, "%8d  %s\n", rec.Anomalies(m), m)
	}
	fmt.Fprintf(b, "%8d  forgotten, since too much is open\n", rec.Forgotten())
	if len(recent) == 0 {
		return
	}
	fmt.Fprintf(b, "\nThe last ones that the flight recorder holds:\n")
	_ = writeLines(b, rec, recent)
}
