package csv

import (
	"io"

	"github.com/spanstack/spanstack/tracefmt"
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "csv",
	Description: "one row a slice, log line or value (RFC 4180; spreadsheets, databases)",
	Extensions:  []string{".csv"},
	MIMEType:    "text/csv; charset=utf-8; header=present",
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Streaming,
	Keeps: tracefmt.KeepsTimes | tracefmt.KeepsOpen | tracefmt.KeepsTracks | tracefmt.KeepsAttrs | tracefmt.KeepsIDs |
		tracefmt.KeepsInstants | tracefmt.KeepsLogs | tracefmt.KeepsCounters | tracefmt.KeepsAsync,
}

func init() { tracefmt.Register(Format) }

// header names the columns. Source of the form: RFC 4180, section 2.
const header = "kind,trace_id,id,parent,process,pid,track,tid,name,category,start_ns,clock,duration_ns,depth,error," +
	"severity,series,value,attributes\r\n"
