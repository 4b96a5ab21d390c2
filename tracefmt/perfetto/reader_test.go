package perfetto

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/compress"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"google.golang.org/protobuf/encoding/protowire"
)

// message builds a message out of fields.
func message(fields ...[]byte) []byte { return bytes.Join(fields, nil) }

func num(field protowire.Number, v int64) []byte { return appendUint(nil, field, uint64(v)) }

func str(field protowire.Number, s string) []byte { return appendText(nil, field, s) }

func sub(field protowire.Number, fields ...[]byte) []byte {
	return str(field, string(message(fields...)))
}

// pack makes a TracePacket of a sequence, at a time.
func pack(sequence, time int64, fields ...[]byte) []byte {
	return sub(tracePacket, num(packetSequence, sequence), num(packetTimestamp, time), message(fields...))
}

func event(fields ...[]byte) []byte { return sub(packetTrackEvent, fields...) }

var (
	cleared = num(packetFlags, flagCleared)
	needs   = num(packetFlags, flagNeeds)
	begin   = num(eventType, typeBegin)
	end     = num(eventType, typeEnd)
	instant = num(eventType, typeInstant)
	thread  = sub(packetTrackDescriptor, num(trackUUID, 9), sub(trackThread, num(threadPID, 3), num(threadTID, 4), str(threadName, "th")))
)

// withZstd returns packets compressed with zstd, as Perfetto does since v58.
func withZstd(t *testing.T, packets []byte) []byte {
	var out bytes.Buffer
	zw := compress.Zstd.NewWriter(&out)
	if _, err := zw.Write(packets); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return sub(tracePacket, str(packetZstd, out.String()))
}

func compressed(t *testing.T, packets []byte) []byte {
	var out bytes.Buffer
	zw := zlib.NewWriter(&out)
	if _, err := zw.Write(packets); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return sub(tracePacket, str(packetCompressed, out.String()))
}

