package replicate

import (
	"slices"

	"github.com/spanstack/spanstack/zfssend"
)

// PlaceholderProperty marks, by the value "on", a filesystem that was made for those below it, and that may be replaced.
const PlaceholderProperty = "zferry:placeholder"

func isPlaceholder(d *zfssend.Dataset) bool { return d.Properties[PlaceholderProperty] == "on" }

func isSnapshot(v zfssend.Version) bool { return !v.IsBookmark() }

// NewPlan plans the replication of the dataset source to destination, given the listings of both and, with
// Options.Recursive, of all below them. What isn't listed of the destination doesn't exist. Of a destination that doesn't, the
// dataset above it may be listed: it says what the new one inherits.
func NewPlan(source, destination string, src, dst []zfssend.Dataset, o *Options) *Plan {
	t := newTree(source, destination, src, o)
	for i := range dst {
		t.exists[dst[i].Name] = &dst[i]
	}
	for i := range src {
		t.add(&src[i])
	}
	return &t.Plan
}

// tree makes the plan of several datasets.
type tree struct {
	Plan
	o        *Options
	exists   map[string]*zfssend.Dataset // at the destination
	selected map[string]bool             // by their names at the source
	above    map[string]bool             // those that have such below them
}

func newTree(source, destination string, src []zfssend.Dataset, o *Options) *tree {
	t := &tree{
		Plan: Plan{Source: source, Destination: destination}, o: o,
		exists: make(map[string]*zfssend.Dataset), selected: make(map[string]bool, len(src)), above: make(map[string]bool),
	}
	t.choose(src)
	return t
}

// below returns a dataset's path below the one that is replicated, "." for that one.
func (t *tree) below(name string) string {
	if name == t.Source {
		return "."
	}
	return name[len(t.Source)+1:]
}

// copyOf returns the destination's name of a dataset.
func (t *tree) copyOf(name string) string { return t.Destination + name[len(t.Source):] }

// holdsOthers reports whether a dataset is there for those below it alone.
func (t *tree) holdsOthers(src *zfssend.Dataset) bool {
	return t.above[src.Name] && (!t.selected[src.Name] || !slices.ContainsFunc(src.Versions, isSnapshot))
}

// choose finds out which datasets are selected, and which are needed for those below them.
func (t *tree) choose(src []zfssend.Dataset) {
	for i := range src {
		d := &src[i]
		if !t.o.Filter.Dataset(t.below(d.Name), d.Properties) {
			continue
		}
		t.selected[d.Name] = true
		for name := d.Name; name != t.Source; {
			if name = parent(name); t.above[name] {
				break
			}
			t.above[name] = true
		}
	}
}

// inherited returns the encryption that a new dataset of the destination inherits, "" if that isn't known. What is received raw has its
// own.
func (t *tree) inherited(name string) string {
	for name = parent(name); name != ""; name = parent(name) {
		if d := t.exists[name]; d != nil {
			return d.Encryption
		}
	}
	return ""
}

// add plans one dataset.
func (t *tree) add(src *zfssend.Dataset) {
	selected, above := t.selected[src.Name], t.above[src.Name]
	if !selected && !above {
		return
	}
	destination := t.copyOf(src.Name)
	dst := t.exists[destination]
	if dst == nil {
		dst = &zfssend.Dataset{Name: destination, Encryption: t.inherited(destination)}
	}
	var p *DatasetPlan
	if t.holdsOthers(src) {
		p = &DatasetPlan{Source: src.Name, Destination: destination, isNew: dst.GUID == 0}
		p.Placeholder = p.isNew
	} else {
		p = PlanDataset(*src, *dst, t.o)
	}
	t.Datasets = append(t.Datasets, p)
}
