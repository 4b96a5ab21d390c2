package firefox

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/decimal"
	"github.com/spanstack/spanstack/tracefmt/internal/jsonstream"
)

// maxProcesses bounds how deep the processes of a Gecko profile nest.
const maxProcesses = 16

// Reader reads profiles, processed ones and Gecko's own. It holds the markers of all threads, since the strings that they
// refer to may come behind them.
type Reader struct {
	in     *jsonstream.Decoder
	err    error
	losses tracefmt.Losses

	started bool
	main    *document
	threads []*thread
	thread  int  // that is being delivered
	begun   bool // its track is declared
	row     int  // its marker that comes next
	tracks  tracks
	queue   []tracefmt.Event
	queued  int                   // how many of them are returned already
	open    map[string][]interval // begun in the thread, by name
	sampler *sampler              // of the thread that is being delivered
}

// document is a profile: the whole file, or the one of another process in a Gecko profile.
type document struct {
	start      int64 // ns since 1970
	categories []string
	strings    []string          // shared by all threads
	formats    map[string]format // of fields, by type of marker and name
	stacks     stacks            // the same
	product    string
	interval   int64 // ns, between samples
	extra      extra
}

// format is what a field's value is.
type format uint8

const (
	plain   format = iota
	indexed        // an index of strings
)

// extra is what our Writer adds.
type extra struct {
	base                 int64 // ns, taken off all times
	clockTime, clockUnix tracefmt.Value
	isProcess            bool // the thread stands for its process
	order                int64
	id, name             tracefmt.Value // of the process or track
	attrs                []tracefmt.Attr
}

// thread is a thread with its markers.
type thread struct {
	document    *document
	name        string
	processName string
	processType string
	pid, tid    tracefmt.Value
	strings     []string // its own, in older versions
	markers     *table
	samples     *table
	stacks      stacks
	extra       extra
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{in: jsonstream.New(in)} }

// Losses returns what had to be skipped so far.
func (r *Reader) Losses() []tracefmt.Loss { return r.losses.List() }

// Next returns the next event: thread by thread, in the order of the markers in it. If the file is broken or cut short,
// the threads before that place are delivered.
func (r *Reader) Next() (*tracefmt.Event, error) {
	for {
		if r.queued < len(r.queue) {
			r.queued++
			return &r.queue[r.queued-1], nil
		}
		r.queue, r.queued = r.queue[:0], 0
		switch {
		case !r.started:
			r.started = true
			r.err = r.read()
			r.anchor()
		case r.thread == len(r.threads):
			return nil, r.err
		default:
			r.step()
		}
	}
}

// step delivers the next marker or sample, or goes on to the next thread.
func (r *Reader) step() {
	t := r.threads[r.thread]
	switch {
	case !r.begun:
		r.begun = true
		r.tracks.declare(r, t)
		r.sampler = r.newSampler(t)
	case t.markers != nil && r.row < t.markers.rows:
		r.marker(t, r.row)
		r.row++
	case t.markers != nil:
		r.endMarkers()
		t.markers, r.row = nil, 0
	case r.sampler != nil && r.row < t.samples.rows:
		r.sampler.step(r, t, r.row)
		r.row++
	default:
		if r.sampler != nil {
			r.sampler.finish(r)
		}
		r.threads[r.thread], r.sampler = nil, nil
		r.thread++
		r.row, r.begun = 0, false
	}
}

// read reads the whole document.
func (r *Reader) read() error {
	doc, ok, err := r.document(nil, 0)
	r.main = doc
	if err == nil && ok {
		err = r.in.End()
	}
	switch {
	case err != nil:
		return r.in.Fail(Format.Name, 0, err)
	case !ok:
		return r.in.Fail(Format.Name, 0, fmt.Errorf("no object"))
	case len(r.threads) == 0 && doc.extra.clockUnix.IsZero() && doc.product == "":
		return r.in.Fail(Format.Name, 0, fmt.Errorf("no threads in it"))
	}
	return io.EOF
}

