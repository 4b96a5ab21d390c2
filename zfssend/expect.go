package zfssend

import (
	"fmt"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// Expect says what a stream has to be. Whoever receives a stream from elsewhere knows by its plan what is to come, and
// should say so: zfs receive takes anything that fits, be it of another dataset, with properties, or not encrypted.
type Expect struct {
	ToName   string // of the snapshot in it, at the sender; "" stands for any; not looked at in a package
	ToGUID   uint64 // of the last snapshot in it; 0 stands for any
	FromGUID uint64 // of the version that it is incremental from, 0 if it is a full stream; not looked at if ToGUID is 0

	Raw        bool // it must be raw; otherwise it must not
	Package    bool // it may be a package, as zfs send -I and -R make, of one dataset
	Properties bool // it may carry properties, of the dataset and of snapshots
	Holds      bool // it may carry holds

	// Members are the GUIDs of the snapshots in a package, in their order, the last one being ToGUID; nil if they aren't known.
	Members []uint64
}

// ExpectError says how a stream, or the token to resume it, isn't what was expected.
type ExpectError struct {
	Of        string // "stream" or "resume token"
	What      string // such as "snapshot's GUID"
	Got, Want any
}

// Error returns one line.
func (e *ExpectError) Error() string {
	return fmt.Sprintf("unexpected %s: its %s is %v, not %v", e.Of, e.What, e.Got, e.Want)
}

// Is reports that the error is an Unexpected.
func (e *ExpectError) Is(target error) bool { return target == Unexpected }

// check checks a BEGIN record of a stream. The first one, of which there is nothing before, is that of the package if it is one.
func (e *Expect) check(b, first *zstream.Begin, o *opening) error {
	switch {
	case b.Compound && !e.Package:
		return &ExpectError{"stream", "kind", "a package", "a stream of one snapshot"}
	case b.Compound && b.ListErr != nil:
		return b.ListErr // zfs may understand what we don't
	case b.Compound && b.Package != nil:
		return e.checkPackage(b.Package)
	case b.Compound:
		return nil // only its beginning has been looked at
	case b.Raw != e.Raw:
		return &ExpectError{"stream", "encoding", encoding(b.Raw), encoding(e.Raw)}
	case e.ToName != "" && b.ToName != e.ToName && !first.Compound:
		return &ExpectError{"stream", "snapshot", b.ToName, e.ToName}
	case e.ToGUID == 0:
		return nil
	case first.Compound:
		return e.checkMember(b, first, o)
	case b.ToGUID != e.ToGUID:
		return &ExpectError{"stream", "snapshot's GUID", b.ToGUID, e.ToGUID}
	case b.FromGUID != e.FromGUID:
		return &ExpectError{"stream", "base's GUID", b.FromGUID, e.FromGUID}
	}
	return nil
}

func encoding(raw bool) string {
	if raw {
		return "raw"
	}
	return "plain"
}

// checkPackage checks a package's contents, as it declares them.
func (e *Expect) checkPackage(p *zstream.Package) error {
	if len(p.Filesystems) != 1 {
		return &ExpectError{"stream", "number of datasets", len(p.Filesystems), 1}
	}
	f := p.Filesystems[0]
	switch {
	case len(f.Properties) > 0 && !e.Properties:
		return &ExpectError{"stream", "number of properties", len(f.Properties), 0}
	case len(f.SnapshotProperties) > 0 && !e.Properties:
		return &ExpectError{"stream", "number of snapshots with properties", len(f.SnapshotProperties), 0}
	case len(f.SnapshotHolds) > 0 && !e.Holds:
		return &ExpectError{"stream", "number of snapshots with holds", len(f.SnapshotHolds), 0}
	case e.ToGUID == 0:
		return nil
	}
	for _, snapshot := range f.Snapshots {
		if snapshot.Name == p.ToSnapshot && snapshot.GUID != e.ToGUID {
			return &ExpectError{"stream", "last snapshot's GUID", snapshot.GUID, e.ToGUID}
		}
	}
	return nil
}

// checkMember checks a stream of a package: each begins where the one before ends, and none is another dataset's.
func (e *Expect) checkMember(b, first *zstream.Begin, o *opening) error {
	from := e.FromGUID
	if o.members > 0 {
		from = o.last
	}
	if b.FromGUID != from {
		return &ExpectError{"stream", "base's GUID", b.FromGUID, from}
	}
	if o.last = b.ToGUID; e.Members != nil {
		if o.members >= len(e.Members) {
			return &ExpectError{"stream", "number of snapshots", "more", len(e.Members)}
		}
		if want := e.Members[o.members]; b.ToGUID != want {
			return &ExpectError{"stream", "member's GUID", b.ToGUID, want}
		}
	}
	o.members++
	if first.Package == nil {
		return nil
	}
	for _, f := range first.Package.Filesystems {
		for _, snapshot := range f.Snapshots {
			if snapshot.GUID == b.ToGUID {
				return nil
			}
		}
	}
	return &ExpectError{"stream", "member's GUID", b.ToGUID, "one of those that the package declares"}
}
