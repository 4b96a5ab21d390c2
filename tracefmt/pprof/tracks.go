package pprof

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/google/pprof/profile"
	"github.com/spanstack/spanstack/tracefmt"
)

// maxTracks bounds how many tracks labels can make. Samples with further ones are on the process's own track.
const maxTracks = 4096

// Labels whose values become tracks when a profile is read. Beside those that are written, these are the names of
// threads and goroutines in profiles of other programs: async-profiler, Datadog's and Pyroscope's.
var trackLabels = []string{"thread", "thread name", "thread id", "thread_id", "tid", "goroutine", labelTask, labelTrack}

// track is a process or a track that samples are on.
type track struct {
	time int64 // ns: where the next sample begins
}

// trackSet gives tracks to the labels of samples.
type trackSet struct {
	list      []*track // by their numbers, which begin with 1
	processes map[string]tracefmt.TrackID
	byLabels  map[string]tracefmt.TrackID
}

func (t *trackSet) add() tracefmt.TrackID {
	t.list = append(t.list, new(track))
	return tracefmt.TrackID(len(t.list))
}

// place returns the track of a sample, and declares it if it is new.
func (r *Reader) place(s *profile.Sample) tracefmt.TrackID {
	t := &r.tracks
	process := r.process(s)
	var name []string
	for _, label := range trackLabels {
		name = append(name, s.Label[label]...)
		for _, v := range s.NumLabel[label] {
			name = append(name, fmt.Sprint(label, " ", v))
		}
	}
	title := strings.Join(name, ", ")
	key := fmt.Sprint(process, " ", title)
	id, known := t.byLabels[key]
	if known {
		return id
	}
	if len(t.list) >= maxTracks {
		r.losses.Add("sample with labels that are one of too many")
		return process
	}
	if t.byLabels == nil {
		t.byLabels = make(map[string]tracefmt.TrackID)
	}
	id = t.add()
	t.byLabels[key] = id
	e := r.emit(tracefmt.Track, id)
	e.Process, e.SourceID, e.Name = process, tracefmt.Int64(int64(id)), title
	return id
}

// process returns the process of a sample, and declares it if it is new. Profiles that don't say what process they are
// of have one mapping that is the program.
func (r *Reader) process(s *profile.Sample) tracefmt.TrackID {
	t := &r.tracks
	name := strings.Join(s.Label[labelProcess], ", ")
	pid := s.NumLabel[labelPID]
	key := fmt.Sprint(pid, name)
	id, known := t.processes[key]
	switch {
	case known:
		return id
	case len(t.list) >= maxTracks:
		r.losses.Add("sample of a process that is one of too many")
		return 1
	case t.processes == nil:
		t.processes = make(map[string]tracefmt.TrackID)
	}
	id = t.add()
	t.processes[key] = id
	e := r.emit(tracefmt.Process, id)
	e.Name = cmp.Or(name, r.program())
	if len(pid) > 0 {
		e.SourceID = tracefmt.Int64(pid[0])
	}
	sampled := r.profile.SampleType[r.value]
	e.Attrs = []tracefmt.Attr{
		{Key: attrType, Value: tracefmt.String(sampled.Type)}, {Key: attrUnit, Value: tracefmt.String(sampled.Unit)},
	}
	return id
}

// program returns the name of the program's file, without its folder.
func (r *Reader) program() string {
	if len(r.profile.Mapping) == 0 {
		return ""
	}
	file := r.profile.Mapping[0].File
	return file[strings.LastIndexByte(file, '/')+1:]
}
