package zfsmodel

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// base is what an increment starts from.
type base struct {
	name      string // as it is shown
	guid, txg uint64
	objset    uint64 // of a snapshot
}

// item is one stream of a snapshot.
type item struct {
	dataset string
	d       *dataset
	from    *base // nil: a full stream
	to      *snapshot
	key     []byte // of the dataset, if it is encrypted
	resume  *zstream.Token

	compressible bool // the dataset's blocks are to be compressed
}

func (i item) name() string { return i.dataset + "@" + i.to.Name }

// sending is a run of zfs send.
type sending struct {
	*command
	raw, large, embedded, compressed    bool
	properties, recursive, dry, verbose bool
	parsable, intermediates             bool
	from                                string
	items                               []item
	head                                *zstream.Begin // of a package of streams
	tail                                string         // what to say and fail with after the package's head
}

func (c *command) send(args []string) error {
	options, rest, err := c.options(args, "DLPRVbcehi:I:npSst:vwd:")
	if err != nil {
		return err
	}
	s := &sending{command: c, raw: has(options, 'w'), large: has(options, 'L'), embedded: has(options, 'e'),
		compressed: has(options, 'c'), properties: has(options, 'p'), recursive: has(options, 'R'), dry: has(options, 'n'),
		verbose: has(options, 'v'), parsable: has(options, 'P'), intermediates: has(options, 'I'), from: value(options, 'i')}
	if s.intermediates {
		s.from = value(options, 'I')
	}
	if has(options, 't') {
		if s.from != "" || s.recursive || s.properties || has(options, 'b') || has(options, 'h') || len(rest) > 0 {
			return c.usage("invalid flags combined with -t")
		}
		return s.resume(value(options, 't'))
	}
	switch {
	case len(rest) == 0:
		return c.usage("missing snapshot argument")
	case len(rest) > 1:
		return c.usage("too many arguments")
	}
	return s.transfer(func(st *state) error { return s.plan(st, rest[0]) })
}

// transfer plans, and then sends, all under the protection of a registered process.
func (s *sending) transfer(plan func(*state) error) error {
	var p *process
	err := s.update(func(st *state) error {
		if err := plan(st); err != nil {
			return err
		}
		op := &operation{}
		for _, i := range s.items {
			op.Snapshots = append(op.Snapshots, i.to.GUID)
		}
		var err error
		if p, err = s.register(); err == nil {
			st.Operations[p.id] = op
		}
		return err
	})
	if err != nil {
		return err
	}
	err = s.report()
	if err == nil && !s.dry {
		err = s.write()
	}
	defer p.file.Close()
	if uerr := s.update(func(st *state) error {
		delete(st.Operations, p.id)
		return os.Remove(s.path("processes", p.id))
	}); err == nil {
		err = uerr
	}
	return err
}

func (s *sending) plan(st *state, to string) error {
	d, dataset, version := st.lookup(to)
	if !strings.HasPrefix(version, "@") {
		if s.recursive || s.intermediates {
			return s.fail("Error: Unsupported flag with filesystem or bookmark.")
		}
		if d == nil {
			return s.missing(to)
		}
		return s.fail("warning: cannot send '%s': target is busy; if a filesystem, it must not be mounted", to)
	}
	if d == nil && s.recursive {
		return s.missing(dataset)
	}
	if s.intermediates && strings.Contains(s.from, "#") {
		return s.fail("Error: multiple snapshots cannot be sent from a bookmark.")
	}
	if strings.IndexAny(s.from, "@#") == 0 {
		s.from = dataset + s.from
	}
	if !st.exists(to) {
		return s.missing(to)
	}
	if s.from != "" && !strings.Contains(s.from, "#") && !st.exists(s.from) {
		return s.missing(s.from)
	}
	if s.recursive || s.properties {
		if err := s.checkPackage(st, dataset, version); err != nil {
			return err
		}
	}
	if s.recursive {
		return s.planRecursive(st, dataset, version[1:])
	}
	first := d.snapshot(version[1:])
	if !s.intermediates {
		from, err := s.base(st, d, first, to)
		if err != nil {
			return err
		}
		s.add(st, dataset, from, first)
		if s.properties {
			s.describe(st, []string{dataset}, version[1:])
		}
		return s.checkKeys()
	}
	_, fromVersion := split(s.from)
	s.head = &zstream.Begin{Compound: true, ToName: to}
	if s.properties {
		s.describe(st, []string{dataset}, version[1:])
	}
	if !s.chain(st, dataset, fromVersion[1:], version[1:]) {
		s.tail = "WARNING: could not send " + to + ":\nincremental source (" + s.from + ") does not exist\n"
	}
	return s.checkKeys()
}

