package perfetto

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/spanstack/spanstack/tracefmt"
	"google.golang.org/protobuf/encoding/protowire"
)

// packet is the fields of a TracePacket that matter here.
type packet struct {
	sequence             uint64
	flags                uint64
	dropped, first       bool
	time                 uint64
	hasTime              bool
	clock                uint64
	interned, defaults   []byte
	event, track, clocks []byte
	process, thread      []byte
	compressed           []byte
	zstd                 bool // that is what it is compressed with
}

// lostPackets says what packets hold that the model has no kinds for, by their fields; sizes of buffers and the like,
// which aren't about the program, are in quietPackets.
var lostPackets = map[int32]string{
	1: "events of the kernel (ftrace)", 2: "process tree", 4: "map of inodes", 5: "Chrome's older events",
	7: "system statistics", 9: "process statistics", 37: "heap profile", 38: "battery counters", 39: "Android's log",
	40: "power rails",
	49: "Perfetto's trace of itself", 54: "CPU samples", 56: "heap graph", 66: "CPU samples", 73: "memory snapshot",
}

var quietPackets = map[int32]bool{
	3: true, 33: true, 34: true, 35: true, 36: true, 45: true, 46: true, 51: true, 67: true, 69: true, 79: true, 89: true,
	98: true, 109: true,
}

// handle queues what a packet says.
func (r *Reader) handle(data []byte, outer bool) error {
	var p packet
	r.bad = false
	r.packets++
	if !p.ownEvent(data) {
		r.parse(&p, data)
	}
	if p.compressed != nil && !r.bad {
		if !outer {
			return r.syntax(r.start, errors.New("compressed packets in compressed packets"))
		}
		return r.unpack(p.compressed, p.zstd)
	}
	r.apply(&p)
	if r.bad {
		return r.syntax(r.start, errors.New("a malformed packet"))
	}
	return nil
}

// eventHead is how the packets of our Writer's events begin, as a number, with the tag of their time behind it.
var eventHead = func() (head uint64) {
	for i, c := range packetOfEvent[lengthAt+1:] {
		head |= uint64(c) << (8 * i)
	}
	return head
}()

const eventHeadLen = 5

// ownEvent reads a packet at one look, if it is as our Writer's events are that explain no names: their time is followed
// by the event, and that by nothing.
func (p *packet) ownEvent(data []byte) bool {
	const tag = packetTrackEvent<<3 | byte(protowire.BytesType)
	if len(data) < 8 || binary.LittleEndian.Uint64(data)&(1<<(8*eventHeadLen)-1) != eventHead {
		return false
	}
	time, n := protowire.ConsumeVarint(data[eventHeadLen:])
	at := eventHeadLen + n
	if n < 0 || at+1 >= len(data) || data[at] != tag {
		return false
	}
	size, n := protowire.ConsumeVarint(data[at+1:])
	if at += 1 + n; n < 0 || size != uint64(len(data)-at) {
		return false
	}
	p.sequence, p.flags = sequence, flagNeeds
	p.time, p.hasTime, p.event = time, true, data[at:]
	return true
}

func (r *Reader) parse(p *packet, data []byte) {
	c := cursor{b: data, bad: &r.bad}
	for c.next() {
		switch c.num {
		case packetTimestamp:
			p.time, p.hasTime = c.varint(), true
		case packetSequence:
			p.sequence = c.varint()
		case packetFlags:
			p.flags |= c.varint()
		case packetStateCleared:
			if c.varint() != 0 {
				p.flags |= flagCleared
			}
		case packetDropped:
			p.dropped = c.varint() != 0
		case packetFirst:
			p.first = c.varint() != 0
		case packetClockID:
			p.clock = c.varint()
		case packetTrackEvent:
			p.event = c.content()
		case packetInterned:
			p.interned = c.content()
		case packetDefaults:
			p.defaults = c.content()
		case packetTrackDescriptor:
			p.track = c.content()
		case packetClockSnapshot:
			p.clocks = c.content()
		case packetProcessDescriptor:
			p.process = c.content()
		case packetThreadDescriptor:
			p.thread = c.content()
		case packetCompressed, packetZstd:
			p.compressed, p.zstd = c.content(), c.num == packetZstd
		default:
			r.other(int32(c.num))
		}
	}
}

// other counts data of another sort.
func (r *Reader) other(field int32) {
	if what := lostPackets[field]; what != "" {
		r.losses.AddAt(what, r.start)
	} else if !quietPackets[field] {
		r.losses.AddAt(fmt.Sprintf("data of another sort (field %d of a packet)", field), r.start)
	}
}

