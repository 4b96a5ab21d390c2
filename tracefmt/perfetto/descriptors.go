package perfetto

import (
	"cmp"
	"hash/maphash"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// trackTable is what is known of a trace's tracks.
type trackTable struct {
	byUUID    map[uint64]*described
	recent    [1 << 10]*described // of byUUID, those that were asked for last
	processes map[int64]tracefmt.TrackID
	threads   map[threadKey]tracefmt.TrackID
	owners    map[tracefmt.TrackID]uint64 // UUIDs of the descriptors of processes and threads
	last      tracefmt.TrackID
	nobody    tracefmt.TrackID // the process of tracks that have none
	seed      maphash.Seed
}

type threadKey struct{ pid, tid int64 }

func (t *trackTable) init() {
	t.byUUID = make(map[uint64]*described)
	t.processes = make(map[int64]tracefmt.TrackID)
	t.threads = make(map[threadKey]tracefmt.TrackID)
	t.owners = make(map[tracefmt.TrackID]uint64)
	t.seed = maphash.MakeSeed()
}

// Sorts of tracks.
type sort uint8

const (
	customTrack  sort = iota // a track without process or thread of its own: the model's Track, too
	processTrack             // a process, or
	threadTrack              // a thread
	counterTrack             // a counter of the track above it
	asyncSort                // async slices of the track above it, see mergeAsync
	overlapSort              // slices of the track above it, see mergeOverlap
)

// described is a track with a TrackDescriptor.
type described struct {
	sort    sort
	uuid    uint64
	parent  uint64
	name    string
	hash    uint64           // of the descriptor
	placed  bool             // track is known
	track   tracefmt.TrackID // of the model
	process tracefmt.TrackID
	counter counterTrackInfo
	open    []openAsync
}

type counterTrackInfo struct {
	counterID
	series      string
	index       int
	unit        int64 // unit_multiplier
	isIncrement bool
	isOwn       bool // our Writer's: series in one packet belong together
}

// openAsync is an async slice that has begun.
type openAsync struct{ name, category, id, key string }

// fields of a descriptor.
type descriptor struct {
	uuid, parent         uint64
	name, mergeKey, text string
	process, thread      []byte
	counter              []byte
	hasProcess           bool
	hasThread            bool
	hasCounter           bool
}

// descriptor handles a TrackDescriptor.
func (r *Reader) descriptor(s *sequenceState, data []byte) {
	var f descriptor
	c := cursor{b: data, bad: &r.bad}
	for c.next() {
		switch c.num {
		case trackUUID:
			f.uuid = c.varint()
		case trackParent:
			f.parent = c.varint()
		case trackName, trackStaticName, trackAtraceName:
			f.name = string(c.content())
		case trackProcess:
			f.process, f.hasProcess = c.content(), true
		case trackThread:
			f.thread, f.hasThread = c.content(), true
		case trackCounter:
			f.counter, f.hasCounter = c.content(), true
		case trackDescription:
			f.text = string(c.content())
		case trackMergeKey:
			f.mergeKey = string(c.content())
		}
	}
	d := r.tracks.byUUID[f.uuid]
	hash := maphash.Bytes(r.tracks.seed, data) | 1
	switch {
	case d == nil:
		if d = r.newTrack(f.uuid); d == nil {
			return
		}
	case d.hash == hash && !f.hasThread:
		return
	}
	changed := d.hash != hash
	d.hash = hash
	d.name = cmp.Or(f.name, d.name)
	switch {
	case f.hasThread:
		r.thread(s, d, &f, changed)
	case f.hasProcess:
		d.sort = processTrack
		d.process = r.processMessage(f.uuid, f.process, f.name, f.text)
		d.track, d.placed = d.process, true
	case f.hasCounter:
		d.sort, d.parent = counterTrack, f.parent
		r.counterDescriptor(d, &f)
	case strings.HasPrefix(f.mergeKey, mergeAsync):
		d.sort, d.parent = asyncSort, f.parent
	case f.mergeKey == mergeOverlap:
		d.sort, d.parent = overlapSort, f.parent
	default:
		d.parent = cmp.Or(f.parent, d.parent)
		if d.placed && d.track != 0 && d.sort == customTrack {
			r.declareCustom(d)
		}
	}
}

func (r *Reader) newTrack(uuid uint64) *described {
	if len(r.tracks.byUUID) >= maxTracks {
		r.losses.AddAt("track, one too many", r.start)
		return nil
	}
	d := &described{uuid: uuid}
	r.tracks.byUUID[uuid] = d
	return d
}

// process returns the track of a process, and declares it if it is new.
func (r *Reader) process(pid int64) tracefmt.TrackID {
	id, ok := r.tracks.processes[pid]
	if !ok {
		r.tracks.last++
		id = r.tracks.last
		r.tracks.processes[pid] = id
		r.emit(tracefmt.Process, id, 0).SourceID = tracefmt.Int64(pid)
	}
	return id
}

// own gives a process or thread to a descriptor, and reports whether it may have it: another UUID with the same pid or
// tid is another process or thread, which got the number of one that had ended.
func (t *trackTable) own(id tracefmt.TrackID, uuid uint64) bool {
	if uuid == 0 {
		return true
	}
	owner, ok := t.owners[id]
	if !ok {
		t.owners[id] = uuid
		return true
	}
	return owner == uuid
}

// processMessage handles a ProcessDescriptor of the track with the given UUID, if it has one.
func (r *Reader) processMessage(uuid uint64, data []byte, name, text string) tracefmt.TrackID {
	var pid, order int64
	c := cursor{b: data, bad: &r.bad}
	for c.next() {
		switch c.num {
		case processPID:
			pid = int64(c.varint())
		case processOrder:
			order = int64(int32(c.varint()))
		case processName:
			name = cmp.Or(string(c.content()), name)
		}
	}
	id, ok := r.tracks.processes[pid]
	if !ok || !r.tracks.own(id, uuid) {
		r.tracks.last++
		id = r.tracks.last
		r.tracks.processes[pid] = id
		r.tracks.own(id, uuid)
	}
	e := r.emit(tracefmt.Process, id, 0)
	e.Name, e.Order, e.SourceID = name, order, tracefmt.Int64(pid)
	r.describe(e, text)
	return id
}

// describe adds what a track's description says, see description.
func (r *Reader) describe(e *tracefmt.Event, text string) {
	if text == "" {
		return
	}
	compact, ok := jsontext.AppendCompact(nil, text)
	if !ok || compact[0] != '{' {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: "description", Value: tracefmt.String(text)})
		return
	}
	for i := 1; i < len(compact)-1; i++ {
		from, to, value, err := jsontext.ScanKey(compact, i)
		if err != nil {
			return
		}
		key := r.values.Text(compact[from:to])
		v, end, err := r.values.Value(compact, value)
		if err != nil {
			return
		}
		switch key {
		case descSource:
			if e.SourceID = v; v.Kind() == tracefmt.RawValue {
				e.SourceID = tracefmt.Value{}
			}
		case descOrder:
			e.Order, _ = v.Int64()
		default:
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: key, Value: v})
		}
		i = end
	}
}