// document reads a profile.
func (r *Reader) document(parent *document, depth int) (*document, bool, error) {
	doc := &document{formats: make(map[string]format)}
	if parent == nil {
		r.main = doc
	}
	if depth > maxProcesses {
		r.losses.AddAt("processes nested too deep", r.in.Offset())
		return doc, true, r.in.Skip()
	}
	ok, err := r.in.Object(func(key string) error {
		switch key {
		case "meta":
			return r.meta(doc)
		case "shared":
			_, err := r.in.Object(func(key string) (err error) {
				if key == "stringArray" || key == "stringTable" {
					doc.strings, err = r.strings()
					return err
				}
				if is, err := r.tables(key, &doc.stacks); is {
					return err
				}
				return r.in.Skip()
			})
			return err
		case "threads":
			_, err := r.in.Array(func() error { return r.readThread(doc) })
			return err
		case "processes":
			_, err := r.in.Array(func() error {
				_, _, err := r.document(doc, depth+1)
				return err
			})
			return err
		case "counters", "profilerOverhead":
			at := r.in.Offset()
			_, err := r.in.Array(func() error {
				r.losses.AddAt("entry of \""+key+"\"", at)
				return r.in.Skip()
			})
			return err
		}
		return r.in.Skip()
	})
	return doc, ok, err
}

// meta reads what concerns the whole profile.
func (r *Reader) meta(doc *document) error {
	_, err := r.in.Object(func(key string) (err error) {
		switch key {
		case "startTime":
			raw, err := r.in.Raw()
			if err == nil {
				doc.start, _ = decimal.Scale(raw, 6)
			}
			return err
		case "interval":
			raw, err := r.in.Raw()
			if err == nil {
				doc.interval, _ = decimal.Scale(raw, 6)
			}
			return err
		case "product":
			doc.product, _, err = r.in.Text()
		case "categories":
			_, err = r.in.Array(func() error {
				name := ""
				_, err := r.in.Object(func(key string) (err error) {
					if key == "name" {
						name, _, err = r.in.Text()
						return err
					}
					return r.in.Skip()
				})
				doc.categories = append(doc.categories, name)
				return err
			})
		case "markerSchema":
			_, err = r.in.Array(func() error { return r.schema(doc) })
		case keyExtra:
			x, bad := r.extra()
			if err = bad; err == nil {
				doc.extra = x
			}
		default:
			err = r.in.Skip()
		}
		return err
	})
	return err
}

// schema reads which fields of a type of markers are indexes of strings. Fields were called "data" before version 55.
func (r *Reader) schema(doc *document) error {
	name := ""
	var keys []string
	_, err := r.in.Object(func(key string) (err error) {
		switch key {
		case "name":
			name, _, err = r.in.Text()
			return err
		case "fields", "data":
			_, err := r.in.Array(func() error {
				key, kind := "", ""
				_, err := r.in.Object(func(member string) (err error) {
					switch member {
					case "key":
						key, _, err = r.in.Text()
					case "format":
						kind, _, err = r.in.Text()
					default:
						err = r.in.Skip()
					}
					return err
				})
				if kind == "unique-string" || kind == "flow-id" || kind == "terminating-flow-id" {
					keys = append(keys, key)
				}
				return err
			})
			return err
		}
		return r.in.Skip()
	})
	for _, key := range keys {
		doc.formats[name+"\x00"+key] = indexed
	}
	return err
}

// strings reads an array of strings.
func (r *Reader) strings() (list []string, err error) {
	_, err = r.in.Array(func() error {
		text, _, err := r.in.Text()
		list = append(list, text)
		return err
	})
	return list, err
}