// apply brings a packet's sequence up to date, and queues its events.
func (r *Reader) apply(p *packet) {
	pending := r.pending
	r.pending = nil
	s := r.sequence(p.sequence)
	if s == nil {
		r.losses.AddAt("packet of one sequence too many", r.start)
		return
	}
	if p.dropped {
		if s.seen && p.flags&flagCleared == 0 {
			s.valid = false
		}
		if s.seen || p.first {
			r.dropped(p, s)
		}
	}
	s.seen = true
	if p.flags&flagCleared != 0 {
		s.clear()
	}
	if p.interned != nil {
		r.intern(s, p.interned)
	}
	if p.defaults != nil {
		r.setDefaults(s, p.defaults)
	}
	if p.clocks != nil {
		r.snapshot(s, p.clocks)
	}
	if p.track != nil {
		r.descriptor(s, p.track)
	}
	if p.thread != nil {
		r.threadPacket(s, p.thread)
	}
	if p.process != nil {
		r.processPacket(s, p.process)
	}
	if p.event == nil {
		return
	}
	if p.flags&flagNeeds != 0 && !s.valid {
		r.losses.AddAt("event without the packets that it builds on", r.start)
		return
	}
	r.trackEvent(p, s, pending)
}

// dropped marks where packets are missing.
func (r *Reader) dropped(p *packet, s *sequenceState) {
	r.losses.AddAt("packets that were lost when the trace was recorded (previous_packet_dropped)", r.start)
	if p.hasTime {
		e := r.emit(tracefmt.Instant, 0, r.time(p, s))
		e.Name, e.Category = "packets lost", tracefmt.CategoryLoss
	}
}

// time returns a packet's time on the trace's clock.
func (r *Reader) time(p *packet, s *sequenceState) int64 {
	clock := p.clock
	if clock == 0 {
		clock = s.clock
	}
	t, ok := r.clocks.convert(s.id, clock, p.time)
	if !ok {
		const what = "time on clock %d, which no snapshot relates to the trace's; taken as it is"
		r.losses.AddAt(fmt.Sprintf(what, clock), r.start)
	}
	return t
}

// sequenceState is what packets of one trusted_packet_sequence_id build on.
type sequenceState struct {
	id    uint64
	seen  bool
	valid bool // its state was cleared, and no packets were lost since

	names, categories, annotations, strings, logs internedTexts

	hasTrack                   bool
	track                      uint64 // the default
	extraTracks, extraDblTrack []uint64
	clock                      uint64

	hasThread bool
	pid, tid  int64
	legacy    int64            // ns: the sum of timestamp deltas
	counts    map[uint64]int64 // of counters that are written as increments
}

func (r *Reader) sequence(id uint64) *sequenceState {
	if r.recent != nil && r.recent.id == id {
		return r.recent
	}
	s := r.sequences[id]
	if s == nil && len(r.sequences) < maxSequences {
		s = &sequenceState{id: id}
		s.clear()
		s.valid = false
		r.sequences[id] = s
	}
	r.recent = s
	return s
}

// clear forgets what a sequence's packets may not build on any more.
func (s *sequenceState) clear() {
	*s = sequenceState{
		id: s.id, seen: s.seen, valid: true,
		names: s.names.emptied(), categories: s.categories.emptied(), annotations: s.annotations.emptied(),
		strings: s.strings.emptied(), logs: s.logs.emptied(), counts: make(map[uint64]int64),
	}
}

// intern adds InternedData.
func (r *Reader) intern(s *sequenceState, data []byte) {
	c := cursor{b: data, bad: &r.bad}
	for c.next() {
		var table *internedTexts
		switch c.num {
		case internNames:
			table = &s.names
		case internCategories:
			table = &s.categories
		case internAnnotations:
			table = &s.annotations
		case internLogBodies:
			table = &s.logs
		case internStrings:
			table = &s.strings
		default: // of call stacks and the like: what refers to it is counted
			continue
		}
		var iid uint64
		var text []byte
		for entry := c.within(); entry.next(); {
			switch entry.num {
			case internEntryID:
				iid = entry.varint()
			case internEntryText:
				text = entry.content()
			}
		}
		if table.n >= maxInterned {
			r.losses.AddAt("interned string, one too many", r.start)
			continue
		}
		table.set(iid, r.values.Strings.Intern(text))
	}
}

// setDefaults sets TracePacketDefaults.
func (r *Reader) setDefaults(s *sequenceState, data []byte) {
	s.hasTrack, s.track, s.clock = false, 0, 0
	s.extraTracks, s.extraDblTrack = s.extraTracks[:0], s.extraDblTrack[:0]
	c := cursor{b: data, bad: &r.bad}
	for c.next() {
		switch c.num {
		case defaultsClockID:
			s.clock = c.varint()
		case defaultsTrackEvent:
			for e := c.within(); e.next(); {
				switch e.num {
				case eventTrack:
					s.track, s.hasTrack = e.varint(), true
				case eventExtraTracks:
					s.extraTracks = e.numbers(s.extraTracks, 0)
				case eventExtraDblTracks:
					s.extraDblTrack = e.numbers(s.extraDblTrack, 0)
				}
			}
		}
	}
}
