package remote

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

// Verb is something that a peer may ask an agent for.
type Verb string

// The verbs. Those after Trace permit what others do by themselves: they are no requests.
const (
	VerbList           Verb = "list" // and properties, GUIDs, holds, estimates
	VerbSend           Verb = "send-stream"
	VerbReceive        Verb = "receive-stream"
	VerbSnapshot       Verb = "snapshot"
	VerbBookmark       Verb = "bookmark"
	VerbHold           Verb = "hold"
	VerbRelease        Verb = "release"
	VerbDestroy        Verb = "destroy"         // of snapshots and bookmarks
	VerbDestroyDataset Verb = "destroy-dataset" // of datasets, too
	VerbCreate         Verb = "create"
	VerbRollback       Verb = "rollback"
	VerbSet            Verb = "set" // and inherit
	VerbAbort          Verb = "abort"
	VerbTrace          Verb = "trace" // what the agent does, also for others

	VerbForce            Verb = "force"             // receive with -F, which destroys
	VerbMount            Verb = "mount"             // receive without -u, and create what is mounted
	VerbStreamProperties Verb = "stream-properties" // receive streams that bring properties and holds
	VerbUnexpected       Verb = "unexpected"        // receive streams of which it isn't said what they are
)

var allVerbs = []Verb{
	VerbList, VerbSend, VerbReceive, VerbSnapshot, VerbBookmark, VerbHold, VerbRelease, VerbDestroy, VerbDestroyDataset, VerbCreate,
	VerbRollback, VerbSet, VerbAbort, VerbTrace, VerbForce, VerbMount, VerbStreamProperties, VerbUnexpected,
}

// verbSets are names for what goes together.
var verbSets = map[Verb][]Verb{
	"read":    {VerbList},
	"send":    {VerbList, VerbSend, VerbSnapshot, VerbBookmark, VerbHold, VerbRelease},
	"receive": {VerbList, VerbReceive, VerbCreate, VerbAbort, VerbHold, VerbRelease},
	"prune":   {VerbList, VerbDestroy},
	"all":     allVerbs,
}

