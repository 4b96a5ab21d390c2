package fxt

import "github.com/spanstack/spanstack/tracefmt"

// threadKey is what a trace calls a thread: the koids of its process and of itself.
type threadKey struct{ process, thread uint64 }

// trackTable gives numbers to the processes and threads of a trace. Koids belong to the whole trace, not to a provider.
type trackTable struct {
	processes map[uint64]tracefmt.TrackID
	threads   map[threadKey]tracefmt.TrackID
	names     map[uint64]string    // of threads whose process wasn't told with the name
	byKoid    map[uint64]threadKey // the last thread met of a koid
	last      tracefmt.TrackID     // the highest number given
}

func (t *trackTable) init() {
	t.processes = make(map[uint64]tracefmt.TrackID)
	t.threads = make(map[threadKey]tracefmt.TrackID)
	t.names = make(map[uint64]string)
	t.byKoid = make(map[uint64]threadKey)
}

// threadOf reads what a reference to a thread means ("Thread references"). placed says that there is a track for it.
func (r *Reader) threadOf(c *cursor, ref uint8) (track tracefmt.TrackID, placed, ok bool) {
	if ref == 0 {
		var key threadKey
		key.process, _ = c.word()
		if key.thread, ok = c.word(); !ok {
			return 0, false, false
		}
		track, placed = r.thread(key)
		return track, placed, true
	}
	t := &r.current.threads[ref]
	if !t.located {
		if !t.known {
			r.losses.AddAt("reference to a thread that isn't in the table", r.at)
		}
		t.track, t.located = r.thread(t.key)
	}
	return t.track, t.located, true
}

// process returns the track of a process, and declares it if it is new.
func (r *Reader) process(koid uint64) (id tracefmt.TrackID, ok bool) {
	id, isNew, ok := r.processNumber(koid)
	if isNew {
		e := r.emit(tracefmt.Process, id)
		e.SourceID = tracefmt.Uint64(koid)
		r.fromProvider(e)
	}
	return id, ok
}

func (r *Reader) processNumber(koid uint64) (id tracefmt.TrackID, isNew, ok bool) {
	if id, ok = r.tracks.processes[koid]; ok {
		return id, false, true
	}
	if r.tracks.last >= maxTracks {
		return 0, false, false
	}
	r.tracks.last++
	r.tracks.processes[koid] = r.tracks.last
	return r.tracks.last, true, true
}

// fromProvider says of a new process which provider told of it.
func (r *Reader) fromProvider(e *tracefmt.Event) {
	if name := r.current.name; name != "" {
		e.Attrs = append(e.Attrs, tracefmt.Attr{Key: keyProvider, Value: tracefmt.String(name)})
	}
}

// thread returns the track of a thread, and declares it and its process if they are new.
func (r *Reader) thread(key threadKey) (id tracefmt.TrackID, ok bool) {
	if id, ok = r.tracks.threads[key]; ok {
		return id, true
	}
	process, ok := r.process(key.process)
	if !ok || !r.newThread(key) {
		return 0, false
	}
	e := r.emit(tracefmt.Track, r.tracks.last)
	e.Process, e.SourceID, e.Name = process, tracefmt.Uint64(key.thread), r.tracks.names[key.thread]
	return r.tracks.last, true
}

// newThread gives a thread the next number.
func (r *Reader) newThread(key threadKey) bool {
	if r.tracks.last >= maxTracks {
		return false
	}
	r.tracks.last++
	r.tracks.threads[key] = r.tracks.last
	r.tracks.byKoid[key.thread] = key
	return true
}

// kernelObject handles the record of a process or thread.
func (r *Reader) kernelObject(header uint64, c cursor) {
	kind := header >> 16 & 0xff
	if kind != objectProcess && kind != objectThread {
		r.skip("record of a kernel object that is no process or thread")
		return
	}
	koid, ok1 := c.word()
	name, ok2 := r.text(&c, uint16(header>>24))
	if !ok1 || !ok2 || !r.args(&c, int(header>>40&15), true) {
		r.skip("malformed record of a kernel object")
		return
	}
	placed := true
	switch key := (threadKey{r.own.process, koid}); {
	case kind == objectProcess:
		placed = r.describeProcess(koid, name.text)
	case !r.own.hasProcess:
		r.nameThread(koid, name.text)
	case r.own.scope != "" || r.own.hasLane:
		placed = r.alias(key)
	default:
		placed = r.describeThread(key, name.text)
	}
	if !placed {
		r.losses.AddAt("process or thread beyond the first 2^20", r.at)
	}
	r.dropExtra()
}

func (r *Reader) describeProcess(koid uint64, name string) bool {
	id, isNew, ok := r.processNumber(koid)
	if !ok {
		return false
	}
	e := r.emit(tracefmt.Process, id)
	r.describe(e, koid, name)
	if isNew {
		r.fromProvider(e)
	}
	return true
}

func (r *Reader) describeThread(key threadKey, name string) bool {
	process, ok := r.process(key.process)
	if !ok {
		return false
	}
	id, known := r.tracks.threads[key]
	if !known {
		if !r.newThread(key) {
			return false
		}
		id = r.tracks.last
	}
	e := r.emit(tracefmt.Track, id)
	e.Process = process
	r.describe(e, key.thread, name)
	return true
}

// describe puts what the record of a kernel object says into the event that declares it.
func (r *Reader) describe(e *tracefmt.Event, koid uint64, name string) {
	e.Name, e.Order, e.SourceID = name, r.own.order, tracefmt.Uint64(koid)
	if !r.own.source.IsZero() {
		e.SourceID = r.own.source
	}
	e.Attrs, r.attrs = r.attrs, e.Attrs
	r.takeExtra(e)
}

// nameThread handles the name of a thread of which it isn't said what process it is of.
func (r *Reader) nameThread(koid uint64, name string) {
	if key, known := r.tracks.byKoid[koid]; known {
		if id := r.tracks.threads[key]; id != 0 {
			e := r.emit(tracefmt.Track, id)
			e.Process, e.Name = r.tracks.processes[key.process], name
		}
		return
	}
	if len(r.tracks.names) >= maxNames {
		r.losses.AddAt("name of a thread without a process, beyond the first 65536", r.at)
		return
	}
	r.tracks.names[koid] = name
}

// alias makes a thread another name of a track, as our writer says of those that it made up: for events of a process or
// of the whole trace, and for slices that overlap others.
func (r *Reader) alias(key threadKey) bool {
	if _, known := r.tracks.threads[key]; known {
		return true // it has events of its own already
	}
	if len(r.tracks.threads) >= maxTracks {
		return false
	}
	id, ok := tracefmt.TrackID(0), true
	switch {
	case r.own.hasLane:
		id, ok = r.thread(threadKey{key.process, r.own.laneOf})
	case r.own.scope == scopeProcess:
		id, ok = r.process(key.process)
	}
	if ok {
		r.tracks.threads[key] = id
	}
	return ok
}