// readThread reads a thread, and keeps it if it is whole.
func (r *Reader) readThread(doc *document) error {
	t := &thread{document: doc}
	at := r.in.Offset()
	ok, err := r.in.Object(func(key string) (err error) {
		switch key {
		case "name":
			t.name, _, err = r.in.Text()
		case "processName":
			t.processName, _, err = r.in.Text()
		case "processType":
			t.processType, _, err = r.in.Text()
		case "pid":
			t.pid, err = r.number()
		case "tid":
			t.tid, err = r.number()
		case "stringArray", "stringTable":
			t.strings, err = r.strings()
		case "markers":
			t.markers, err = readTable(r.in, markerColumns)
		case "samples":
			t.samples, err = readTable(r.in, sampleColumns)
		case "jsAllocations", "nativeAllocations":
			err = r.allocations(key)
		case keyExtra:
			t.extra, err = r.extra()
		default:
			var is bool
			if is, err = r.tables(key, &t.stacks); !is {
				err = r.in.Skip()
			}
		}
		return err
	})
	switch {
	case err != nil:
	case !ok: // Gecko put the profiles of other processes here as strings, up to version 3
		r.losses.AddAt("thread that is no object", at)
	default:
		r.threads = append(r.threads, t)
	}
	return err
}

var markerColumns = map[string]bool{"name": true, "startTime": true, "endTime": true, "time": true, "phase": true,
	"category": true, "data": true}

// allocations counts what isn't read: stacks of memory.
func (r *Reader) allocations(what string) error {
	at := r.in.Offset()
	t, err := readTable(r.in, map[string]bool{"stack": true})
	for range t.rows {
		r.losses.AddAt("one of a thread's \""+what+"\"", at)
	}
	return err
}

// tables reads a member that is one of the tables of stacks, and reports whether it is.
func (r *Reader) tables(key string, s *stacks) (is bool, err error) {
	switch key {
	case "stackTable":
		s.stack, err = readTable(r.in, stackColumns)
	case "frameTable":
		s.frame, err = readTable(r.in, frameColumns)
	case "funcTable":
		s.function, err = readTable(r.in, funcColumns)
	default:
		return false, nil
	}
	return true, err
}

// number reads a pid or tid. Newer versions have numbers as strings.
func (r *Reader) number() (tracefmt.Value, error) {
	v, err := r.in.Value()
	if v.Kind() == tracefmt.StringValue {
		if n, bad := strconv.ParseInt(v.String(), 10, 64); bad == nil && strconv.FormatInt(n, 10) == v.String() {
			v = tracefmt.Int64(n)
		}
	}
	if v.Kind() == tracefmt.RawValue {
		v = tracefmt.Value{}
	}
	return v, err
}

// extra reads what our Writer adds. Times are decimal strings, since JavaScript has no room for them.
func (r *Reader) extra() (x extra, err error) {
	_, err = r.in.Object(func(key string) error {
		if key == "attrs" {
			_, err := r.in.Object(func(key string) error {
				v, err := r.in.Value()
				x.attrs = append(x.attrs, tracefmt.Attr{Key: key, Value: v})
				return err
			})
			return err
		}
		v, err := r.in.Value()
		n, _ := strconv.ParseInt(v.String(), 10, 64)
		switch key {
		case "base_ns":
			x.base = n
		case "clock_ns":
			x.clockTime = tracefmt.Int64(n)
		case "unix_ns":
			x.clockUnix = tracefmt.Int64(n)
		case "process":
			x.isProcess, _ = v.Bool()
		case "order":
			x.order = n
		case "id":
			x.id = v
		case "name":
			x.name = v
		}
		return err
	})
	return x, err
}

// anchor delivers the wall clock at the profile's start.
func (r *Reader) anchor() {
	x := &r.main.extra
	switch {
	case !x.clockUnix.IsZero():
		e := r.emit(tracefmt.Clock, 0)
		e.Time, _ = x.clockTime.Int64()
		e.Unix, _ = x.clockUnix.Int64()
	case r.main.start > 0 && len(r.threads) > 0: // in a profile without a start, it is 0
		r.emit(tracefmt.Clock, 0).Unix = r.main.start
	}
}

// emit adds an event to the queue. It is valid until the next is added.
func (r *Reader) emit(kind tracefmt.Kind, track tracefmt.TrackID) *tracefmt.Event {
	r.queue = append(r.queue, tracefmt.Event{Kind: kind, Track: track})
	return &r.queue[len(r.queue)-1]
}
