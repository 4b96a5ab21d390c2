package spans

import "github.com/spanstack/spanstack/tracefmt"

// track is a process or a track.
type track struct {
	isProcess bool
	process   *track
	resource  *Resource // of a process
	name      string
	source    tracefmt.Value
	order     int64
	stack     []level
}

// level is a slice of a track that others may be in.
type level struct {
	node       *node // of an open one
	id         ID
	start, end int64 // of a complete one
}

func (c *Collector) declare(e *tracefmt.Event) {
	t := c.trackOf(e.Track)
	if e.Name != "" {
		t.name = e.Name
	}
	if !e.SourceID.IsZero() {
		t.source = e.SourceID
	}
	if e.Order != 0 {
		t.order = e.Order
	}
	if e.Kind == tracefmt.Track {
		t.process = c.trackOf(e.Process)
		t.isProcess = false
		if e.Order != 0 {
			c.Losses.Add("order of a track")
		}
		if len(e.Attrs) > 0 {
			c.Losses.Add("attributes of a track")
		}
		return
	}
	t.isProcess = true
	if t.resource == nil {
		t.resource = new(Resource)
	}
	r := t.resource // spans that are held have it, too, and may well know more
	r.Service = t.name
	for _, a := range e.Attrs {
		if a.Key == KeyResourceSchema && a.Value.Kind() == tracefmt.StringValue {
			r.Schema = a.Value.String()
			continue
		}
		r.Attrs = SetAttr(r.Attrs, a.Key, a.Value)
	}
	switch t.source.Kind() {
	case tracefmt.NoValue:
	case tracefmt.Int64Value:
		r.PID = t.source
	default:
		r.Attrs = SetAttr(r.Attrs, keySource, t.source)
	}
	if t.order != 0 {
		r.Attrs = SetAttr(r.Attrs, keyOrder, tracefmt.Int64(t.order))
	}
}

// trackOf returns what is known of a track or process.
func (c *Collector) trackOf(id tracefmt.TrackID) *track {
	t := c.tracks[id]
	if t == nil {
		t = new(track)
		c.tracks[id] = t
	}
	return t
}

func (c *Collector) resourceOf(t *track) *Resource {
	if t.process != nil && !t.isProcess {
		t = t.process
	}
	if t.resource == nil {
		return &c.nothing
	}
	return t.resource
}

// thread appends the attributes that say which track something is on.
func (t *track) thread(attrs []tracefmt.Attr) []tracefmt.Attr {
	if t.isProcess || t.process == nil || t.source.IsZero() && t.name == spansTrack {
		return attrs
	}
	if !t.source.IsZero() {
		attrs = append(attrs, tracefmt.Attr{Key: KeyThreadID, Value: t.source})
	}
	return appendText(attrs, KeyThreadName, t.name)
}

// leave takes those complete slices from a track's stack that what happens now isn't in.
func (t *track) leave(e *tracefmt.Event, at int64) {
	end := at
	if e.Kind == tracefmt.Complete {
		end += max(e.Dur, 0)
	}
	for n := len(t.stack); n > 0; n = len(t.stack) {
		if top := &t.stack[n-1]; top.node != nil || top.start <= at && at < top.end && end <= top.end {
			return
		}
		t.stack = t.stack[:n-1]
	}
}
