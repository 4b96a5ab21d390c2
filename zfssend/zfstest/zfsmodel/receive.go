package zfsmodel

import (
	"errors"
	"io"
	"maps"
	"os"
	"strings"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// receiving is a running receive of one snapshot, as others see it.
type receiving struct {
	Dataset   uint64 // GUID
	Full      bool   `json:",omitempty"`
	Resumable bool   `json:",omitempty"`
	Start     partial
	Key       []byte `json:",omitempty"` // by which blocks are encrypted before they are stored
}

// receiver is a run of zfs receive.
type receiver struct {
	*command
	in                                              *records
	unmounted, resumable, force, dry, verbose, e, d bool
	set                                             map[string]string
	exclude                                         []string
	target, snap                                    string // where to
	pack                                            *zstream.Package
}

func (c *command) receive(args []string) error {
	options, rest, err := c.options(args, "o:x:dehMnuvFsAc")
	if err != nil {
		return err
	}
	props, err := c.assignments(options)
	if err != nil {
		return err
	}
	r := &receiver{command: c, unmounted: has(options, 'u'), resumable: has(options, 's'), force: has(options, 'F'),
		dry: has(options, 'n'), verbose: has(options, 'v'), e: has(options, 'e'), d: has(options, 'd'), set: props}
	for _, o := range options {
		if o.flag == 'x' {
			if _, twice := props[o.value]; twice {
				return c.usage("property '%s' specified multiple times", o.value)
			}
			r.exclude = append(r.exclude, o.value)
		}
	}
	if len(rest) == 0 {
		return c.usage("missing snapshot argument")
	}
	if len(rest) > 1 {
		return c.usage("too many arguments")
	}
	if has(options, 'A') {
		return c.abort(rest[0])
	}
	return r.run(rest[0])
}

// abort gives up what an interrupted receive has left.
func (c *command) abort(name string) error {
	return c.update(func(st *state) error {
		d := st.Datasets[name]
		if d == nil {
			c.missing(name)
			return c.usage("")
		}
		if d.Partial == nil {
			return c.fail("'%s' does not have any resumable receive state to abort", name)
		}
		d.Partial = nil
		if d.Incomplete {
			delete(st.Datasets, name)
		}
		return nil
	})
}

func (r *receiver) run(name string) error {
	for property := range r.set {
		if native(property) == nil && !isUser(property) {
			return r.fail("cannot receive: invalid property '%s'", property)
		}
	}
	if reason := badName(name); reason != "" {
		return r.fail("cannot receive: invalid name")
	}
	r.in = newRecords(r.stdin)
	first, err := r.in.begin()
	switch {
	case errors.Is(err, zstream.ErrFormat):
		return r.fail("cannot receive: invalid stream (bad magic number)")
	case err != nil:
		return r.unreadable(err)
	}
	if !first.Compound {
		r.aim(name, first.ToName, "")
		return r.one(first)
	}
	top, _ := split(first.ToName)
	r.pack = first.Package
	for {
		b, err := r.in.begin()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return r.unreadable(err)
		}
		source, _ := split(b.ToName)
		r.aim(name, b.ToName, strings.TrimPrefix(source, top))
		if err := r.one(b); err != nil {
			return err
		}
	}
}

// unreadable is the failure for a stream that can't be made out from its beginning.
func (r *receiver) unreadable(err error) error {
	if _, ok := errors.AsType[failure](err); ok {
		return err
	}
	return r.fail("cannot receive: failed to read from stream")
}

// aim finds out where a stream goes.
func (r *receiver) aim(name, from, below string) {
	source, version := split(from)
	target, given := split(name)
	switch {
	case r.d:
		_, path, _ := strings.Cut(source, "/")
		target = strings.TrimSuffix(target+"/"+path, "/")
	case r.e:
		target += "/" + source[strings.LastIndexByte(source, '/')+1:]
	default:
		target += below
	}
	if given == "" {
		given = version
	}
	r.target, r.snap = target, given[1:]
}

// kinds of streams, as messages name them.
const (
	newStream    = "new filesystem stream"
	incremental  = "incremental stream"
	resumeStream = "resume stream"
)

func kindOf(b zstream.Begin) string {
	switch {
	case b.Features.Has(zstream.FeatureResuming):
		return resumeStream
	case b.FromGUID != 0:
		return incremental
	}
	return newStream
}

// one receives the stream of a snapshot, whose BEGIN was read.
func (r *receiver) one(b zstream.Begin) error {
	kind := kindOf(b)
	var p *process
	var rec *receiving
	var room int64
	skip := r.dry
	err := r.update(func(st *state) error {
		if d := st.Datasets[r.target]; d != nil && kind == incremental && d.byGUID(b.ToGUID) != nil {
			skip = true
			return nil
		}
		if r.dry {
			return nil
		}
		var err error
		if rec, err = r.admit(st, b); err != nil {
			return err
		}
		room = st.available(r.target)
		if p, err = r.register(); err == nil {
			op := &operation{Receive: rec}
			if d := st.Datasets[r.target]; b.FromGUID != 0 && d != nil {
				op.Snapshots = []uint64{}
			}
			st.Operations[p.id] = op
		}
		return err
	})
	if err != nil {
		return err
	}
	if r.verbose {
		word := map[string]string{newStream: "full", incremental: "incremental", resumeStream: "full"}[kind]
		r.print("%s %s stream of %s into %s@%s\n", map[bool]string{true: "would receive", false: "receiving"}[r.dry], word, b.ToName, r.target, r.snap)
	}
	if skip {
		err := r.in.discard()
		if r.verbose && !r.dry {
			r.print("snap %s@%s already exists; ignoring\nreceived 1B stream in 1.00 seconds (1B/sec)\n", r.target, r.snap)
		}
		if err != nil && !r.dry {
			return r.unreadable(err)
		}
		return nil
	}
	defer p.file.Close()
	err = r.storeRecords(b, p, rec, room)
	return r.finish(b, kind, p, rec, err)
}

