package zstream

import "log/slog"

// Stats says what has passed a [Verifier].
type Stats struct {
	Bytes      int64 // of the stream
	Substreams int   // streams of single snapshots; 1 unless First.Compound
	Whole      bool  // the last END record was there, and Close found nothing wrong

	First Begin    // of the stream: of a package its outer one. Without what comes from nvlists
	Last  Begin    // of the last substream: what the stream leads to. Likewise
	All   Features // of all BEGIN records together

	// Listed is how many datasets have the snapshot that the package leads to, as its list says, and Missing how many of these
	// snapshots have not come. Both are 0 if First isn't Compound, and for a package without a list (zfs send -I alone).
	Listed, Missing int

	Records [NumRecordTypes]RecordStats // indexed by RecordType

	// LogicalBytes is how many bytes of files and volumes the WRITE and WRITE_EMBEDDED records hold, uncompressed, and
	// WireBytes how many bytes of payload they take.
	LogicalBytes, WireBytes int64

	// Unchecked is how many substreams have no checksum in each record, as before OpenZFS 0.7, but at the end only.
	Unchecked int
}

// RecordStats counts records of one type.
type RecordStats struct {
	Count   int64 `json:"count"`
	Payload int64 `json:"payload"` // bytes that follow the headers
}

// Attrs returns the statistics as attributes of a span: bytes and records by type, of types that are there.
func (s *Stats) Attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("stream.to_name", s.Last.ToName),
		slog.Uint64("stream.to_guid", s.Last.ToGUID),
		slog.Uint64("stream.from_guid", s.Last.FromGUID),
		slog.String("stream.features", s.All.String()),
		slog.Bool("stream.compound", s.First.Compound),
		slog.Bool("stream.whole", s.Whole),
		slog.Int("stream.substreams", s.Substreams),
		slog.Int64("stream.bytes", s.Bytes),
		slog.Int64("stream.logical_bytes", s.LogicalBytes),
		slog.Int64("stream.wire_bytes", s.WireBytes),
	}
	for t, n := range s.Records {
		if n.Count > 0 {
			attrs = append(attrs, slog.Int64("stream.records."+RecordType(t).String(), n.Count))
		}
	}
	return attrs
}
