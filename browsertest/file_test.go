package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The types of this file are what a trace file says, read with encoding/json
// and nothing of spanstack's own readers, so that a mistake in those can't hide
// one in the file.

// lane is a row of the timeline.
type lane struct{ pid, tid int64 }

// traceFile is a trace in the array form, sorted into what can be compared
// with the viewer.
type traceFile struct {
	processes map[int64]string
	names     map[lane]string
	slices    map[lane][]fileSlice // X, B, and thread instants, in file order
	ends      map[lane]int         // number of E
	async     map[lane][]fileSlice // b and n, in file order
	flows     []fileFlow           // pairs, in the order of their f
	loose     int                  // s without f and f without s
}

type fileSlice struct {
	name, cat  string
	start, dur float64 // µs; dur is -1 for B
	id, parent string  // the args spanstack.id and spanstack.parent
}

type fileFlow struct {
	from, to   lane
	start, end float64 // µs
}

type event struct {
	Ph   string
	PID  int64
	TID  int64
	Name string
	Cat  string
	TS   float64
	Dur  float64
	S    string
	ID   any
	Args map[string]any
}

// parse reads a trace in the array form, which may lack its end after a
// complete event.
func parse(data []byte) (*traceFile, error) {
	text := bytes.TrimSpace(data)
	if !bytes.HasSuffix(text, []byte("]")) {
		text = append(bytes.TrimSuffix(slices.Clone(text), []byte(",")), ']')
	}
	var events []event
	if err := json.Unmarshal(text, &events); err != nil {
		return nil, fmt.Errorf("parse trace: %w", err)
	}
	file := &traceFile{
		processes: make(map[int64]string),
		names:     make(map[lane]string),
		slices:    make(map[lane][]fileSlice),
		ends:      make(map[lane]int),
		async:     make(map[lane][]fileSlice),
	}
	starts := make(map[string]event)
	for _, e := range events {
		at := lane{e.PID, e.TID}
		switch e.Ph {
		case "M":
			file.addMetadata(e)
		case "X":
			file.slices[at] = append(file.slices[at], e.slice(e.Dur))
		case "B":
			file.slices[at] = append(file.slices[at], e.slice(-1))
		case "E":
			file.ends[at]++
		case "i", "I":
			if e.S == "" || e.S == "t" {
				file.slices[at] = append(file.slices[at], e.slice(0))
			}
		case "b", "n":
			file.async[at] = append(file.async[at], e.slice(0))
		case "s":
			starts[e.flowKey()] = e
		case "f":
			s, ok := starts[e.flowKey()]
			if !ok {
				file.loose++
				continue
			}
			delete(starts, e.flowKey())
			file.flows = append(file.flows, fileFlow{lane{s.PID, s.TID}, at, s.TS, e.TS})
		case "e", "C":
		default:
			return nil, fmt.Errorf("parse trace: event with phase %q", e.Ph)
		}
	}
	file.loose += len(starts)
	return file, nil
}

func (f *traceFile) addMetadata(e event) {
	name, _ := e.Args["name"].(string)
	switch e.Name {
	case "process_name":
		f.processes[e.PID] = name
	case "thread_name":
		f.names[lane{e.PID, e.TID}] = name
	}
}

func (e event) slice(dur float64) fileSlice {
	id, _ := e.Args["spanstack.id"].(string)
	parent, _ := e.Args["spanstack.parent"].(string)
	return fileSlice{e.Name, e.Cat, e.TS, dur, id, parent}
}

func (e event) flowKey() string {
	return strings.Join([]string{fmt.Sprint(e.ID), e.Cat, e.Name}, "\x00")
}

// open is the number of slices of a lane that have no end.
func (f *traceFile) open(at lane) int {
	open := -f.ends[at]
	for _, s := range f.slices[at] {
		if s.dur < 0 {
			open++
		}
	}
	return open
}
