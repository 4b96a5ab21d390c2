package zstream

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// rewrite reads a stream and writes it again: in another byte order, or without the checksums of records.
func rewrite(tb testing.TB, stream []byte, bigEndian, unchecked bool) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	w.BigEndian, w.Unchecked = bigEndian, unchecked
	inStream := false
	var v Verifier
	v.OnBegin = func(b Begin) error {
		inStream = !b.Compound
		return errors.Join(b.ListErr, w.WriteBegin(b))
	}
	v.OnRecord = func(r Record) error {
		switch r.Type {
		case TypeBegin:
			return nil
		case TypeEnd:
			if inStream {
				inStream = false
				return w.WriteEnd()
			}
			return nil
		}
		fields := map[string]uint64{}
		for name, value := range r.Fields() {
			fields[name] = value
		}
		payload := stream[r.Offset+HeaderSize:][:r.PayloadSize]
		return w.WriteRecord(r.Type, fields, payload)
	}
	if err := verify(&v, stream); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// converted returns fixtures in forms that no machine at hand writes.
func converted(tb testing.TB) map[string][]byte {
	all := wholeFixtures(tb)
	made := map[string][]byte{}
	for _, name := range []string{"full", "replication", "large-embedded-compressed", "raw-resumed", "redacted-resumed", "spill", "empty-incremental"} {
		made[name+" big-endian"] = rewrite(tb, all[name], true, false)
		made[name+" unchecked"] = rewrite(tb, all[name], false, true)
	}
	made["dedup big-endian unchecked"] = rewrite(tb, all["dedup"], true, true)
	return made
}

// TestRewrite writes each fixture again, and wants the same stream or, in another form, the same records.
func TestRewrite(t *testing.T) {
	for name, stream := range wholeFixtures(t) {
		t.Run(name, func(t *testing.T) {
			var want Verifier
			if err := verify(&want, stream); err != nil {
				t.Fatal(err)
			}
			for _, big := range []bool{false, true} {
				for _, unchecked := range []bool{false, true} {
					again := rewrite(t, stream, big, unchecked)
					var got Verifier
					if err := verify(&got, again); err != nil {
						t.Fatalf("big endian %v, unchecked %v: %v", big, unchecked, err)
					}
					g, w := got.Stats(), want.Stats()
					if (g.Unchecked == g.Substreams) != unchecked || g.First.BigEndian != big {
						t.Errorf("big endian %v, unchecked %v: %+v", big, unchecked, g)
					}
					g.Records[TypeBegin], w.Records[TypeBegin] = RecordStats{}, RecordStats{} // the size of the lists may differ
					if !reflect.DeepEqual(g.Records, w.Records) || g.LogicalBytes != w.LogicalBytes || g.Last.ToName != w.Last.ToName || g.All != w.All {
						t.Errorf("big endian %v, unchecked %v: %+v, want %+v", big, unchecked, g, w)
					}
					if !big && !unchecked && !w.First.Compound && dump(again) != dump(stream) { // of packages not all of the list is kept
						t.Errorf("got:\n%s\nwant:\n%s", dump(again), dump(stream))
					}
					if !bytes.Equal(payloads(t, again), payloads(t, stream)) {
						t.Errorf("big endian %v, unchecked %v: other payloads", big, unchecked)
					}
				}
			}
		})
	}
}

// payloads returns those of all records but BEGIN.
func payloads(tb testing.TB, stream []byte) (all []byte) {
	for _, c := range checkpoints(tb, stream) {
		if c.Type != TypeBegin {
			all = append(all, stream[c.Offset+HeaderSize:c.end()]...)
		}
	}
	return all
}

func TestWriterRefuses(t *testing.T) {
	begin := Begin{ToName: "tank@1", ToGUID: 1}
	for name, write := range map[string]func(*Writer){
		"record before BEGIN": func(w *Writer) { w.WriteFree(1, 0, 1) },
		"END before BEGIN":    func(w *Writer) { w.WriteEnd() },
		"BEGIN twice":         func(w *Writer) { w.WriteBegin(begin); w.WriteBegin(begin) },
		"no END":              func(w *Writer) { w.WriteBegin(begin) },
		"unknown field": func(w *Writer) {
			w.WriteBegin(begin)
			w.WriteRecord(TypeFree, map[string]uint64{"size": 1}, nil)
			w.WriteEnd()
		},
		"wrong payload": func(w *Writer) { w.WriteBegin(begin); w.WriteRecord(TypeWrite, nil, []byte("1234")); w.WriteEnd() },
		"odd payload":   func(w *Writer) { w.WriteBegin(begin); w.WriteBlock(1, 0, []byte("123")); w.WriteEnd() },
	} {
		var out bytes.Buffer
		w := NewWriter(&out)
		write(w)
		if err := w.Close(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