// ParseVerbs returns verbs by their names, and by those of sets: "read", "send" (list, send-stream, snapshot, bookmark, hold,
// release), "receive" (list, receive-stream, create, abort, hold, release), "prune" (list, destroy) and "all".
func ParseVerbs(names ...string) ([]Verb, error) {
	var verbs []Verb
	for _, name := range names {
		v := Verb(name)
		switch {
		case verbSets[v] != nil:
			verbs = append(verbs, verbSets[v]...)
		case slices.Contains(allVerbs, v):
			verbs = append(verbs, v)
		default:
			return nil, fmt.Errorf("unknown verb %q; there are the sets %s, and the verbs %s", name,
				joined(slices.Sorted(maps.Keys(verbSets))), joined(allVerbs))
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs), nil
}

// VerbNames returns the names that ParseVerbs takes: those of sets first.
func VerbNames() []string {
	var names []string
	for _, v := range slices.Concat(slices.Sorted(maps.Keys(verbSets)), allVerbs) {
		names = append(names, string(v))
	}
	return names
}

func joined(verbs []Verb) string {
	var list []string
	for _, v := range verbs {
		list = append(list, string(v))
	}
	return strings.Join(list, ", ")
}

// Policy is what an agent does for a peer. The zero value is nothing at all. What isn't permitted is refused before zfs runs.
type Policy struct {
	Roots    []string // datasets that may be touched, with all below them
	Anywhere bool     // all datasets may be
	Verbs    []Verb

	// Properties are those that may be set, by create, receive -o and -x, and set: each a name, or a beginning with a star behind
	// it, "*" alone for all. nil means DefaultProperties.
	Properties []string

	SendRawOnly      bool // nothing is sent but raw
	RefusePlaintext  bool // encrypted datasets are sent raw only; takes a zfs process more for each stream that isn't raw
	ReceiveEncrypted bool // nothing is received but raw
}

// DefaultProperties are those that do no harm: none that brings in programs, says where something is mounted, or shares it.
var DefaultProperties = []string{"canmount", "readonly", "zferry:*"}

// unset are properties that every peer may leave out of a stream: what they would be set to is inherited then.
var unset = []string{"mountpoint", "sharenfs", "sharesmb"}

// Unrestricted permits everything: for peers that may run zfs themselves.
func Unrestricted() Policy { return Policy{Anywhere: true, Verbs: allVerbs, Properties: []string{"*"}} }

// Validate checks that roots are datasets, and verbs known.
func (p *Policy) Validate() error {
	for _, root := range p.Roots {
		if n, err := zfssend.ParseName(root); err != nil {
			return err
		} else if n.Sigil != 0 {
			return &zfssend.NameError{Name: root, Reason: "a root has to be a dataset"}
		}
	}
	for _, v := range p.Verbs {
		if !slices.Contains(allVerbs, v) {
			return fmt.Errorf("unknown verb %q", v)
		}
	}
	return nil
}

// ErrRefused is matched by a [RefusedError].
var ErrRefused = errors.New("refused by the agent's policy")

// RefusedError says that a policy doesn't permit something. zfs was not asked. It is a [zfssend.PermissionDenied], too.
type RefusedError struct {
	Op     string // the request
	Object string // the dataset, snapshot or bookmark that it is about
	Reason string
}

// Error implements error.
func (e *RefusedError) Error() string {
	if e.Object == "" {
		return fmt.Sprintf("%s: %v: %s", e.Op, ErrRefused, e.Reason)
	}
	return fmt.Sprintf("%s %s: %v: %s", e.Op, e.Object, ErrRefused, e.Reason)
}

// Is reports that the error is an ErrRefused and a zfssend.PermissionDenied.
func (e *RefusedError) Is(target error) bool {
	return target == ErrRefused || target == zfssend.PermissionDenied
}

// demand is what is asked of a policy for one request.
type demand struct {
	policy *Policy
	op     string
}

func (d demand) refuse(object, format string, args ...any) error {
	return &RefusedError{Op: d.op, Object: object, Reason: fmt.Sprintf(format, args...)}
}

// may checks that a verb is allowed.
func (d demand) may(object string, v Verb) error {
	if slices.Contains(d.policy.Verbs, v) {
		return nil
	}
	return d.refuse(object, "it takes the verb %q, allowed are: %s", v, joined(d.policy.Verbs))
}

// names checks that names are such, have one of these sigils (0 for datasets), and lie within a root.
func (d demand) names(names []string, sigils ...byte) error {
	for _, name := range names {
		if _, err := d.name(name, sigils...); err != nil {
			return err
		}
	}
	return nil
}

func (d demand) name(name string, sigils ...byte) (zfssend.Name, error) {
	n, err := zfssend.ParseName(name)
	if err != nil {
		return n, err
	}
	if !slices.Contains(sigils, n.Sigil) {
		kind := map[byte]string{0: "dataset", '@': "snapshot", '#': "bookmark"}
		return n, &zfssend.NameError{Name: name, Reason: "it is the name of a " + kind[n.Sigil] + ", where that of a " + kind[sigils[0]] + " is needed"}
	}
	if d.policy.Anywhere || slices.ContainsFunc(d.policy.Roots, func(root string) bool { return within(n.Dataset, root) }) {
		return n, nil
	}
	if len(d.policy.Roots) == 0 {
		return n, d.refuse(name, "no datasets are allowed")
	}
	return n, d.refuse(name, "it is not within %s", strings.Join(d.policy.Roots, " or "))
}

// within reports whether a dataset is a root or below it.
func within(dataset, root string) bool {
	rest, ok := strings.CutPrefix(dataset, root)
	return ok && (rest == "" || rest[0] == '/')
}

// properties checks that properties may be set.
func (d demand) properties(object string, names ...string) error {
	allowed := d.policy.Properties
	if allowed == nil {
		allowed = DefaultProperties
	}
	for _, name := range names {
		if !slices.ContainsFunc(allowed, func(pattern string) bool {
			beginning, open := strings.CutSuffix(pattern, "*")
			return name == pattern || open && strings.HasPrefix(name, beginning)
		}) {
			return d.refuse(object, "the property %q may not be set, allowed are: %s", clean(name), strings.Join(allowed, ", "))
		}
	}
	return nil
}

// list is for what is only looked at.
func (d demand) list(names []string, sigils ...byte) error {
	return d.batch(VerbList, names, sigils...)
}

// batch is for what is done with each of some names.
func (d demand) batch(v Verb, names []string, sigils ...byte) error {
	object := ""
	if len(names) > 0 {
		object = names[0]
	}
	if err := d.may(clean(object), v); err != nil {
		return err
	}
	return d.names(names, sigils...)
}

// stream is for a stream, or an estimate of one.
func (d demand) stream(v Verb, snapshot string, o *zfssend.SendOptions) error {
	if err := d.batch(v, []string{snapshot}, '@'); err != nil {
		return err
	}
	if o.From != "" && strings.IndexAny(o.From, "@#") != 0 {
		if err := d.names([]string{o.From}, '@', '#'); err != nil { // a clone's origin
			return err
		}
	}
	if v == VerbSend && d.policy.SendRawOnly && !o.Raw {
		return d.refuse(snapshot, "streams have to be raw")
	}
	return nil
}

func (d demand) bookmarks(bookmarks []zfssend.Bookmark) error {
	for _, m := range bookmarks {
		if err := d.batch(VerbBookmark, []string{m.Source}, '@', '#'); err != nil {
			return err
		}
		if strings.HasPrefix(m.Name, "#") {
			continue // of the same dataset; zfssend parses it
		}
		if err := d.names([]string{m.Name}, '#'); err != nil {
			return err
		}
	}
	return nil
}

func (d demand) destroy(o zfssend.DestroyOptions, names []string) error {
	if err := d.batch(VerbDestroy, names, '@', '#', 0); err != nil {
		return err
	}
	for _, name := range names {
		if !strings.ContainsAny(name, "@#") {
			if err := d.may(name, VerbDestroyDataset); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d demand) create(name string, o zfssend.CreateOptions) error {
	if err := d.batch(VerbCreate, []string{name}, 0); err != nil {
		return err
	}
	if canmount := o.Set["canmount"]; canmount != "off" && canmount != "noauto" {
		if err := d.may(name, VerbMount); err != nil {
			return d.refuse(name, "it has to be made with canmount=off or noauto")
		}
	}
	return d.properties(name, slices.Sorted(maps.Keys(o.Set))...)
}

func (d demand) set(v Verb, object string, properties ...string) error {
	if err := d.batch(v, []string{object}, 0, '@'); err != nil {
		return err
	}
	return d.properties(object, properties...)
}

// receive is for a stream that comes. It takes back what isn't allowed where that is harmless.
func (d demand) receive(dataset string, o *zfssend.ReceiveOptions) error {
	if err := d.batch(VerbReceive, []string{dataset}, 0, '@'); err != nil {
		return err
	}
	if o.Force {
		if err := d.may(dataset, VerbForce); err != nil {
			return err
		}
	}
	if d.may(dataset, VerbMount) != nil {
		o.Unmounted = true
	}
	if err := d.expect(dataset, o.Expect); err != nil {
		return err
	}
	exclude := slices.DeleteFunc(slices.Clone(o.Exclude), func(name string) bool { return slices.Contains(unset, name) })
	return d.properties(dataset, slices.Concat(slices.Sorted(maps.Keys(o.Set)), exclude)...)
}

func (d demand) expect(dataset string, e *zfssend.Expect) error {
	if d.policy.ReceiveEncrypted && (e == nil || !e.Raw) {
		return d.refuse(dataset, "streams have to be raw")
	}
	if e == nil {
		if d.may(dataset, VerbUnexpected) != nil {
			return d.refuse(dataset, "it has to be said what stream to expect")
		}
		return nil
	}
	if e.Properties || e.Holds {
		if d.may(dataset, VerbStreamProperties) != nil {
			return d.refuse(dataset, "the stream may not bring properties or holds")
		}
	}
	return nil
}
