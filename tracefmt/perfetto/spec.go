package perfetto

import (
	"encoding/binary"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers, by message. Files are those below protos/perfetto/trace of github.com/google/perfetto, v58.
const (
	tracePacket = 1 // Trace.packet, trace.proto

	// TracePacket, trace_packet.proto
	packetClockSnapshot     = 6
	packetTimestamp         = 8
	packetSequence          = 10 // trusted_packet_sequence_id
	packetTrackEvent        = 11
	packetInterned          = 12
	packetFlags             = 13 // sequence_flags
	packetStateCleared      = 41 // incremental_state_cleared, deprecated
	packetDropped           = 42 // previous_packet_dropped
	packetProcessDescriptor = 43 // deprecated
	packetThreadDescriptor  = 44 // deprecated
	packetCompressed        = 50 // compressed_packets: zlib
	packetClockID           = 58 // timestamp_clock_id
	packetDefaults          = 59
	packetTrackDescriptor   = 60
	packetFirst             = 87  // first_packet_on_sequence
	packetZstd              = 133 // zstd_compressed_packets

	// TracePacket.SequenceFlags
	flagCleared = 1 // SEQ_INCREMENTAL_STATE_CLEARED
	flagNeeds   = 2 // SEQ_NEEDS_INCREMENTAL_STATE

	// TracePacketDefaults, trace_packet_defaults.proto
	defaultsTrackEvent = 11
	defaultsClockID    = 58

	// ClockSnapshot and its Clock, clock_snapshot.proto
	snapshotClocks  = 1
	snapshotPrimary = 2
	clockID         = 1
	clockTimestamp  = 2
	clockIsDelta    = 3 // is_incremental
	clockUnit       = 4 // unit_multiplier_ns

	// BuiltinClock, common/builtin_clock.proto. 64 to 127 are a sequence's own.
	clockRealtime  = 1
	clockMonotonic = 3
	clockBoottime  = 6
	clockFirstOwn  = 64
	clockLastOwn   = 127

	// TrackDescriptor, track_event/track_descriptor.proto
	trackUUID        = 1
	trackName        = 2
	trackProcess     = 3
	trackThread      = 4
	trackParent      = 5
	trackCounter     = 8
	trackStaticName  = 10
	trackAtraceName  = 13
	trackDescription = 14
	trackMerge       = 15 // sibling_merge_behavior
	trackMergeKey    = 16 // sibling_merge_key

	mergeByKey = 3 // SIBLING_MERGE_BEHAVIOR_BY_SIBLING_MERGE_KEY

	// ProcessDescriptor, track_event/process_descriptor.proto
	processPID   = 1
	processOrder = 3 // legacy_sort_index
	processName  = 6

	// ThreadDescriptor, track_event/thread_descriptor.proto
	threadPID         = 1
	threadTID         = 2
	threadOrder       = 3 // legacy_sort_index
	threadName        = 5
	threadReferenceUs = 6 // reference_timestamp_us

	// CounterDescriptor, track_event/counter_descriptor.proto
	counterType        = 1
	counterUnit        = 4 // unit_multiplier
	counterIsIncrement = 5 // is_incremental

	// InternedData, interned_data/interned_data.proto; all entries have iid = 1 and a text = 2
	internCategories  = 1
	internNames       = 2
	internAnnotations = 3
	internLogBodies   = 20
	internStrings     = 29
	internEntryID     = 1
	internEntryText   = 2

	// TrackEvent, track_event/track_event.proto
	eventDeltaUs        = 1 // timestamp_delta_us, deprecated
	eventCategoryIIDs   = 3
	eventAnnotations    = 4
	eventLegacy         = 6
	eventType           = 9
	eventNameIID        = 10
	eventTrack          = 11
	eventExtraValues    = 12
	eventAbsoluteUs     = 16 // timestamp_absolute_us, deprecated
	eventLog            = 21
	eventCategories     = 22
	eventName           = 23
	eventCounter        = 30
	eventExtraTracks    = 31
	eventFlowsOld       = 36
	eventEndFlowsOld    = 42
	eventDouble         = 44
	eventExtraDblTracks = 45
	eventExtraDoubles   = 46
	eventFlows          = 47
	eventEndFlows       = 48

	// TrackEvent.Type
	typeBegin   = 1
	typeEnd     = 2
	typeInstant = 3
	typeCounter = 4

	// TrackEvent.LegacyEvent
	legacyNameIID    = 1
	legacyPhase      = 2
	legacyDurationUs = 3
	legacyUnscopedID = 6
	legacyScopeName  = 7 // id_scope
	legacyBindID     = 8
	legacyLocalID    = 10
	legacyGlobalID   = 11
	legacyEnclosing  = 12 // bind_to_enclosing
	legacyDirection  = 13 // flow_direction: 1 in, 2 out, 3 both
	legacyInstant    = 14 // instant_event_scope: 1 global, 2 process, 3 thread
	legacyPID        = 18
	legacyTID        = 19

	// LogMessage, track_event/log_message.proto
	logBodyIID  = 2
	logPriority = 3

	// DebugAnnotation, track_event/debug_annotation.proto
	annotationNameIID = 1
	annotationBool    = 2
	annotationUint    = 3
	annotationInt     = 4
	annotationDouble  = 5
	annotationString  = 6
	annotationPointer = 7
	annotationNested  = 8 // nested_value, deprecated
	annotationJSON    = 9 // legacy_json_value
	annotationName    = 10
	annotationDict    = 11
	annotationArray   = 12
	annotationStrIID  = 17

	// DebugAnnotation.NestedValue
	nestedType   = 1 // 1 dictionary, 2 array
	nestedKeys   = 2
	nestedDict   = 3
	nestedArray  = 4
	nestedInt    = 5
	nestedDouble = 6
	nestedBool   = 7
	nestedString = 8
)

// Names of debug annotations, and of members of a track's description, that carry what the format has no place for.
const (
	ownPrefix    = "spanstack."
	argID        = ownPrefix + "id"         // Event.ID
	argParent    = ownPrefix + "parent"     // Event.Parent
	argKey       = ownPrefix + "key"        // of an async slice: Event.Key
	argFlowStart = ownPrefix + "flow_start" // of an instant: it is a FlowStart with this Key; and so on
	argFlowStep  = ownPrefix + "flow_step"
	argFlowEnd   = ownPrefix + "flow_end"
	argFlowNext  = ownPrefix + "flow_next" // a FlowEnd that points to the next slice
	argLevel     = "level"                 // of a log line: Severity's name

	descSource = ownPrefix + "source_id" // Event.SourceID, where it can't be a pid or tid
	descOrder  = ownPrefix + "order"     // Event.Order, where it has no 32 bits
)

// Merge keys of tracks that are no tracks of the model. Perfetto's UI shows the tracks of one key and parent as one.
const (
	mergeAsync   = ownPrefix + "async:"   // an async slice's; followed by its name
	mergeCounter = ownPrefix + "counter:" // a counter's series; followed by a JSON array, see counterKey
	mergeOverlap = ownPrefix + "overlap"  // the slices of the parent that overlap others there
)

// catLog is the category of log lines, or its first part.
const catLog = "log"

// catLane is the category of arrows to slices that aren't on their parent's lane.
const catLane = ownPrefix + "lane"

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "perfetto",
	Description: "Perfetto's own protobuf traces (ui.perfetto.dev, trace_processor)",
	Extensions:  []string{".pftrace", ".perfetto-trace", ".perfetto"},
	MIMEType:    "application/vnd.google.perfetto-trace",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Streaming,
	Keeps:       tracefmt.KeepsAll,
}

