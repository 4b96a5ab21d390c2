package summary

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/spanstack/spanstack/internal/innermost"
	"github.com/spanstack/spanstack/tracefmt"
)

// Node stands for all slices that have the same path of names.
type Node struct {
	Name  string
	Track bool // it stands for a track, and only groups its children
	Task  bool // one of its slices is a task (tracefmt.CategoryTask)

	Count    int64
	Failed   int64     // slices with an error (tracefmt.AttrError)
	Open     int64     // slices that never ended
	OpenFrom int64     // when the first of these began
	Total    int64     // ns; open slices count to the end of the trace
	Self     int64     // ns
	Own      int64     // ns, of Self: without what runs below on other tracks
	Ended    Quantiles // durations of the slices that ended

	// FailedTotal and FailedSelf are the parts of Total and Self that are of slices with an error.
	FailedTotal, FailedSelf int64

	Children []*Node // by Total, longest first; set by Finish
	byName   map[string]*Node
	weight   int // bytes that the path to it takes where paths are written out
}

// Process is what a summary says about one process of the trace.
type Process struct {
	Name   string
	ID     tracefmt.Value // the pid, if there is one
	Root   *Node          // its children are the outermost slices
	Slices int64
	Tasks  int64 // slices of the category "task"
	Logs   int64
	Failed int64
	Open   int64
	// Anomalies and Losses count the instants of these categories.
	Anomalies, Losses int64
	First, Last       int64 // ns: when its first event begins, and its last one ends

	any     bool
	tracks  map[tracefmt.TrackID]*Node // for slices without IDs
	ordered []*Node
}

// Summary adds up events. The zero value is ready for use.
type Summary struct {
	// Processes has those with any timed event, in the order of their declarations; set by Finish. What belongs to the
	// whole trace, or to undeclared tracks, has a Process without name and ID.
	Processes []*Process
	// End is the time at which the trace ends, in ns on its clock.
	End int64

	losses    tracefmt.Losses
	processes map[tracefmt.TrackID]*Process
	order     []*Process
	tracks    map[tracefmt.TrackID]*track
	ids       map[string]*named // of running slices, and the last that ended
	ended     []string          // IDs of those, a ring
	next      int               // where in ended the next one goes
	async     map[asyncKey][]frame
	latest    int64
	begins    int64 // how many there were
	nodes     int   // how many there are
	weight    int   // of them all
}

type asyncKey struct{ category, key string }

// track is a row of the picture. Slices on it that overlap without nesting go to further lanes.
type track struct {
	process *Process
	name    string
	lanes   [][]frame       // stacks of running slices
	begins  []int64         // the numbers of those that wait for their ends, the innermost last, and of some that ended with what was around
	names   innermost.Names // of begins
}

// remembered is how many ended slices with an ID are remembered as possible parents of later ones.
const remembered = 1 << 16

// Losses returns what could not be placed in the tree.
func (s *Summary) Losses() []tracefmt.Loss { return s.losses.List() }

// Add adds an event. Events are in the order of time: in the normal form of package timeline, or as its Stream delivers
// them, with Ends. An End closes the innermost open slice of its name, and those inside of that end with it. What comes out
// of order is counted, in a place that may not be the right one, and reported as a loss.
func (s *Summary) Add(e *tracefmt.Event) {
	if s.tracks == nil {
		s.processes = make(map[tracefmt.TrackID]*Process)
		s.tracks = make(map[tracefmt.TrackID]*track)
		s.ids = make(map[string]*named)
		s.async = make(map[asyncKey][]frame)
		s.latest = math.MinInt64
	}
	switch e.Kind {
	case tracefmt.Process:
		p := s.process(e.Track)
		p.Name = cmp.Or(e.Name, p.Name)
		if !e.SourceID.IsZero() {
			p.ID = e.SourceID
		}
		return
	case tracefmt.Track:
		s.declare(e)
		return
	case tracefmt.Clock:
		return
	}
	if e.Time < s.latest {
		s.losses.Add("event out of the order of time")
	}
	s.latest = max(s.latest, e.Time)
	s.End = max(s.End, e.Until())
	p := s.track(e.Track).process
	p.saw(e)
	switch e.Kind {
	case tracefmt.Complete:
		s.slice(e, p)
	case tracefmt.Begin:
		s.open(e, p)
	case tracefmt.End:
		s.end(e, p)
	case tracefmt.AsyncBegin, tracefmt.AsyncEnd:
		s.asyncSlice(e, p)
	}
}

