package remote

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
)

// FuzzFrames reads anything as frames: it ends, holds no more than it may, and gives back what was written.
func FuzzFrames(f *testing.F) {
	f.Add(appendText(appendFrame(nil, kindData, []byte("abc")), kindStatus, []byte(`{"error":{"text":"x"}}`)))
	f.Add(appendFrame(appendFrame(nil, kindBeat, nil), kindAbort, []byte(`{"known":"eof"}`)))
	f.Add([]byte{byte(kindPart), 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		const most = 1 << 10
		r := frameReader{r: bytes.NewReader(in)}
		var again []byte
		buf := make([]byte, 100)
		for {
			k, length, err := r.next()
			if err != nil {
				checkEnd(t, err)
				break
			}
			if length > maxFrame {
				t.Fatalf("a frame of %d bytes", length)
			}
			if k != kindData {
				last, text, err := r.message(k, most)
				if err != nil {
					checkEnd(t, err)
					break
				}
				if len(text) > most {
					t.Fatalf("a text of %d bytes", len(text))
				}
				again = appendText(again, last, text)
				_ = decode(text, new(fault))
				continue
			}
			for r.left > 0 {
				n, err := r.read(buf)
				if err != nil {
					checkEnd(t, err)
					return
				}
				again = appendFrame(again, kindData, buf[:n])
			}
		}
		for r := (frameReader{r: bytes.NewReader(again)}); ; { // what was whole is so again
			k, _, err := r.next()
			if errors.Is(err, errTruncated) {
				return
			}
			if err == nil && k == kindData {
				_, err = io.CopyN(io.Discard, readFunc(r.read), int64(r.left))
			} else if err == nil {
				_, _, err = r.message(k, most)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func checkEnd(t *testing.T, err error) {
	var v *ProtocolError
	if !errors.Is(err, errTruncated) && !errors.As(err, &v) {
		t.Fatalf("ends with %v", err)
	}
}

// FuzzRequests decodes anything as each request, and asks a policy: what it allows lies within the root and has names that are some.
func FuzzRequests(f *testing.F) {
	for _, q := range []any{&listRequest{Name: "tank/backup/a"}, &namesRequest{Names: []string{"tank/backup/a@x", "-R"}},
		&receiveRequest{Dataset: "tank/backup", Options: zfssend.ReceiveOptions{Expect: &zfssend.Expect{}, Set: map[string]string{"mountpoint": "/evil"}}},
		&bookmarkRequest{Bookmarks: []zfssend.Bookmark{{Source: "tank/backup@x", Name: "#x"}}}} {
		text, _ := json.Marshal(q)
		f.Add(text)
	}
	p := Policy{Roots: []string{"tank/backup"}, Verbs: []Verb{VerbList, VerbReceive, VerbBookmark, VerbSnapshot}}
	d := demand{policy: &p, op: "fuzz"}
	inside := func(t *testing.T, name string) {
		n, err := zfssend.ParseName(name)
		if err != nil || !within(n.Dataset, "tank/backup") {
			t.Fatalf("%q is allowed: %v", name, err)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if q := new(listRequest); decodeRequest(text, q, true) == nil && d.list([]string{q.Name}, 0) == nil {
			inside(t, q.Name)
		}
		if q := new(namesRequest); decodeRequest(text, q, true) == nil && d.batch(VerbSnapshot, q.Names, '@') == nil {
			for _, name := range q.Names {
				inside(t, name)
			}
		}
		if q := new(receiveRequest); decodeRequest(text, q, true) == nil && d.receive(q.Dataset, &q.Options) == nil {
			inside(t, q.Dataset)
			if _, set := q.Options.Set["mountpoint"]; set || q.Options.Force || !q.Options.Unmounted || q.Options.Expect == nil {
				t.Fatalf("%+v is allowed", q.Options)
			}
		}
		if q := new(bookmarkRequest); decodeRequest(text, q, true) == nil && d.bookmarks(q.Bookmarks) == nil {
			for _, m := range q.Bookmarks {
				inside(t, m.Source)
			}
		}
		var f fault
		if json.Unmarshal(text, &f) == nil {
			if err := f.error(nil); err != nil {
				_ = err.Error()
				_ = faultOf(err).error(nil).Error()
			}
		}
	})
}
