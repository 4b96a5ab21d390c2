package zipkin

import (
	"bytes"
	"io"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

const formatName = "zipkin"

// Attributes that Zipkin has members for. The names are those of the OpenTelemetry collector's translator (contrib,
// pkg/translator/zipkin/zipkinv2); those for IPv6 are ours, as it has one for both.
const (
	keyHostIP   = "net.host.ip"   // of a process
	keyHostIPv6 = "net.host.ipv6" // the same, if there are two
	keyHostPort = "net.host.port" // of a span: a process's spans may have several, or none
	keyPeer     = "peer.service"
	keyPeerIP   = "net.peer.ip"
	keyPeerIPv6 = "net.peer.ipv6"
	keyPeerPort = "net.peer.port"

	// fieldDropped is the name for Jaeger in OpenTelemetry's specification; for Zipkin there is none.
	fieldDropped = "otel.event.dropped_attributes_count"
)

// Attributes and tags that carry what would be lost.
const (
	keyShared  = "zipkin.shared"     // true: the span said that it has the ID of another one
	keyDebug   = "zipkin.debug"      // true
	keyID      = "zipkin.id"         // of the server's half of two spans with one ID: that
	keyParent  = "zipkin.parent"     // the parent's ID as the file has it, where the model has another
	keyProcess = "spanstack.process" // tag: attributes of the process, as a JSON object
)

// halfMask makes the ID of the server's half of two spans that have one ID: it is that ID with these bits turned.
const halfMask spans.ID = 0x5ea7_4a1f_5ea7_4a1f

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        formatName,
	Description: "Zipkin v2 JSON: a list of spans",
	Extensions:  []string{".zipkin.json", ".zipkin"},
	MIMEType:    "application/json",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Windowed,
	Keeps: tracefmt.KeepsTimes | tracefmt.KeepsOpen | tracefmt.KeepsTracks | tracefmt.KeepsAttrs | tracefmt.KeepsIDs |
		tracefmt.KeepsAsync, // instants and log lines in spans only
	Spans: true,
}

func init() { tracefmt.Register(Format) }

// detect looks for the two IDs that each span has. Those of OpenTelemetry have a "spanId" instead.
func detect(prefix []byte) int {
	text := bytes.TrimLeft(bytes.TrimPrefix(prefix, []byte("\ufeff")), " \t\r\n")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return 0
	}
	has := func(name string) bool { return bytes.Contains(text, []byte(name)) }
	switch {
	case !has(`"traceId"`) || !has(`"id"`) || has(`"resourceSpans"`) || has(`"ph"`):
		return 0
	case has(`"spanId"`):
		return 20
	case has(`"localEndpoint"`) || has(`"timestamp"`):
		return 90
	}
	return 60
}