// thread handles a ThreadDescriptor of a track. The last of a sequence is the track of events that name none.
func (r *Reader) thread(s *sequenceState, d *described, f *descriptor, changed bool) {
	t := r.threadFields(f.thread)
	if s.valid {
		s.pid, s.tid, s.hasThread = t.pid, t.tid, true
		if t.reference != 0 {
			s.legacy = t.reference
		}
	}
	if !changed {
		return
	}
	d.sort = threadTrack
	d.process = r.process(t.pid)
	id, ok := r.tracks.threads[threadKey{t.pid, t.tid}]
	if !ok || !r.tracks.own(id, d.uuid) {
		r.tracks.last++
		id = r.tracks.last
		r.tracks.threads[threadKey{t.pid, t.tid}] = id
		r.tracks.own(id, d.uuid)
	}
	d.track, d.placed = id, true
	e := r.emit(tracefmt.Track, id, 0)
	e.Process, e.Order, e.SourceID = d.process, t.order, tracefmt.Int64(t.tid)
	e.Name = cmp.Or(t.name, f.name)
	r.describe(e, f.text)
}

type threadFields struct {
	pid, tid, order int64
	reference       int64 // ns
	name            string
}

func (r *Reader) threadFields(data []byte) (t threadFields) {
	c := cursor{b: data, bad: &r.bad}
	for c.next() {
		switch c.num {
		case threadPID:
			t.pid = int64(c.varint())
		case threadTID:
			t.tid = int64(c.varint())
		case threadOrder:
			t.order = int64(int32(c.varint()))
		case threadName:
			t.name = string(c.content())
		case threadReferenceUs:
			t.reference = int64(c.varint()) * 1000
		}
	}
	return t
}

