package parquet

import (
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/spanstack/spanstack/tracefmt"
)

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "parquet",
	Description: "Apache Parquet, one row a slice, log line or value (DuckDB, pandas)",
	Extensions:  []string{".parquet"},
	MIMEType:    "application/vnd.apache.parquet",
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Windowed,
	Keeps: tracefmt.KeepsTimes | tracefmt.KeepsOpen | tracefmt.KeepsTracks | tracefmt.KeepsAttrs | tracefmt.KeepsIDs |
		tracefmt.KeepsInstants | tracefmt.KeepsLogs | tracefmt.KeepsCounters | tracefmt.KeepsAsync,
}

func init() { tracefmt.Register(Format) }

// columns is the schema. Rows aren't made by reflection on it, but in the order of its fields: see Writer.row.
type columns struct {
	Kind       string            `parquet:"kind,dict"`
	TraceID    string            `parquet:"trace_id,optional,dict"`
	ID         string            `parquet:"id,optional"`
	Parent     string            `parquet:"parent,optional,dict"`
	Process    string            `parquet:"process,optional,dict"`
	PID        string            `parquet:"pid,optional,dict"`
	Track      string            `parquet:"track,optional,dict"`
	TID        string            `parquet:"tid,optional,dict"`
	Name       string            `parquet:"name,dict"`
	Category   string            `parquet:"category,optional,dict"`
	Start      int64             `parquet:"start,optional,timestamp(nanosecond),delta"`
	StartNS    int64             `parquet:"start_ns,delta"`
	Clock      string            `parquet:"clock,dict"`
	Duration   int64             `parquet:"duration_ns,optional"`
	Depth      int32             `parquet:"depth,optional,dict"`
	Error      string            `parquet:"error,optional,dict"`
	Severity   string            `parquet:"severity,optional,dict"`
	Series     string            `parquet:"series,optional,dict"`
	Value      float64           `parquet:"value,optional"`
	Attributes map[string]string `parquet:"attributes" parquet-key:",dict" parquet-value:",dict"`
}

var schema = parquet.NewSchema("trace", parquet.SchemaOf(columns{}))

const (
	rowsPerGroup  = 64 << 10
	bytesPerGroup = 32 << 20 // of text
	// maxDictionary is the size in bytes from which on a column of a row group goes on without a dictionary.
	maxDictionary = 1 << 20
	// batch is the number of rows that are handed to the library at once.
	batch = 128
)