// checkPackage says why a package can't be sent.
func (s *sending) checkPackage(st *state, dataset, version string) error {
	names := []string{dataset}
	if s.recursive {
		names = st.below(dataset)
	}
	for _, name := range names {
		d := st.Datasets[name]
		switch {
		case d.snapshot(version[1:]) == nil:
			s.say("cannot send %s recursively: snapshot %s does not exist\n", dataset+version, name+version)
		case d.Crypt != nil && !s.raw:
			s.say("cannot send %s: encrypted dataset %s may not be sent with properties without the raw flag\n", dataset+version, name)
		default:
			continue
		}
		return s.fail("warning: cannot send '%s': backup failed", dataset+version)
	}
	return nil
}

// base returns what the increment starts from; nil if there is none.
func (s *sending) base(st *state, d *dataset, to *snapshot, name string) (*base, error) {
	if s.from == "" {
		return nil, nil
	}
	source, dataset, version := st.lookup(s.from)
	from := &base{name: s.from}
	switch {
	case strings.HasPrefix(version, "#"):
		if !st.exists(s.from) {
			return nil, s.fail("warning: cannot send '%s': incremental source (%s) does not exist", name, s.from)
		}
		b := source.bookmark(version[1:])
		from.guid, from.txg = b.GUID, b.CreateTXG
	default:
		b := source.snapshot(version[1:])
		from.guid, from.txg, from.objset = b.GUID, b.CreateTXG, b.ObjsetID
	}
	same := st.Datasets[dataset] == d || d.Origin != 0 && from.objset == d.Origin
	if !same || from.txg >= to.CreateTXG {
		return nil, s.fail("warning: cannot send '%s': not an earlier snapshot from the same fs", name)
	}
	return from, nil
}

func (s *sending) add(st *state, dataset string, from *base, to *snapshot) {
	d := st.Datasets[dataset]
	compression, _ := st.property(dataset, "compression")
	s.items = append(s.items, item{dataset: dataset, d: d, from: from, to: to, key: st.key(dataset), compressible: compression != "off"})
}

// chain adds the snapshots of a dataset after one up to another; from "" from the first one on. It reports whether
// there are such.
func (s *sending) chain(st *state, dataset, from, to string) bool {
	d := st.Datasets[dataset]
	var last *base
	started, ended := from == "", false
	for _, snap := range d.Snapshots {
		if ended {
			if s.verbose {
				s.say("skipping snapshot %s@%s because it was created after the destination snapshot (%s)\n", dataset, snap.Name, to)
			}
			continue
		}
		if started {
			s.add(st, dataset, last, snap)
		}
		if snap.Name == from {
			started = true
		}
		last = &base{name: snap.Name, guid: snap.GUID, txg: snap.CreateTXG}
		ended = snap.Name == to
	}
	return started && from != to
}

func (s *sending) planRecursive(st *state, dataset, to string) error {
	_, fromVersion := split(s.from)
	from := strings.TrimPrefix(fromVersion, "@")
	names := st.below(dataset)
	s.describe(st, names, to)
	for _, name := range names {
		d := st.Datasets[name]
		if from == "" || d.snapshot(from) == nil {
			s.chain(st, name, "", to)
			continue
		}
		if s.intermediates {
			s.chain(st, name, from, to)
			continue
		}
		b := d.snapshot(from)
		s.add(st, name, &base{name: b.Name, guid: b.GUID, txg: b.CreateTXG}, d.snapshot(to))
	}
	return s.checkKeys()
}

// describe makes the list of a package.
func (s *sending) describe(st *state, names []string, to string) {
	_, fromVersion := split(s.from)
	pack := &zstream.Package{FromSnapshot: strings.TrimPrefix(fromVersion, "@"), ToSnapshot: to, Raw: s.raw}
	s.head = &zstream.Begin{Compound: true, ToName: names[0] + "@" + to, Package: pack}
	if s.raw {
		s.head.Features = zstream.FeatureRaw
	}
	for _, name := range names {
		d := st.Datasets[name]
		f := zstream.Filesystem{Name: name, GUID: d.GUID}
		if _, origin := st.origin(d); origin != nil {
			f.Origin = origin.GUID
		}
		for _, snap := range d.Snapshots {
			f.Snapshots = append(f.Snapshots, zstream.PackageSnapshot{Name: snap.Name, GUID: snap.GUID})
		}
		f.Properties = st.sent(d)
		pack.Filesystems = append(pack.Filesystems, f)
	}
}

