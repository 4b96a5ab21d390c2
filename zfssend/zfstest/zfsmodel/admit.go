package zfsmodel

import (
	"maps"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// admit checks that a stream can be received, and prepares its dataset.
func (r *receiver) admit(st *state, b zstream.Begin) (*receiving, error) {
	switch kindOf(b) {
	case resumeStream:
		return r.admitResume(st, b)
	case incremental:
		return r.admitIncrement(st, b)
	}
	return r.admitFull(st, b)
}

func (r *receiver) start(d *dataset, b zstream.Begin) *receiving {
	return &receiving{Dataset: d.GUID, Resumable: r.resumable, Start: partial{Token: zstream.Token{
		ToName: b.ToName, ToGUID: b.ToGUID, FromGUID: b.FromGUID,
		LargeBlocks: b.Features.Has(zstream.FeatureLargeBlocks), Embedded: b.Features.Has(zstream.FeatureEmbedData),
		Compressed: b.Features.Has(zstream.FeatureCompressed), Raw: b.Raw,
	}, Objects: make(objects)}}
}

func (r *receiver) admitFull(st *state, b zstream.Begin) (*receiving, error) {
	prefix := "cannot receive " + newStream
	fail := func(format string, args ...any) (*receiving, error) { return nil, r.fail(prefix+": "+format, args...) }
	at := settableOnce
	d := st.Datasets[r.target]
	if d != nil {
		at = settable
	}
	if d != nil {
		_, running := st.receiver(d)
		switch {
		case !r.force:
			return fail("destination '%s' exists\nmust specify -F to overwrite it", r.target)
		case len(d.Snapshots) > 0:
			return fail("destination has snapshots (eg. %s@%s)\nmust destroy them to overwrite it", r.target, d.Snapshots[0].Name)
		case d.Partial != nil:
			return fail("destination %s contains partially-complete state from \"zfs receive -s\".", r.target)
		case running != nil:
			return fail("dataset is busy")
		}
	}
	for _, property := range slices.Sorted(maps.Keys(r.set)) {
		if err := checkProperty(property, r.set[property], at); err != nil {
			r.say("%s: %v\n", prefix, err)
			return fail("invalid property value")
		}
	}
	if d == nil {
		above := parent(r.target)
		if above == "" {
			return fail("destination '%s' does not exist", r.target)
		}
		if r.d && st.Datasets[above] == nil {
			r.createParents(st, above)
		}
		if st.Datasets[above] == nil {
			r.missing(above)
			return fail("unable to restore to destination")
		}
		if st.Datasets[above].Volume {
			return fail("parent is not a filesystem")
		}
	}
	crypt, err := r.crypt(st, b)
	if err != nil {
		return fail("%v", err)
	}
	if crypt != nil && embeds(b) {
		return fail(embedsText)
	}
	if d != nil {
		if d.Crypt != nil || crypt != nil {
			return fail("zfs receive -F cannot be used to destroy an encrypted filesystem or overwrite an unencrypted one with an encrypted one")
		}
		if d.Volume != b.Volume {
			return fail("destination '%s' is of another type", r.target)
		}
		rec := r.start(d, b)
		rec.Full = true
		return rec, nil
	}
	d = st.add(r.target)
	d.Volume, d.Incomplete, d.Crypt, d.Local = b.Volume, true, crypt, make(map[string]string)
	if b.Volume {
		d.Local["volsize"] = "0"
	}
	maps.Copy(d.Local, stored(r.set)) // at once: an interrupted receive keeps it
	rec := r.start(d, b)
	rec.Full = true
	if !b.Raw {
		rec.Key = st.key(r.target)
	}
	return rec, nil
}

// embeds reports whether a stream has blocks that can't be encrypted, since they are in their pointers.
func embeds(b zstream.Begin) bool { return !b.Raw && b.Features.Has(zstream.FeatureEmbedData) }

const embedsText = "incompatible embedded data stream feature with encrypted receive."

// crypt returns the encryption of a new dataset that a stream makes.
func (r *receiver) crypt(st *state, b zstream.Begin) (*crypt, error) {
	if !b.Raw {
		props := maps.Clone(r.set)
		c, err := newCrypt(st, r.target, props)
		if err != nil {
			if strings.Contains(err.Error(), "not loaded") {
				err = errNoKey
			}
			return nil, err
		}
		for property := range r.set {
			if _, ok := props[property]; !ok {
				delete(r.set, property)
			}
		}
		return c, nil
	}
	list, _ := b.List.Lookup("crypt_keydata")
	data, ok := list.(zstream.NVList)
	if !ok {
		return nil, errStale
	}
	c := &crypt{Where: "prompt"}
	for _, pair := range data {
		switch value := pair.Value.(type) {
		case string:
			if pair.Name == "keyformat" {
				c.Format = value
			} else {
				c.Cipher = value
			}
		case []byte:
			if pair.Name == "DSL_CRYPTO_MAC" {
				c.MAC = value
			} else {
				c.Wrapped = value
			}
		}
	}
	// A package keeps who inherits the key from whom.
	if above, _ := st.root(parent(r.target)); r.pack != nil && above != nil && c.Format == "" {
		c.RootID, c.Where = above.GUID, ""
	}
	return c, nil
}

func (r *receiver) admitIncrement(st *state, b zstream.Begin) (*receiving, error) {
	fail := func(format string, args ...any) (*receiving, error) {
		return nil, r.fail("cannot receive "+incremental+": "+format, args...)
	}
	d := st.Datasets[r.target]
	if d == nil {
		return fail("destination '%s' does not exist", r.target)
	}
	from := d.byGUID(b.FromGUID)
	_, running := st.receiver(d)
	switch {
	case d.Partial != nil:
		return fail("destination %s contains partially-complete state from \"zfs receive -s\".", r.target)
	case running != nil:
		return fail("dataset is busy")
	case from == nil:
		return fail("most recent snapshot of %s does not\nmatch incremental source", r.target)
	case b.Raw && d.Crypt == nil:
		return fail("cannot perform raw receive on top of existing unencrypted dataset")
	case !b.Raw && d.Crypt != nil && st.key(r.target) == nil:
		return fail("inherited key must be loaded")
	case d.Crypt != nil && embeds(b):
		return fail(embedsText)
	case !r.force && (d.Changed > from.CreateTXG || b.Raw && d.newest() != from):
		return fail("destination %s has been modified\nsince most recent snapshot", r.target)
	case d.snapshot(r.snap) != nil:
		return nil, r.fail("cannot restore to %s@%s: destination already exists", r.target, r.snap)
	}
	for _, property := range slices.Sorted(maps.Keys(r.set)) {
		if err := checkProperty(property, r.set[property], settable); err != nil {
			r.say("cannot receive %s: %v\n", incremental, err)
			return fail("invalid property value")
		}
	}
	if r.force {
		for d.newest() != from {
			if r.removable(st, d.newest()) != nil {
				return fail("dataset is busy")
			}
			d.Snapshots = d.Snapshots[:len(d.Snapshots)-1]
		}
		d.revert(from)
	}
	rec := r.start(d, b)
	rec.Start.Objects = maps.Clone(d.Objects)
	if !b.Raw {
		rec.Key = st.key(r.target)
	}
	return rec, nil
}

func (r *receiver) admitResume(st *state, b zstream.Begin) (*receiving, error) {
	d := st.Datasets[r.target]
	if d == nil {
		return nil, r.fail("cannot receive %s: destination '%s' does not exist", resumeStream, r.target)
	}
	if id, running := st.receiver(d); running != nil && id != "" {
		return nil, r.fail("cannot receive %s: dataset is busy", resumeStream)
	}
	p := d.Partial
	if p == nil || p.ToGUID != b.ToGUID || p.FromGUID != b.FromGUID || p.Object != b.ResumeObject || p.Offset != b.ResumeOffset {
		return nil, r.fail("cannot receive %s: %v.", resumeStream, errStale)
	}
	rec := r.start(d, b)
	rec.Full = d.Incomplete
	rec.Start = *p
	if !b.Raw {
		rec.Key = st.key(r.target)
	}
	return rec, nil
}