// threadPacket handles a packet that is a ThreadDescriptor, as of 2019.
func (r *Reader) threadPacket(s *sequenceState, data []byte) {
	t := r.threadFields(data)
	s.pid, s.tid, s.hasThread, s.legacy = t.pid, t.tid, true, t.reference
	id := r.threadByID(t.pid, t.tid)
	if t.name != "" || t.order != 0 {
		e := r.emit(tracefmt.Track, id, 0)
		e.Process, e.Name, e.Order = r.process(t.pid), t.name, t.order
	}
}

// processPacket handles a packet that is a ProcessDescriptor.
func (r *Reader) processPacket(_ *sequenceState, data []byte) { r.processMessage(0, data, "", "") }

// threadByID returns the track of a thread, and declares it if it is new.
func (r *Reader) threadByID(pid, tid int64) tracefmt.TrackID {
	id, ok := r.tracks.threads[threadKey{pid, tid}]
	if !ok {
		process := r.process(pid)
		r.tracks.last++
		id = r.tracks.last
		r.tracks.threads[threadKey{pid, tid}] = id
		e := r.emit(tracefmt.Track, id, 0)
		e.Process, e.SourceID = process, tracefmt.Int64(tid)
	}
	return id
}

// builtinCounters are the names of CounterDescriptor.BuiltinCounterType.
var builtinCounters = map[uint64]string{1: "thread_time", 2: "thread_instruction_count"}

// counterDescriptor handles a CounterDescriptor.
func (r *Reader) counterDescriptor(d *described, f *descriptor) {
	info := counterTrackInfo{counterID: counterID{name: d.name}, series: plainSeries, unit: 1}
	for c := (cursor{b: f.counter, bad: &r.bad}); c.next(); {
		switch c.num {
		case counterType:
			info.name = cmp.Or(info.name, builtinCounters[c.varint()])
		case counterUnit:
			info.unit = int64(c.varint())
		case counterIsIncrement:
			info.isIncrement = c.varint() != 0
		}
	}
	if key, ok := strings.CutPrefix(f.mergeKey, mergeCounter); ok {
		r.counterKey(&info, key)
	}
	d.counter = info
}

// counterKey reads what counterKey of the Writer made.
func (r *Reader) counterKey(info *counterTrackInfo, text string) {
	list, ok := jsontext.AppendCompact(nil, text)
	if !ok || list[0] != '[' {
		return
	}
	var texts []string
	for i := 1; i < len(list)-1; i++ {
		v, end, err := r.values.Value(list, i)
		if err != nil {
			return
		}
		if n, ok := v.Int64(); ok && len(texts) == 4 {
			info.name, info.key, info.category, info.series = texts[0], texts[1], texts[2], texts[3]
			info.index, info.isOwn = int(n), true
			return
		}
		texts = append(texts, v.String())
		i = end
	}
}

// maxParents bounds how far up the parents of a track are followed.
const maxParents = 32

// place returns the track with the given UUID, with its place in the model, and declares it there if need be; nil for
// that of the whole trace.
func (r *Reader) place(uuid uint64) *described {
	slot := &r.tracks.recent[uuid%uint64(len(r.tracks.recent))]
	if d := *slot; d != nil && d.uuid == uuid && d.placed {
		return d
	}
	d := r.placeBelow(uuid, 0)
	*slot = d
	return d
}

func (r *Reader) placeBelow(uuid uint64, depth int) *described {
	d := r.tracks.byUUID[uuid]
	if d == nil {
		if uuid == 0 {
			return nil
		}
		r.losses.AddAt("track that isn't described", r.start)
		if d = r.newTrack(uuid); d == nil {
			return nil
		}
	}
	if d.placed {
		return d
	}
	d.placed = true
	if uuid == 0 {
		return d
	}
	var parent *described
	if d.parent != 0 && depth < maxParents {
		if parent = r.placeBelow(d.parent, depth+1); parent != nil {
			d.process = parent.process
		}
	}
	if d.sort != customTrack {
		if parent != nil {
			d.track = parent.track
		}
		return d
	}
	if d.process == 0 {
		if r.tracks.nobody == 0 {
			r.tracks.last++
			r.tracks.nobody = r.tracks.last
			r.emit(tracefmt.Process, r.tracks.nobody, 0)
		}
		d.process = r.tracks.nobody
	}
	r.tracks.last++
	d.track = r.tracks.last
	r.declareCustom(d)
	return d
}

func (r *Reader) declareCustom(d *described) {
	e := r.emit(tracefmt.Track, d.track, 0)
	e.Process, e.Name, e.SourceID = d.process, d.name, tracefmt.Uint64(d.uuid)
}
