package prune

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// replication is what the replications of a dataset need of its versions.
type replication struct {
	needed       map[uint64][]string // why a snapshot must stay, by its GUID
	cursors      map[uint64][]cursor // those that aren't stale, by the GUID of their snapshot
	owners       int                 // of cursors
	replicatedTo map[string]uint64   // see candidates
	stale        []zfssend.Version
	notes        []string
}

// cursorSyntax are the names of the bookmarks that replications leave to start from: zferry's, "#zferry_NAME_GUID", and zrepl's,
// "#zrepl_CURSOR_G_GUID_J_NAME". The GUID is in hexadecimal digits.
var cursorSyntax = regexp.MustCompile(`^#(?:zferry_(.*)_[0-9a-f]{16}|zrepl_CURSOR_G_[0-9a-f]+_J_(.*))$`)

// cursor is a bookmark that a replication has left to start from.
type cursor struct {
	bookmark string // "#zferry_..."
	owner    string // whose it is, in words
	name     string // the replication's
	ours     bool   // zferry's
}

func parseCursor(bookmark string) (c cursor, ok bool) {
	m := cursorSyntax.FindStringSubmatch(bookmark)
	switch {
	case m == nil:
		return c, false
	case m[1] != "":
		return cursor{bookmark, "zferry's cursor " + m[1], m[1], true}, true
	default:
		return cursor{bookmark, "zrepl's job " + m[2], m[2], false}, true
	}
}

// newReplication finds what is needed of a dataset's versions, which are ordered by age.
func newReplication(d *zfssend.Dataset, versions []zfssend.Version, peers []PeerListing) *replication {
	r := &replication{needed: make(map[uint64][]string), cursors: make(map[uint64][]cursor)}
	newest := r.findCursors(versions)
	r.owners = len(newest)
	targets := 0
	for _, peer := range peers {
		if peer.Role == Target {
			targets++
		}
	}
	for _, peer := range peers {
		r.addPeer(d, versions, &peer, targets)
	}
	if targets == 0 && len(newest) > 0 {
		r.replicatedTo = make(map[string]uint64)
		for owner, v := range newest {
			r.replicatedTo[owner] = v.CreateTXG
		}
	}
	if d.ResumeToken != "" {
		r.addToken(d.ResumeToken, "an interrupted receive goes on from it")
	}
	// A cursor from which a peer needs to start isn't stale, however old.
	r.stale = slices.DeleteFunc(r.stale, func(v zfssend.Version) bool { _, needed := r.needed[v.GUID]; return needed })
	return r
}

// findCursors notes the cursors, and which of them are stale. It returns the newest one of each owner.
func (r *replication) findCursors(versions []zfssend.Version) (newest map[string]zfssend.Version) {
	newest = make(map[string]zfssend.Version)
	for _, v := range versions {
		if !v.IsBookmark() {
			continue
		}
		c, ok := parseCursor(v.Name)
		if !ok {
			continue
		}
		if former, ok := newest[c.owner]; ok && c.ours && former.GUID != v.GUID {
			r.stale = append(r.stale, former)
			r.cursors[former.GUID] = slices.DeleteFunc(r.cursors[former.GUID], func(c cursor) bool { return c.bookmark == former.Name })
		}
		newest[c.owner] = v
		r.cursors[v.GUID] = append(r.cursors[v.GUID], c)
	}
	return newest
}

// addPeer notes what a peer needs.
func (r *replication) addPeer(d *zfssend.Dataset, versions []zfssend.Version, peer *PeerListing, targets int) {
	bookmarks := peer.Role == Source // of the source, they count as much as snapshots
	theirs := make(map[uint64]uint64, len(peer.Dataset.Versions))
	for _, v := range peer.Dataset.Versions {
		if bookmarks || !v.IsBookmark() {
			theirs[v.GUID] = v.CreateTXG
		}
	}
	// The newest by the order of this side, and by that of the other one, which differ if one side was tampered with.
	var common, commonThere *zfssend.Version
	for i := range versions {
		v := &versions[i]
		txg, ok := theirs[v.GUID]
		if !ok || v.IsBookmark() && peer.Role == Source {
			continue
		}
		common = v
		if commonThere == nil || txg >= theirs[commonThere.GUID] {
			commonThere = v
		}
	}
	if peer.Role == Target {
		if r.replicatedTo == nil {
			r.replicatedTo = make(map[string]uint64)
		}
		r.replicatedTo[peer.Dataset.Name] = 0
		if common != nil {
			r.replicatedTo[peer.Dataset.Name] = common.CreateTXG
		}
		if peer.Dataset.ResumeToken != "" {
			r.addToken(peer.Dataset.ResumeToken, "an interrupted receive of "+peer.Dataset.Name+" goes on with it")
		}
	}
	if common == nil {
		r.notes = append(r.notes, fmt.Sprintf("%s has nothing in common with %s", d.Name, peer.Dataset.Name))
		return
	}
	for _, v := range []*zfssend.Version{common, commonThere} {
		if peer.Role == Source || !r.hasCursor(v.GUID, peer.Cursor, targets) {
			r.need(v.GUID, fmt.Sprintf("the newest that %s has, too", peer.Dataset.Name))
		}
	}
}

// hasCursor reports whether a target's own cursor is a bookmark of a snapshot: that of its name, or, if that isn't known, the only
// one there is, where there is one target. That of another replication goes away when that one goes on.
func (r *replication) hasCursor(guid uint64, name string, targets int) bool {
	if name == "" {
		return targets == 1 && r.owners == 1 && len(r.cursors[guid]) > 0
	}
	return slices.ContainsFunc(r.cursors[guid], func(c cursor) bool { return c.name == name })
}

// addToken notes the snapshots that a resume token is about.
func (r *replication) addToken(token, reason string) {
	t, err := zstream.ParseToken(token)
	if err != nil {
		r.notes = append(r.notes, err.Error())
		return
	}
	for _, guid := range []uint64{t.ToGUID, t.FromGUID} {
		if guid != 0 {
			r.need(guid, reason)
		}
	}
}

func (r *replication) need(guid uint64, reason string) {
	if !slices.Contains(r.needed[guid], reason) {
		r.needed[guid] = append(r.needed[guid], reason)
	}
}

// CursorOwner reports whether a bookmark, "#zferry_backup_0123456789abcdef", is one that a replication has left to start from, and
// says in words whose it is: "zferry's cursor backup", or "zrepl's job nightly".
func CursorOwner(bookmark string) (owner string, ok bool) {
	c, ok := parseCursor(bookmark)
	return c.owner, ok
}