// sent returns the properties of a dataset that go into a package.
func (st *state) sent(d *dataset) zstream.NVList {
	list := zstream.NVList{}
	for name, value := range d.effective() {
		if p := native(name); p != nil && p.size {
			n, _ := parseSize(value)
			list = append(list, zstream.NVPair{Name: name, Type: zstream.NVUint64, Value: uint64(n)})
			continue
		}
		list = append(list, zstream.NVPair{Name: name, Type: zstream.NVString, Value: value})
	}
	return list
}

// checkKeys says which key isn't loaded.
func (s *sending) checkKeys() error {
	for _, i := range s.items {
		if i.d.Crypt != nil && i.key == nil && !s.raw {
			return s.fail("warning: cannot send '%s': dataset key must be loaded", i.name())
		}
	}
	return nil
}

// resume sends the rest of a stream.
func (s *sending) resume(text string) error {
	token, err := zstream.ParseToken(text)
	if err != nil {
		reason := "invalid format"
		if errors.Is(err, zstream.ErrChecksum) {
			reason = "incorrect checksum"
		}
		s.fail("cannot resume send: resume token is corrupt (%s)", reason)
		return raw
	}
	s.raw, s.large, s.embedded, s.compressed = token.Raw, token.LargeBlocks, token.Embedded, token.Compressed
	if s.verbose || s.parsable {
		s.tell("resume token contents:\nnvlist version: 0\n")
		if token.FromGUID != 0 {
			s.tell("\tfromguid = %#x\n", token.FromGUID)
		}
		s.tell("\tobject = %#x\n\toffset = %#x\n\tbytes = %#x\n\ttoguid = %#x\n\ttoname = %s\n",
			token.Object, token.Offset, token.Bytes, token.ToGUID, token.ToName)
	}
	return s.transfer(func(st *state) error { return s.planResume(st, token) })
}

func (s *sending) planResume(st *state, token zstream.Token) error {
	for _, name := range slices.Sorted(maps.Keys(st.Datasets)) {
		d := st.Datasets[name]
		to := d.byGUID(token.ToGUID)
		if to == nil {
			continue
		}
		var from *base
		if token.FromGUID != 0 {
			if b := d.byGUID(token.FromGUID); b != nil {
				from = &base{name: name + "@" + b.Name, guid: b.GUID, txg: b.CreateTXG}
			} else if b := find(d.Bookmarks, func(b *bookmark) bool { return b.GUID == token.FromGUID }); b != nil {
				from = &base{name: name + "#" + b.Name, guid: b.GUID, txg: b.CreateTXG}
			} else {
				s.fail("cannot resume send: incremental source %#x no longer exists", token.FromGUID)
				return raw
			}
		}
		s.add(st, name, from, to)
		s.items[0].resume = &token
		return s.checkKeys()
	}
	s.fail("cannot resume send: '%s' used in the initial send no longer exists", token.ToName)
	return raw
}

// tell prints about the stream: to stdout in a dry run, otherwise to stderr.
func (s *sending) tell(format string, args ...any) {
	if s.dry {
		s.print(format, args...)
		return
	}
	s.say(format, args...)
}

// report prints what is to be sent, and how much of it there is.
func (s *sending) report() error {
	if !s.verbose && !s.parsable {
		return nil
	}
	total := int64(0)
	for _, i := range s.items {
		size := i.size()
		total += size
		switch {
		case s.parsable && i.from == nil:
			s.tell("full\t%s\t%d\n", i.name(), size)
		case s.parsable:
			s.tell("incremental\t%s\t%s\t%d\n", i.from.name, i.name(), size)
		case i.from == nil:
			s.tell("full send of %s estimated size is %s\n", i.name(), humanSize(size))
		default:
			s.tell("send from %s to %s estimated size is %s\n", i.from.name, i.name(), humanSize(size))
		}
	}
	if s.parsable {
		s.tell("size\t%d\n", total)
	} else {
		s.tell("total estimated size is %s\n", humanSize(total))
	}
	return nil
}

// size returns how large a stream will be, about.
func (i item) size() int64 {
	n := int64(2 * zstream.HeaderSize)
	txg := uint64(0)
	if i.from != nil {
		txg = i.from.txg
	}
	for _, number := range i.to.Objects.changedSince(txg) {
		o := i.to.Objects[number]
		for _, b := range o.Blocks {
			if b.Born > txg && b.Hash != "" {
				n += int64(o.BlockSize) + zstream.HeaderSize
			}
		}
	}
	if i.resume != nil {
		n -= int64(i.resume.Bytes)
	}
	return max(n, zstream.HeaderSize)
}
