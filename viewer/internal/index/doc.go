// Package index holds one trace in memory in such a form that what a screen shows of it is found in the time that the
// screen takes, not the trace.
//
// A trace is a number of tracks. A track has slices, in the order of their starts, and marks: instants and log lines.
// Slices are laid out in rows, so that those of one row are disjoint and a slice is below what is around it. What was
// one name and category in the trace is a kind, a number; attributes, IDs and the like are bytes in an arena, to which
// slices and marks refer. None of this has pointers, so that the garbage collector passes it by. All of it is in lists
// that grow at their ends and, of a live trace that is bounded, leave at their beginnings.
//
// An Index takes in events of package tracefmt, and Publish makes a Snapshot of what came so far. Snapshots never
// change and need no lock: requests work on the one that they began with, while the index grows. They share with the
// next one all that stayed as it was.
//
// Times are in nanoseconds since the trace's first event, unless they are called absolute. Tracks and kinds go by
// numbers that stay the same as long as the Index lives; positions of slices and marks in their track hold for one
// snapshot only, and a Key outlives it.
//
// What there is to call, by what it is for:
//
//	Load(ctx, tracefmt.Reader, progress func(events int64)) (*Index, error)    a file, in two goroutines
//	New(Config) *Index; Add(*tracefmt.Event); Lost(count, what, at); Reach(at) a live trace, by one goroutine
//	(*Index).Publish() *Snapshot; Finish() *Snapshot; Snapshot() *Snapshot     the last may be called by anybody
//
//	(*Snapshot).Gen, End, Now, Zero, Unix, Counts, Losses                      GET api/trace
//	Tracks() []TrackInfo; TracksSince(gen); Track(id) (TrackInfo, bool)         GET api/tracks: in order, parents first
//	Kinds() (names, categories []string)                                       GET api/kinds
//	AppendTiles(dst, level, []TileID) ([]byte, error)                          POST api/tiles
//	Slice(Pos), Details(Pos), Self(Pos), Key(Pos), Find(key), At(track, row, time), Lookup(id), Above(Pos), Ancestors(Pos),
//	Children(ctx, Pos, limit) (total int, first []Pos, err error)              GET api/slice
//	Mark(Pos), MarkSlice(Pos) (Pos, bool), Marks(ctx, MarkQuery)                GET api/logs
//	Search(ctx, SearchQuery) (SearchResult, error)                             GET api/search
//	Walk(ctx, Window, tracks, func(*Visit) bool) error; Belongs(Pos, Pos) bool  GET api/aggregate, diff
//	Flows(ctx, FlowQuery) (total int, []Flow, error)                           GET api/flows
//	Open() []Pos; Below(Pos) func(Pos) bool; LastLog(Pos)                      GET api/waits
//	Reach(ctx, Pos) (tracks []uint32, err error); Locate(…) (Pos, bool)         GET api/critical
//	Reader(Window, tracks) tracefmt.Reader                                     GET api/critical, download
//
// A Reader gives back what is in a snapshot, in the normal form of package timeline: this is how everything that works
// on traces works on a selection of one.
package index