func (s *Summary) process(id tracefmt.TrackID) *Process {
	p := s.processes[id]
	if p == nil {
		p = &Process{Root: &Node{}, tracks: make(map[tracefmt.TrackID]*Node)}
		s.processes[id] = p
		s.order = append(s.order, p)
	}
	return p
}

// declare notes what an event says of a track.
func (s *Summary) declare(e *tracefmt.Event) {
	t := s.track(e.Track)
	t.name = cmp.Or(e.Name, t.name)
	if e.Process != 0 {
		t.process = s.process(e.Process)
	}
	if node := t.process.tracks[e.Track]; node != nil { // there were slices already
		node.Name = t.name
	}
}

func (s *Summary) track(id tracefmt.TrackID) *track {
	t := s.tracks[id]
	if t == nil {
		owner := tracefmt.TrackID(0) // of tracks that nobody declared
		if s.processes[id] != nil {
			owner = id
		}
		t = &track{process: s.process(owner), name: fmt.Sprintf("track %d", id)}
		s.tracks[id] = t
	}
	return t
}

// saw counts an event in the process's head.
func (p *Process) saw(e *tracefmt.Event) {
	if !p.any || e.Time < p.First {
		p.First = e.Time
	}
	if end := e.Time + max(e.Dur, 0); !p.any || end > p.Last {
		p.Last = end
	}
	p.any = true
	switch {
	case e.Kind == tracefmt.Log:
		p.Logs++
	case e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryAnomaly:
		p.Anomalies++
	case e.Kind == tracefmt.Instant && e.Category == tracefmt.CategoryLoss:
		p.Losses++
	}
}

// parent returns the node that a slice is below, and the slice that it is below, if that has an ID.
func (s *Summary) parent(e *tracefmt.Event, p *Process, t *track, around *frame) (*Node, *named) {
	if e.Parent != "" {
		if n := s.ids[e.Parent]; n != nil {
			return n.node, n
		}
		s.losses.Add("slice whose parent isn't in the trace, shown without it")
	}
	if around != nil {
		return around.node, around.named
	}
	if e.ID != "" {
		return p.Root, nil
	}
	node := p.tracks[e.Track]
	if node == nil {
		node = &Node{Name: t.name, Track: true}
		p.tracks[e.Track] = node
		p.ordered = append(p.ordered, node)
	}
	return node, nil
}

// maxNodes bounds the number of paths that are told apart, and maxWeight the bytes of them all where they are written out,
// as in a profile: a chain of slices, each below the one before it, grows there with the square of its length. It may have
// some 5,000.
const (
	maxNodes  = 1 << 20
	maxWeight = 1 << 27
)

// frameBytes is what a name of a path takes beside its bytes.
const frameBytes = 8

// others is the name of the node for slices that came when there were too many nodes for one of their own.
const others = "(others)"

// below returns the child of a node with the given name. When there are too many nodes it is the one for all others.
func (s *Summary) below(n *Node, name string) *Node {
	if c := n.byName[name]; c != nil {
		return c
	}
	if s.nodes >= maxNodes || s.weight+n.weight+frameBytes+len(name) > maxWeight {
		s.losses.Add("slice with one path too many, counted with others")
		if n.Name == others {
			return n
		}
		name = others
	}
	s.nodes++
	c := n.child(name)
	s.weight += c.weight
	return c
}

// child returns the child with the given name.
func (n *Node) child(name string) *Node {
	c := n.byName[name]
	if c == nil {
		if n.byName == nil {
			n.byName = make(map[string]*Node)
		}
		c = &Node{Name: name, weight: n.weight + frameBytes + len(name)}
		n.byName[name] = c
	}
	return c
}

// forget lets go of the ID of a slice that ended long ago.
func (s *Summary) forget(id string) {
	if id == "" {
		return
	}
	if len(s.ended) < remembered {
		s.ended = append(s.ended, id)
		return
	}
	delete(s.ids, s.ended[s.next])
	s.ended[s.next] = id
	s.next = (s.next + 1) % remembered
}