func init() { tracefmt.Register(Format) }

// packetTypes says of which wire type the fields are that tell a TracePacket from other messages that begin alike.
var packetTypes = map[protowire.Number]protowire.Type{
	packetClockSnapshot: protowire.BytesType, packetTimestamp: protowire.VarintType, packetSequence: protowire.VarintType,
	packetTrackEvent: protowire.BytesType, packetInterned: protowire.BytesType, packetFlags: protowire.VarintType,
	packetCompressed: protowire.BytesType, packetZstd: protowire.BytesType, packetTrackDescriptor: protowire.BytesType,
}

// detect wants the first packet to be a message with fields that packets have. A file begins with field 1 of a message,
// as other protobuf files do, and as text that begins with a newline seems to.
func detect(prefix []byte) int {
	if len(prefix) < 2 || prefix[0] != tracePacket<<3|byte(protowire.BytesType) {
		return 0
	}
	size, n := binary.Uvarint(prefix[1:])
	if n <= 0 {
		return 0
	}
	body := prefix[1+n:]
	whole := uint64(len(body)) >= size
	if whole {
		body = body[:size]
	}
	known := 0
	for len(body) > 0 {
		num, typ, n := protowire.ConsumeTag(body)
		if n < 0 {
			break
		}
		if want, ok := packetTypes[num]; ok && typ != want || num > 2000 {
			return 0
		} else if ok {
			known++
		}
		m := protowire.ConsumeFieldValue(num, typ, body[n:])
		if m < 0 {
			if !whole {
				break
			}
			return 0
		}
		body = body[n+m:]
	}
	switch {
	case whole && len(body) > 0:
		return 0
	case whole && known > 0:
		return 90
	case known > 0:
		return 50
	}
	return 0
}

// isLog reports whether a category marks a log line, and returns the line's own category.
func isLog(category string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(category, catLog); !ok {
		return "", false
	}
	if rest == "" {
		return "", true
	}
	return strings.CutPrefix(rest, ",")
}

// priorities maps the groups of severities, TRACE to FATAL, to LogMessage.Priority: VERBOSE is 2, FATAL is 7.
func priority(s tracefmt.Severity) uint64 { return uint64(s-1)/4 + 2 }

// severityOf is the reverse of priority; 0 for PRIO_UNSPECIFIED and PRIO_UNUSED.
func severityOf(priority uint64) tracefmt.Severity {
	if priority < 2 || priority > 7 {
		return 0
	}
	return tracefmt.Severity((priority-2)*4 + 1)
}
