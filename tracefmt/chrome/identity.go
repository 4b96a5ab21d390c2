package chrome

import "github.com/spanstack/spanstack/tracefmt"

// threadKey is what a file calls a thread.
type threadKey struct{ pid, tid tracefmt.Value }

// trackTable gives numbers to the processes and threads of a file.
type trackTable struct {
	processes map[tracefmt.Value]tracefmt.TrackID
	threads   map[threadKey]tracefmt.TrackID
	aliases   map[threadKey]bool
	last      tracefmt.TrackID // the highest number given

	recent [recentThreads]recentThread // of threads, those that were asked for last
}

// recentThread is a thread whose pid and tid are integers. Its place among the recent ones depends on these.
type recentThread struct {
	pid, tid int64
	id       tracefmt.TrackID // 0: none is there
}

const recentThreads = 1 << 8

// lately returns the place of a raw event's thread among the recent ones, or nil if it can't have one.
func (t *trackTable) lately(raw *rawEvent) (place *recentThread, pid, tid int64) {
	if raw.pid.Kind() != tracefmt.Int64Value || raw.tid.Kind() != tracefmt.Int64Value {
		return nil, 0, 0
	}
	pid, _ = raw.pid.Int64()
	tid, _ = raw.tid.Int64()
	return &t.recent[uint64(pid*31+tid)%recentThreads], pid, tid
}

func (t *trackTable) init() {
	t.processes = make(map[tracefmt.Value]tracefmt.TrackID)
	t.threads = make(map[threadKey]tracefmt.TrackID)
	t.aliases = make(map[threadKey]bool)
}

func (t *trackTable) process(pid tracefmt.Value) tracefmt.TrackID {
	return t.processes[defaultPID(pid)]
}

func (t *trackTable) isAlias(pid, tid tracefmt.Value) bool {
	return len(t.aliases) > 0 && t.aliases[thread(pid, tid)]
}

// defaultPID is what Perfetto takes for a missing pid.
func defaultPID(pid tracefmt.Value) tracefmt.Value {
	if pid.IsZero() {
		return tracefmt.Int64(0)
	}
	return pid
}

// thread returns the key of a thread. A missing tid is the main thread's, which has the pid's number.
func thread(pid, tid tracefmt.Value) threadKey {
	pid = defaultPID(pid)
	if tid.IsZero() {
		tid = pid
	}
	return threadKey{pid, tid}
}

// processTrack returns the track of the raw event's process, and declares it if it is new.
func (r *Reader) processTrack() tracefmt.TrackID {
	pid := defaultPID(r.raw.pid)
	id, known := r.tracks.processes[pid]
	if !known {
		r.tracks.last++
		id = r.tracks.last
		r.tracks.processes[pid] = id
		r.emit(tracefmt.Process, id, 0).SourceID = pid
	}
	return id
}

// threadTrack returns the track of the raw event's thread, and declares it if it is new.
func (r *Reader) threadTrack() tracefmt.TrackID {
	t := &r.tracks
	place, pid, tid := t.lately(&r.raw)
	if place != nil && place.id != 0 && place.pid == pid && place.tid == tid {
		return place.id
	}
	key := thread(r.raw.pid, r.raw.tid)
	id, known := t.threads[key]
	if !known {
		process := r.processTrack()
		t.last++
		id = t.last
		t.threads[key] = id
		e := r.emit(tracefmt.Track, id, 0)
		e.Process, e.SourceID = process, key.tid
	}
	if place != nil {
		*place = recentThread{pid, tid, id}
	}
	return id
}

// alias makes the raw event's thread another name of the track that our writer took it from, since its slices overlap
// others there.
func (r *Reader) alias(of tracefmt.Value) {
	t := &r.tracks
	key := thread(r.raw.pid, r.raw.tid)
	if _, known := t.threads[key]; known {
		return // it has events of its own already
	}
	r.raw.tid = of
	t.threads[key] = r.threadTrack()
	t.aliases[key] = true
}
