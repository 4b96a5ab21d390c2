package spans

// Attributes of slices that carry what spans have beside attributes.
const (
	KeyTrace         = "trace_id"  // 32 hex digits
	KeyKind          = "span.kind" // see Kind.String
	KeyScope         = "otel.scope.name"
	KeyScopeVersion  = "otel.scope.version"
	KeyScopeSchema   = "otel.scope.schema_url"
	KeyScopeAttrs    = "otel.scope.attributes" // a JSON object
	KeyState         = "otel.trace_state"
	KeyFlags         = "otel.flags"
	KeyStatus        = "otel.status_code" // "OK"; an error is tracefmt.AttrError
	KeyDroppedAttrs  = "otel.dropped_attributes_count"
	KeyDroppedEvents = "otel.dropped_events_count"
	KeyDroppedLinks  = "otel.dropped_links_count"

	KeyLinkSpan  = "link.span"  // 16 hex digits
	KeyLinkTrace = "link.trace" // 32 hex digits
	KeyLinkState = "otel.link.trace_state"
	KeyLinkFlags = "otel.link.flags"

	KeyBody         = "otel.log.body" // of a log record whose body is no string: the body
	KeyEventName    = "otel.log.event_name"
	KeySeverityText = "otel.log.severity_text" // unless it is the short name of the number

	KeyThreadID       = "thread.id"
	KeyThreadName     = "thread.name"
	KeyService        = "service.name"
	KeyPID            = "process.pid"
	KeyResourceSchema = "otel.resource.schema_url"
)

// Attributes of spans that carry what slices have beside what spans have.
const (
	own = "spanstack."

	keyCategory = own + "category"
	keyID       = own + "id"        // of a span, or of the other end of a link: its ID, if that isn't 16 hex digits
	keyParent   = own + "parent"    // the parent's
	keyNested   = own + "nested"    // true: the parent is the slice around this one, which it didn't name
	keyAsync    = own + "async"     // of a span: it is an async slice with this Key; of an event: it is of one (true)
	keyInstant  = own + "instant"   // true: of a log record that is an instant
	keyTime     = own + "time"      // of a link: when it was told, in ns since 1970, if that isn't the span's start
	keySeverity = own + "severity"  // of an event: it is a log line of this severity, or of none ("")
	keyOrder    = own + "order"     // of a resource: the process's Order
	keySource   = own + "source_id" // of a resource: the process's SourceID, if that is no number

	categoryEvent = "event" // of instants that are events of spans
	spansTrack    = "spans" // the name of the track of spans without threads
)
