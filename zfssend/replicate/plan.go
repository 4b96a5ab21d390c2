package replicate

import (
	"strconv"

	"github.com/spanstack/spanstack/zfssend"
)

// Plan is what a replication will do.
type Plan struct {
	Source      string         // the dataset that is sent, those below included
	Destination string         // the one that receives
	Datasets    []*DatasetPlan // parents before their children; without those that a filter leaves out
}

// Steps returns the number of steps of all datasets.
func (p *Plan) Steps() int {
	n := 0
	for _, d := range p.Datasets {
		n += len(d.Steps)
	}
	return n
}

// Conflicts returns why datasets can't be replicated.
func (p *Plan) Conflicts() []*Conflict {
	var list []*Conflict
	for _, d := range p.Datasets {
		if d.Conflict != nil {
			list = append(list, d.Conflict)
		}
	}
	return list
}

// DatasetPlan is what will be done for one dataset, in the order of its fields. Nothing is to be done for one without any: it
// is up to date.
type DatasetPlan struct {
	Source      string
	Destination string
	Volume      bool   // it is a volume, not a filesystem
	Base        string // the source's newest version that the destination has: "@mon" or "#mon"; "" for a new destination

	Conflict     *Conflict // if not nil, nothing will be done, for this reason
	Placeholder  bool      // the destination is made as an empty filesystem, for what is below it
	AbortReceive bool      // the state of an interrupted receive is discarded, since it fits to nothing any more
	Destroy      []string  // snapshots of the destination that are destroyed, as Options.DestroyDiverged has it: "@mon"
	Own          []string  // snapshots of the destination since Base: in the way only if it was changed, too, which zfs receive finds out
	RollbackTo   string    // the snapshot of the destination that it is rolled back to then
	Steps        []Step

	// Latest is the newest version of the source that the destination has after the steps. Without steps, it is that of Base, and
	// may be a bookmark.
	Latest zfssend.Version

	common    string            // the destination's name of Base
	held      []held            // the snapshots that both have, the oldest first; if they are to be held
	cursors   []zfssend.Version // the source's bookmarks
	isNew     bool              // the destination doesn't exist
	replaces  bool              // the destination is an empty placeholder, which the first step replaces
	differing []string          // properties that the destination may lack
	glanced   bool              // by QuickPlan, so that there may be more than was seen
}

// held is a snapshot that may be held, by its names on either side.
type held struct {
	guid                uint64
	source, destination string // "@mon"
}

// UpToDate reports whether there is nothing to be done.
func (p *DatasetPlan) UpToDate() bool {
	return p.Conflict == nil && !p.Placeholder && !p.AbortReceive && p.RollbackTo == "" && len(p.Steps) == 0
}

// Step is one zfs send piped into one zfs receive.
type Step struct {
	From      string   // version that the increment starts from: "@mon" or "#mon"; "" for a full stream
	Snapshots []string // that arrive, in this order, such as "@tue", "@wed"; at least one
	Raw       bool     // the stream is raw, since the dataset is encrypted
	Token     string   // the stream goes on where an interrupted one ended

	// NoEmbedded says that the destination encrypts what it receives, so that it can't take embedded blocks.
	NoEmbedded bool

	// FromGUID and GUIDs are those of From and Snapshots. What is sent in their place, should the source have changed since it was
	// listed, is refused. Without GUIDs, nothing is.
	FromGUID uint64
	GUIDs    []uint64

	Estimate zfssend.Estimate // filled by Replicator.Estimate
}

// To returns the step's last snapshot.
func (s Step) To() string { return s.Snapshots[len(s.Snapshots)-1] }

// Kind returns "full" or "incremental", or "resumed" for what is left of one.
func (s Step) Kind() string {
	switch {
	case s.Token != "":
		return "resumed"
	case s.From == "":
		return "full"
	}
	return "incremental"
}

// String returns a short description, such as "full @mon" or "incremental @mon..@wed (2 snapshots)".
func (s Step) String() string {
	text := s.Kind() + " "
	if s.From != "" {
		text += s.From + ".."
	}
	text += s.To()
	if n := len(s.Snapshots); n > 1 {
		text += " (" + strconv.Itoa(n) + " snapshots)"
	}
	if s.Raw {
		text += " raw"
	}
	return text
}

// expect returns what the step's stream has to be, nil if its GUIDs aren't known.
func (s Step) expect(o *Options) *zfssend.Expect {
	if len(s.GUIDs) == 0 {
		return nil
	}
	return &zfssend.Expect{
		ToGUID: s.GUIDs[len(s.GUIDs)-1], FromGUID: s.FromGUID, Raw: s.Raw, Package: len(s.GUIDs) > 1 || o.Properties, Members: s.GUIDs,
		Properties: o.Properties,
	}
}