// TestReader reads packets that our Writer doesn't write. A dot before a line's events stands for their metadata.
func TestReader(t *testing.T) {
	interned := sub(packetInterned, sub(internNames, num(internEntryID, 5), str(internEntryText, "five")),
		sub(internCategories, num(1, 1), str(2, "one")), sub(internCategories, num(1, 2), str(2, "two")))
	clock := func(id, time int64, more ...[]byte) []byte {
		return sub(snapshotClocks, num(clockID, id), num(clockTimestamp, time), message(more...))
	}
	duration := sub(eventLegacy, num(legacyDurationUs, 0))
	note := sub(eventAnnotations, str(annotationName, "k"), num(annotationInt, 1))
	for _, c := range []struct {
		name   string
		input  []byte
		want   string // events, one a line: kind, time, name, and so on
		losses string
	}{
		{"interning, per sequence", message(
			pack(1, 1, cleared, interned, thread),
			pack(1, 10, needs, event(instant, num(eventTrack, 9), num(eventNameIID, 5), str(eventCategoryIIDs, "\x01\x02"))),
			pack(2, 11, cleared, event(instant, num(eventTrack, 9), num(eventNameIID, 5))),
			pack(1, 12, cleared, event(instant, num(eventTrack, 9), num(eventNameIID, 5)))),
			"process/track th/instant 10 five cat one,two/instant 11/instant 12", "name that was never interned 2"},
		{"lost packets", message(
			pack(1, 1, cleared, num(packetFirst, 1), thread),
			pack(1, 10, needs, event(instant, num(eventTrack, 9), str(eventName, "a"))),
			pack(1, 20, needs, num(packetDropped, 1), event(instant, num(eventTrack, 9), str(eventName, "b"))),
			pack(1, 30, needs, event(instant, num(eventTrack, 9), str(eventName, "c"))),
			pack(1, 40, cleared, event(instant, num(eventTrack, 9), str(eventName, "d")))),
			"process/track th/instant 10 a/instant 20 packets lost cat loss/instant 40 d",
			"event without the packets that it builds on 2, packets that were lost when the trace was recorded (previous_packet_dropped) 1"},
		{"defaults", message(
			pack(1, 1, cleared, thread, sub(packetDefaults, sub(defaultsTrackEvent, num(eventTrack, 9)))),
			pack(1, 10, needs, event(begin, str(eventName, "a"))), pack(1, 20, needs, event(end))),
			"process/track th/begin 10 a/end 20", ""},
		{"the thread of a sequence", message(
			pack(1, 1, cleared, thread),
			pack(1, 10, event(instant, str(eventName, "thread"))),
			pack(1, 11, event(instant, num(eventTrack, 0), str(eventName, "whole")))),
			"process/track th/instant 10 thread/instant 11 whole", ""},
		{"compressed", message(pack(1, 1, cleared, thread), compressed(t, message(
			pack(1, 10, event(begin, str(eventName, "a"))), str(2, "unknown"), pack(1, 20, event(end)))),
			pack(1, 30, event(instant, str(eventName, "b")))),
			"process/track th/begin 10 a/end 20/instant 30 b", ""},
		{"compressed with zstd, in several packets", message(pack(1, 1, cleared, thread),
			withZstd(t, pack(1, 10, event(begin, str(eventName, "a")))), compressed(t, pack(1, 11, event(instant, str(eventName, "zlib")))),
			withZstd(t, message(pack(1, 20, event(end)), pack(1, 25, event(instant, str(eventName, "b")))))),
			"process/track th/begin 10 a/instant 11 zlib/end 20/instant 25 b", ""},
		{"clocks", message(
			pack(1, 0, cleared, thread, sub(packetDefaults, num(defaultsClockID, 64))),
			pack(1, 0, sub(packetClockSnapshot, clock(clockBoottime, 1_000_000), clock(clockRealtime, 5_000_000), clock(clockMonotonic, 900_000),
				clock(64, 7, num(clockIsDelta, 1), num(clockUnit, 1000)))),
			pack(1, 3, event(instant, str(eventName, "3 µs later"))),
			pack(1, 2, event(instant, str(eventName, "2 more"))),
			pack(1, 900_050, num(packetClockID, clockMonotonic), event(instant, str(eventName, "monotonic"))),
			pack(1, 5, num(packetClockID, 99), event(instant, str(eventName, "unknown")))),
			"process/track th/clock 1000000 unix 5000000/instant 1003000 3 µs later/instant 1005000 2 more/instant 1000050 monotonic/instant 5 unknown",
			"time on clock 99, which no snapshot relates to the trace's; taken as it is 1"},
		{"older times", message(
			pack(1, 0, cleared, sub(packetThreadDescriptor, num(threadPID, 3), num(threadTID, 4), num(threadReferenceUs, 100))),
			pack(1, 0, event(begin, num(eventDeltaUs, 5), str(eventName, "a"))),
			pack(1, 0, event(end, num(eventDeltaUs, 6))),
			pack(1, 0, event(instant, num(eventAbsoluteUs, 7), str(eventName, "b")))),
			"process/track/begin 105000 a/end 111000/instant 7000 b", ""},
		{"tracks of their own", message(
			pack(1, 1, cleared, thread),
			pack(1, 2, sub(packetTrackDescriptor, num(trackUUID, 20), num(trackParent, 9), str(trackName, "queue"))),
			pack(1, 2, sub(packetTrackDescriptor, num(trackUUID, 21), str(trackName, "root"))),
			pack(1, 10, event(begin, num(eventTrack, 20), str(eventName, "a"))),
			pack(1, 11, event(begin, num(eventTrack, 21), str(eventName, "b"))),
			pack(1, 12, event(begin, num(eventTrack, 22), str(eventName, "c")))),
			"process/track th/track queue/begin 10 a/process/track root/begin 11 b/track/begin 12 c", "track that isn't described 1"},
		{"flows", message(
			pack(1, 1, cleared, thread),
			pack(1, 10, event(begin, str(eventName, "a"), appendFixed(nil, eventFlows, 255))),
			pack(1, 11, event(instant, str(eventName, "b"), num(eventFlowsOld, 255))),
			pack(1, 12, event(end, appendFixed(nil, eventEndFlows, 255))),
			pack(1, 13, event(end, appendFixed(nil, eventEndFlows, 255)))),
			"process/track th/begin 10 a/flow start 10 key 0xff/instant 11 b/flow step 11 key 0xff/flow end 12 key 0xff/end 12/end 13",
			"flow end without a start 1"},
		{"legacy events", message(
			pack(1, 1, cleared, thread),
			pack(1, 10, event(str(eventName, "x"), sub(eventLegacy, num(legacyPhase, 'X'), num(legacyDurationUs, 5), num(legacyBindID, 1), num(legacyDirection, 2)))),
			pack(1, 11, event(str(eventName, "g"), sub(eventLegacy, num(legacyPhase, 'i'), num(legacyInstant, 1)))),
			pack(1, 12, event(str(eventName, "b"), sub(eventLegacy, num(legacyPhase, 'b'), num(legacyLocalID, 16), str(legacyScopeName, "s")))),
			pack(1, 13, event(str(eventName, "b"), sub(eventLegacy, num(legacyPhase, 'e'), num(legacyLocalID, 16), str(legacyScopeName, "s")))),
			pack(1, 14, event(str(eventName, "f"), sub(eventLegacy, num(legacyPhase, 'f'), num(legacyUnscopedID, 3)))),
			pack(1, 15, event(str(eventName, "o"), sub(eventLegacy, num(legacyPhase, 'P'), num(legacyPID, 77))))),
			"process/track th/complete 10 x dur 5000/flow start 10 key 0x1/instant 11 g/async begin 12 b key 1:s:0x10/async end 13 b key 1:s:0x10/flow end 14 f key 0x3 next",
			`legacy event of phase 'P' 1`},
		{"counters", message(
			pack(1, 1, cleared, thread),
			pack(1, 2, sub(packetTrackDescriptor, num(trackUUID, 30), num(trackParent, 9), str(trackName, "bytes"), sub(trackCounter, num(counterUnit, 1000)))),
			pack(1, 2, sub(packetTrackDescriptor, num(trackUUID, 31), num(trackParent, 9), sub(trackCounter, num(counterType, 1), num(counterIsIncrement, 1)))),
			pack(1, 10, event(num(eventType, typeCounter), num(eventTrack, 30), num(eventCounter, 2))),
			pack(1, 11, event(begin, str(eventName, "a"), num(eventExtraTracks, 31), num(eventExtraValues, 5))),
			pack(1, 12, event(end, num(eventExtraTracks, 31), num(eventExtraValues, 4))),
			pack(1, 13, event(num(eventType, typeCounter), num(eventTrack, 9), num(eventCounter, 2)))),
			"process/track th/counter 10 bytes {value=2000}/counter 11 thread_time {value=5}/begin 11 a/counter 12 thread_time {value=9}/end 12",
			"value of a counter on a track that isn't one 1"},
		{"logs and annotations", message(
			pack(1, 1, cleared, thread, sub(packetInterned, sub(internLogBodies, num(1, 1), str(2, "said")), sub(internStrings, num(1, 2), str(2, "interned")))),
			pack(1, 10, event(instant, sub(eventLog, num(logBodyIID, 1), num(logPriority, 5)),
				sub(eventAnnotations, str(annotationName, "s"), num(annotationStrIID, 2)),
				sub(eventAnnotations, str(annotationName, "p"), num(annotationPointer, 255)),
				sub(eventAnnotations, str(annotationName, "d"), sub(annotationDict, str(annotationName, "k"), sub(annotationArray, num(annotationInt, 1)))),
				sub(eventAnnotations, str(annotationName, "old"), sub(annotationNested, num(nestedType, 1), str(nestedKeys, "k"),
					sub(nestedDict, num(nestedType, 2), sub(nestedArray, num(nestedInt, 1)), sub(nestedArray, str(nestedString, "x")))))))),
			`process/track th/log 10 said WARN {s=interned p=0xff d={"k":[1]} old={"k":[1,"x"]}}`, ""},
		{"ends of slices with a duration", message(pack(1, 1, cleared, thread),
			pack(1, 10, event(begin, num(eventTrack, 9), str(eventName, "a"), duration)), pack(1, 15, event(end, num(eventTrack, 9), str(eventName, "a"))),
			pack(1, 20, event(begin, num(eventTrack, 9), str(eventName, "a"), duration)), pack(1, 19, event(end, num(eventTrack, 9), str(eventName, "a"))),
			pack(1, 30, event(begin, str(eventName, "b"), duration, num(eventTrack, 9))), pack(1, 31, event(end, str(eventName, "b"))), // of the thread
			pack(1, 40, event(begin, num(eventTrack, 9), duration, str(eventName, "c"))), pack(1, 41, event(end, num(eventTrack, 9))),
			pack(1, 50, event(begin, num(eventTrack, 9), note, duration)), pack(1, 51, event(end, num(eventTrack, 9), note)),
			pack(1, 60, event(begin, num(eventTrack, 9), duration, note)), pack(1, 61, event(end, num(eventTrack, 9))),
			pack(1, 70, event(begin, num(eventTrack, 9), duration)), pack(1, 72, interned, event(end, num(eventTrack, 9)))),
			"process/track th/complete 10 a dur 5/begin 20 a/end 19 a/begin 30 b/end 31 b/begin 40 c/end 41/" +
				"complete 50 dur 1 {k=1 k=1}/complete 60 dur 1 {k=1}/complete 70 dur 2", ""},
		{"times that follow each other, of slices with a duration", message(
			sub(tracePacket, num(packetSequence, 1), cleared, thread, sub(packetDefaults, num(defaultsClockID, 64)), sub(packetClockSnapshot,
				clock(clockBoottime, 1000), clock(64, 0, num(clockIsDelta, 1)))),
			pack(1, 10, event(begin, num(eventTrack, 9), duration)), pack(1, 5, event(end, num(eventTrack, 9))),
			pack(1, 5, event(begin, num(eventTrack, 9), duration)), pack(1, -3, event(end, num(eventTrack, 9))), pack(1, 5, event(instant))),
			"process/track th/complete 1010 dur 5/begin 1020/end 1017/instant 1022", ""},
		{"other data", message(pack(1, 1, cleared, sub(1, num(1, 1)), sub(66, num(1, 1)), sub(555, num(1, 1)), sub(35)), str(7, "unknown"), num(8, 3)),
			"", "CPU samples 1, data of another sort (field 555 of a packet) 1, events of the kernel (ftrace) 1"},
	} {
		r := NewReader(bytes.NewReader(c.input))
		events, err := fmttest.ReadAll(r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var lines, losses []string
		for i := range events {
			lines = append(lines, line(&events[i]))
		}
		if got := strings.Join(lines, "/"); got != c.want {
			t.Errorf("%s: got\n  %s\nwant\n  %s", c.name, got, c.want)
		}
		for _, l := range r.Losses() {
			losses = append(losses, fmt.Sprintf("%s %d", l.What, l.Count))
		}
		if got := strings.Join(losses, ", "); got != c.losses {
			t.Errorf("%s: lost\n  %s\nwant\n  %s", c.name, got, c.losses)
		}
	}
}

func line(e *tracefmt.Event) string {
	var b strings.Builder
	b.WriteString(e.Kind.String())
	if e.Kind.Timed() {
		fmt.Fprint(&b, " ", e.Time)
	}
	if e.Name != "" {
		fmt.Fprint(&b, " ", e.Name)
	}
	if e.Category != "" {
		fmt.Fprint(&b, " cat ", e.Category)
	}
	if e.Key != "" {
		fmt.Fprint(&b, " key ", e.Key)
	}
	if e.Kind == tracefmt.Complete {
		fmt.Fprint(&b, " dur ", e.Dur)
	}
	if e.Kind == tracefmt.Clock {
		fmt.Fprint(&b, " unix ", e.Unix)
	}
	if e.BindNext {
		b.WriteString(" next")
	}
	if e.Severity != 0 {
		fmt.Fprint(&b, " ", e.Severity)
	}
	if len(e.Attrs) > 0 {
		var list []string
		for _, a := range e.Attrs {
			list = append(list, a.Key+"="+a.Value.String())
		}
		fmt.Fprintf(&b, " {%s}", strings.Join(list, " "))
	}
	return b.String()
}

// TestBroken reads what is no trace, from some byte on.
func TestBroken(t *testing.T) {
	good := slices.Clip(pack(1, 1, cleared, thread))
	defer func(n int64) { maxUnpacked = n }(maxUnpacked)
	maxUnpacked = 1 << 20
	bomb := bytes.Repeat([]byte{0}, int(maxUnpacked)+1)
	for name, c := range map[string]struct {
		input []byte
		want  string
	}{
		"field number 0":  {append(good, 0), "no field of a protobuf message"},
		"wire type":       {append(good, 0x0f), "wire type 7"},
		"length":          {append(good, 0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f), "a packet of 34359738367 bytes"},
		"number":          {append(good, bytes.Repeat([]byte{0xff}, 11)...), "more than 64 bits"},
		"in a packet":     {append(good, sub(tracePacket, []byte{0x58})...), "a malformed packet"},
		"in an event":     {append(good, pack(1, 1, str(packetTrackEvent, "\x58"))...), "a malformed packet"},
		"zlib":            {append(good, sub(tracePacket, str(packetCompressed, "xx"))...), "compressed packets: "},
		"compressed once": {append(good, compressed(t, compressed(t, good))...), "compressed packets in compressed packets"},
		"zstd":            {append(good, sub(tracePacket, str(packetZstd, "xx"))...), "compressed packets: "},
		"cut zstd":        {append(good, sub(tracePacket, str(packetZstd, "\x28\xb5\x2f\xfd\x04"))...), "compressed packets: "},
		"zstd in zlib":    {append(good, compressed(t, withZstd(t, good))...), "compressed packets in compressed packets"},
		"bomb of zstd":    {append(good, withZstd(t, bomb)...), "more than 1048576 bytes"},
		"bomb":            {append(good, compressed(t, bomb)...), "more than 1048576 bytes"},
	} {
		events, err := fmttest.ReadAll(NewReader(bytes.NewReader(c.input)))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), fmt.Sprintf("byte %d", len(good))) {
			t.Errorf("%s: %v", name, err)
		}
		if len(events) != 2 {
			t.Errorf("%s: %d events before", name, len(events))
		}
	}
}

// TestWithoutZstd: where nobody imports package compress, packets that need it are counted.
func TestWithoutZstd(t *testing.T) {
	other := *compress.Zstd
	other.Name = "other"
	defer func(c tracefmt.Compression) { *compress.Zstd = c }(*compress.Zstd)
	*compress.Zstd = other
	r := NewReader(bytes.NewReader(message(pack(1, 1, cleared, thread), withZstd(t, pack(1, 2, event(begin))))))
	events, err := fmttest.ReadAll(r)
	if err != nil || len(events) != 2 || len(r.Losses()) != 1 {
		t.Errorf("%d events, losses %v, %v", len(events), r.Losses(), err)
	}
}

// TestDetect has what begins like a trace, and isn't one.
func TestDetect(t *testing.T) {
	for text, want := range map[string]int{
		"":                         0,
		"\n":                       0,
		"\n\n\n":                   0,
		"\n{\"a\":1}":              0,
		"\n# a 5\n":                0,
		"\x0a\x04\x08\x01\x10\x02": 0, // a profile of pprof, not packed
	} {
		if got := detect([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := detect(pack(1, 1, cleared, thread)); got < 90 {
		t.Errorf("a trace: %d", got)
	}
}