// asyncSlice adds a point of an async slice. They don't nest: they are below their parent, or outermost.
func (s *Summary) asyncSlice(e *tracefmt.Event, p *Process) {
	key := asyncKey{e.Category, e.AsyncKey()}
	open := s.async[key]
	if e.Kind == tracefmt.AsyncBegin {
		up, above := s.parent(e, p, s.track(e.Track), nil)
		f := s.begin(s.below(up, e.Name), e, p, endless)
		f.above = above.cover(f.start, f.end)
		s.async[key] = append(open, f)
		return
	}
	i := len(open) - 1
	for i >= 0 && e.Name != "" && open[i].node.Name != e.Name {
		i--
	}
	if i < 0 {
		s.losses.Add("async end without a begin")
		return
	}
	if e.Failed() {
		open[i].node.Failed++
		open[i].failed = true
		p.Failed++
	}
	open[i].end = e.Time
	open[i].above.ended(e.Time)
	s.finish(&open[i])
	if open = slices.Delete(open, i, i+1); len(open) > 0 {
		s.async[key] = open
	} else {
		delete(s.async, key)
	}
}

// Finish ends the summary: what still runs is counted to the end of the trace. Nothing can be added afterwards.
func (s *Summary) Finish() {
	for _, t := range s.tracks {
		for _, stack := range t.lanes {
			for n := len(stack); n > 0; n-- {
				s.close(stack[:n])
			}
		}
	}
	for _, frames := range s.async {
		for i := range frames {
			s.close(frames[i : i+1])
		}
	}
	for _, p := range s.order {
		if !p.any || p.Name == "" && p.ID.IsZero() && p.Slices+p.Logs+p.Anomalies+p.Losses == 0 {
			continue
		}
		p.groupTracks()
		p.Open = p.Root.finish()
		s.Processes = append(s.Processes, p)
	}
}

// groupTracks hangs the slices without IDs below the root: one node a track if there are several.
func (p *Process) groupTracks() {
	for _, track := range p.ordered {
		if len(p.ordered) == 1 && len(p.Root.byName) == 0 {
			p.Root.byName = track.byName
			return
		}
		group := p.Root.child(track.Name)
		group.Track = true
		for _, c := range track.byName {
			group.adopt(c)
		}
	}
}

// adopt adds a node below n, which may have one of that name from another track that is called the same.
func (n *Node) adopt(c *Node) {
	known := n.byName[c.Name]
	if known == nil {
		if n.byName == nil {
			n.byName = make(map[string]*Node)
		}
		n.byName[c.Name] = c
		return
	}
	known.merge(c)
}

// merge adds the numbers of c, and of all below it, to n.
func (n *Node) merge(c *Node) {
	if c.Open > 0 && (n.Open == 0 || c.OpenFrom < n.OpenFrom) {
		n.OpenFrom = c.OpenFrom
	}
	n.Count += c.Count
	n.Failed += c.Failed
	n.Open += c.Open
	n.Task = n.Task || c.Task
	n.Total += c.Total
	n.Self += c.Self
	n.Own += c.Own
	n.FailedTotal += c.FailedTotal
	n.FailedSelf += c.FailedSelf
	n.Ended.Merge(&c.Ended)
	for _, below := range c.byName {
		n.adopt(below)
	}
}

// finish sorts the children of n and all below, and returns how many open slices there are below.
func (n *Node) finish() (open int64) {
	for _, c := range n.byName {
		open += c.Open + c.finish()
		if n.Track {
			n.Total += c.Total
		}
		n.Children = append(n.Children, c)
	}
	slices.SortFunc(n.Children, func(a, b *Node) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Name, b.Name))
	})
	return open
}

// Paths yields each node below the root, as the path of nodes that leads to it from the outermost one. The path is
// valid until the next.
func (p *Process) Paths() iter.Seq[[]*Node] {
	return func(yield func([]*Node) bool) { paths(nil, p.Root, yield) }
}

func paths(path []*Node, n *Node, yield func([]*Node) bool) bool {
	for _, c := range n.Children {
		below := append(path, c)
		if !yield(below) || !paths(below, c, yield) {
			return false
		}
	}
	return true
}