// errNoSpace is the end of a receive whose destination's quota is used up.
var errNoSpace = errors.New("space quota exceeded")

// storeRecords stores the records of the stream up to its end.
func (r *receiver) storeRecords(b zstream.Begin, p *process, rec *receiving, room int64) error {
	j := &journal{store: r.store, w: p.file, key: rec.Key}
	for {
		record, payload, err := r.in.next()
		if err != nil {
			return err
		}
		if record.Type == zstream.TypeEnd {
			return nil
		}
		if record.Type == zstream.TypeWrite {
			if room -= record.PayloadSize; room < 0 {
				return errNoSpace
			}
		}
		if err := j.add(record, payload); err != nil {
			return err
		}
	}
}

// finish makes a snapshot of what was received, or says why there is none.
func (r *receiver) finish(b zstream.Begin, kind string, p *process, rec *receiving, cause error) error {
	saved := ""
	err := r.update(func(st *state) error {
		delete(st.Operations, p.id)
		name, d := st.nameOf(rec.Dataset)
		if d == nil {
			return r.fail("cannot receive %s: dataset does not exist", kind)
		}
		if cause != nil {
			r.interrupt(st, p.id, rec)
			if d.Partial != nil {
				saved = st.token(d)
			}
			return nil
		}
		list, _, err := r.replay(p.id, rec, st.TXG)
		if err != nil {
			return err
		}
		r.commit(st, name, d, list, b)
		return nil
	})
	if rerr := os.Remove(r.path("processes", p.id)); err == nil {
		err = rerr
	}
	if err != nil {
		return err
	}
	if cause == nil {
		if r.verbose {
			r.print("received 1B stream in 1.00 seconds (1B/sec)\n")
		}
		return nil
	}
	return r.failed(kind, saved, cause)
}

// commit makes the snapshot.
func (r *receiver) commit(st *state, name string, d *dataset, list objects, b zstream.Begin) {
	d.Objects, d.Changed = list, st.TXG
	if d.Volume {
		d.Local["volsize"] = itoa(list[volumeObject].Size)
	}
	s := st.take(d, r.snap)
	s.GUID, s.Creation = b.ToGUID, b.Creation.Unix()
	isNew := d.Incomplete
	d.Incomplete, d.Partial = false, nil
	if isNew && !r.unmounted && st.mountable(name) == nil {
		d.Mounted = true
	}
	r.applyProperties(st, name, d, b)
}

// applyProperties sets what the package says, and what -o and -x say.
func (r *receiver) applyProperties(st *state, name string, d *dataset, b zstream.Begin) {
	if d.Local == nil {
		d.Local = make(map[string]string)
	}
	source, _ := split(b.ToName)
	if r.pack != nil {
		for _, f := range r.pack.Filesystems {
			if f.Name == source {
				d.receiveProperties(f.Properties)
			}
		}
	}
	for property, value := range stored(r.set) {
		d.Local[property] = value
	}
	for _, property := range r.exclude {
		if p := native(property); p != nil && !strings.Contains(p.kinds, d.kind("")[:1]) {
			r.say("Warning: %s: property '%s' does not apply to datasets of this type\n", name, property)
			continue
		}
		if d.Masked == nil {
			d.Masked = make(map[string]bool)
		}
		d.Masked[property] = true
	}
}

func (d *dataset) receiveProperties(list zstream.NVList) {
	for _, pair := range list {
		if pair.Name == "volsize" || pair.Name == "volblocksize" {
			continue
		}
		if d.Received == nil {
			d.Received = make(map[string]string)
		}
		switch value := pair.Value.(type) {
		case string:
			d.Received[pair.Name] = value
		case uint64:
			d.Received[pair.Name] = utoa(value)
		}
	}
}

// failed says why nothing, or not all, was received.
func (r *receiver) failed(kind, token string, cause error) error {
	prefix := "cannot receive " + kind
	_, told := errors.AsType[failure](cause)
	switch {
	case told:
		return cause
	case errors.Is(cause, errNoSpace):
		return r.fail("%s: destination %s space quota exceeded.", prefix, r.target)
	case errors.Is(cause, errStale):
		return r.fail("%s: kernel modules must be upgraded to receive this stream.", prefix)
	case token != "":
		return r.fail("%s: checksum mismatch or incomplete stream.\nPartially received snapshot is saved.\n"+
			"A resuming stream can be generated on the sending system by running:\n    zfs send -t %s", prefix, token)
	case r.resumable && kind == newStream:
		return r.fail("cannot open '%s': dataset does not exist\n%s: invalid backup stream", r.target, prefix)
	case errors.Is(cause, zstream.ErrChecksum):
		return r.fail("%s: checksum mismatch", prefix)
	case errors.Is(cause, zstream.ErrFormat), errors.Is(cause, zstream.ErrUnsupported):
		return r.fail("%s: invalid backup stream", prefix)
	case errors.Is(cause, io.ErrUnexpectedEOF), errors.Is(cause, io.EOF):
		return r.fail("%s: incomplete stream", prefix)
	}
	return cause
}

func (d *dataset) effective() map[string]string {
	list := maps.Clone(d.Received)
	if list == nil {
		list = make(map[string]string)
	}
	maps.DeleteFunc(list, func(name, _ string) bool { return d.Masked[name] })
	maps.Copy(list, d.Local)
	return list
}
