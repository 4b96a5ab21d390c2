package zfssend

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// recorded returns a stream that zfs send has made.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("zstream/testdata/openzfs-2.1.11", name+".zsend.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// file writes a stream where a fake zfs finds it.
func file(t *testing.T, stream []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "stream")
	if err := os.WriteFile(name, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func flip(stream []byte, at int) []byte {
	damaged := bytes.Clone(stream)
	damaged[at] ^= 0x10
	return damaged
}

// openings are the streams that tests verify: of one snapshot, and a package.
func openings(t *testing.T) map[string][]byte {
	return map[string][]byte{"full": recorded(t, "full"), "package": recorded(t, "intermediates")}
}

// drains are the ways to read a stream to its end.
var drains = map[string]func(s *SendStream, out *bytes.Buffer) error{
	"Read": func(s *SendStream, out *bytes.Buffer) error {
		_, err := io.Copy(out, struct{ io.Reader }{s})
		return err
	},
	"small Reads": func(s *SendStream, out *bytes.Buffer) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{s}, make([]byte, 100))
		return err
	},
	"WriteTo": func(s *SendStream, out *bytes.Buffer) error {
		_, err := s.WriteTo(out)
		return err
	},
	"WriteTo a pipe": func(s *SendStream, out *bytes.Buffer) error {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		read := make(chan error)
		go func() {
			_, err := out.ReadFrom(r)
			read <- err
		}()
		_, err = s.WriteTo(w)
		w.Close()
		defer r.Close()
		return errors.Join(err, <-read)
	},
}

// endless cuts a stream before what makes a receiver commit its last snapshot: the last END of a snapshot's stream.
func endless(stream []byte) []byte {
	var v zstream.Verifier
	v.Write(stream)
	return stream[:v.Safe()]
}

// TestSendVerified: all of a whole stream comes out; the end only after zfs has exited with 0, and otherwise never.
func TestSendVerified(t *testing.T) {
	for kind, stream := range openings(t) {
		for way, drain := range drains {
			for _, code := range []int64{0, 1} {
				t.Run(kind+" "+way, func(t *testing.T) {
					CheckLeaks(t)
					s, err := fake(Cat(file(t, stream)), Exit(code)).Send(t.Context(), "tank/a@x", SendOptions{Verify: true})
					if err != nil {
						t.Fatal(err)
					}
					var out bytes.Buffer
					err = drain(s, &out)
					if code == 0 && (err != nil || !bytes.Equal(out.Bytes(), stream)) {
						t.Errorf("%d of %d bytes, %v", out.Len(), len(stream), err)
					}
					if code != 0 {
						if sendError(t, err).ExitCode != 1 {
							t.Errorf("got %v", err)
						}
						if out.Len() > len(endless(stream)) {
							t.Errorf("%d bytes came out, and make a receiver commit; %d don't", out.Len(), len(endless(stream)))
						}
					}
					if b := s.Begin(); b == nil || b.ToName == "" {
						t.Errorf("Begin: %+v", b)
					}
				})
			}
		}
	}
}

// TestSendHoldsEnd: while zfs hasn't exited, nobody has the end.
func TestSendHoldsEnd(t *testing.T) {
	CheckLeaks(t)
	stream := recorded(t, "full")
	gate := filepath.Join(t.TempDir(), "exit")
	s, err := fake(Cat(file(t, stream)), CloseStdout(), AwaitFile(gate)).Send(t.Context(), "tank/a@x", SendOptions{Verify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := make([]byte, len(endless(stream)))
	if _, err := io.ReadFull(s, got); err != nil {
		t.Fatal(err)
	}
	var early atomic.Int64
	read := make(chan []byte, 1)
	go func() {
		rest, _ := io.ReadAll(io.TeeReader(s, writerFunc(func(p []byte) (int, error) {
			early.Add(int64(len(p)))
			return len(p), nil
		})))
		read <- rest
	}()
	AwaitGoroutine(t, "zfssend.(*SendStream).awaitEnd", "sync.Cond.Wait")
	if n := early.Load(); n > 0 {
		t.Errorf("%d bytes came out before zfs had exited", n)
	}
	touch(t, gate)
	within(t, "the end", func() {
		if got = append(got, <-read...); !bytes.Equal(got, stream) {
			t.Errorf("%d of %d bytes", len(got), len(stream))
		}
	})
}

// TestReadAfterClose: nothing comes out of a stream that is closed, verified or not, at its end or before.
func TestReadAfterClose(t *testing.T) {
	stream := recorded(t, "full")
	for _, verify := range []bool{false, true} {
		for _, n := range []int64{0, 1000, int64(len(stream))} {
			t.Run(fmt.Sprintf("%t %d", verify, n), func(t *testing.T) {
				CheckLeaks(t)
				s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/a@x", SendOptions{Verify: verify})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.CopyN(io.Discard, struct{ io.Reader }{s}, n); err != nil {
					t.Fatal(err)
				}
				if n == int64(len(stream)) {
					if n, err := s.Read(make([]byte, 10)); n != 0 || err != io.EOF {
						t.Errorf("at the end: %d, %v", n, err)
					}
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if n, err := s.Read(make([]byte, 10)); n != 0 || !errors.Is(err, os.ErrClosed) {
					t.Errorf("Read: %d, %v", n, err)
				}
				for _, k := range outputKinds[:3] {
					w, r := k.open(t)
					if n, err := s.WriteTo(w); n != 0 || !errors.Is(err, os.ErrClosed) {
						t.Errorf("WriteTo %s: %d, %v", k.name, n, err)
					}
					w.Close()
					r.Close()
				}
			})
		}
	}
}

// TestVerifiedAttrs: what was seen of a stream is on its task before that ends.
func TestVerifiedAttrs(t *testing.T) {
	CheckLeaks(t)
	for range 10 {
		ctx, rec := recording(t)
		s, err := fake(Cat(file(t, recorded(t, "full")))).Send(ctx, "tank/a@x", SendOptions{Verify: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, s); err != nil {
			t.Fatal(err)
		}
		<-s.Done()
		_, attrs := find(t, rec, "zfs send")
		wantAttrs(t, attrs, map[string]string{"stream.records.BEGIN": "1", "stream.whole": "true"})
	}
}

// TestExpectTruncated: what ends within its first record isn't what was expected, even if zfs thinks so.
func TestExpectTruncated(t *testing.T) {
	for way, drain := range drains {
		for _, n := range []int64{0, 100} {
			t.Run(fmt.Sprint(way, n), func(t *testing.T) {
				CheckLeaks(t)
				s, err := fake(Write(n)).Send(t.Context(), "tank/a@x", SendOptions{Expect: &Expect{ToGUID: 77}})
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if err := drain(s, &out); !errors.Is(err, BadStream) || !errors.Is(err, zstream.ErrTruncated) || out.Len() > 0 {
					t.Errorf("%d bytes, %v", out.Len(), err)
				}
				<-s.Done()
				wantState(t, s, StateFailed)
			})
		}
	}
}

// TestMaybeCommitted: an error says whether a receiver may have taken the stream for whole.
func TestMaybeCommitted(t *testing.T) {
	stream := recorded(t, "full")
	for _, tt := range []struct {
		name   string
		script []Action
		verify bool
		want   bool
	}{
		{"fails at the end", []Action{Cat(file(t, stream)), Exit(1)}, false, true},
		{"fails at the end, verified", []Action{Cat(file(t, stream)), Exit(1)}, true, false},
		{"fails at once", []Action{Exit(1)}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			CheckLeaks(t)
			s, err := fake(tt.script...).Send(t.Context(), "tank/a@x", SendOptions{Verify: tt.verify})
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.Copy(io.Discard, s)
			e := sendError(t, err)
			if said := strings.Contains(e.Error(), "may have the snapshot"); e.MaybeCommitted != tt.want || said != tt.want {
				t.Errorf("%t: %v", e.MaybeCommitted, e)
			}
		})
	}
}

// TestSendDamaged: a stream with a wrong bit, and one that is cut, are refused although zfs exits with 0.
func TestSendDamaged(t *testing.T) {
	for kind, stream := range openings(t) {
		for way, drain := range drains {
			for damage, damaged := range map[string][]byte{
				"BEGIN":          flip(stream, 60),
				"middle":         flip(stream, len(stream)/2),
				"end":            flip(stream, len(stream)-1),
				"cut":            stream[:len(stream)/2],
				"cut at END":     stream[:len(stream)-zstream.HeaderSize],
				"nothing at all": nil,
			} {
				t.Run(kind+" "+way+" "+damage, func(t *testing.T) {
					CheckLeaks(t)
					s, err := fake(Cat(file(t, damaged))).Send(t.Context(), "tank/a@x", SendOptions{Verify: true})
					if err != nil {
						t.Fatal(err)
					}
					var out bytes.Buffer
					err = drain(s, &out)
					e := sendError(t, err)
					if _, ok := errors.AsType[*zstream.Error](err); !ok || e.Cause != BadStream || errors.Is(err, io.EOF) {
						t.Errorf("got %v", err)
					}
					if out.Len() > len(endless(stream)) {
						t.Errorf("%d bytes came out, which may make a receiver commit", out.Len())
					}
					<-s.Done()
					if state := s.State(); state != StateCanceled && state != StateFailed {
						t.Errorf("state is %v", state)
					}
					if err := s.Close(); err == nil {
						t.Error("Close returned nil")
					}
				})
			}
		}
	}
}

// TestSendCutByFailure: when zfs fails, that is why its stream is cut, and not the other way round.
func TestSendCutByFailure(t *testing.T) {
	stream := recorded(t, "full")
	for way, drain := range drains {
		t.Run(way, func(t *testing.T) {
			CheckLeaks(t)
			gate := filepath.Join(t.TempDir(), "exit")
			s, err := fake(Cat(file(t, stream[:len(stream)/2])), CloseStdout(), AwaitFile(gate), Stderr("warning: cannot send 'a@x': Input/output error\n"), Exit(1)).
				Send(t.Context(), "tank/a@x", SendOptions{Verify: true})
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- drain(s, new(bytes.Buffer)) }()
			await(t, "draining", func() bool { return s.State() == StateDraining })
			touch(t, gate)
			within(t, "the end", func() { err = <-done })
			if e := sendError(t, err); e.Cause != PoolIO || e.ExitCode != 1 {
				t.Errorf("got %v", err)
			}
			wantState(t, s, StateFailed)
		})
	}
}

// TestReceiveVerified: zfs receive never has the end of an input that is damaged, cut, or ends with an error.
func TestReceiveVerified(t *testing.T) {
	lost := errors.New("connection lost")
	for kind, stream := range openings(t) {
		for name, tt := range map[string]struct {
			data []byte
			end  error
			good bool
		}{
			"whole":           {stream, io.EOF, true},
			"damaged":         {flip(stream, len(stream)/2), io.EOF, false},
			"end damaged":     {flip(stream, len(stream)-1), io.EOF, false},
			"cut":             {stream[:len(stream)/3], io.EOF, false},
			"lost at the end": {stream, lost, false},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				CheckLeaks(t)
				in := newInput(0, tt.end)
				in.Reader = io.MultiReader(bytes.NewReader(tt.data), in.Reader)
				r, err := fake(Save(filepath.Join(t.TempDir(), "received"))).Receive(t.Context(), "backup/a", in, ReceiveOptions{Verify: true})
				if err != nil {
					t.Fatal(err)
				}
				err = wait(t, r)
				wantClosed(t, in)
				if tt.good {
					if err != nil || r.Stats().Bytes != int64(len(stream)) {
						t.Errorf("%v after %d bytes", err, r.Stats().Bytes)
					}
					return
				}
				if err == nil || r.Stats().Bytes > int64(len(endless(stream))) {
					t.Errorf("%v after %d bytes", err, r.Stats().Bytes)
				}
				if tt.end == lost && !errors.Is(err, lost) || tt.end == io.EOF && !errors.Is(err, BadStream) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// TestExpect: what isn't asked for is refused before zfs receive has a byte of it, and before any comes out of a send.
func TestExpect(t *testing.T) {
	var members []uint64 // of the stream that guids was called for last
	guids := func(name string) (from, to uint64) {
		members = nil
		var v zstream.Verifier
		v.OnBegin = func(b zstream.Begin) error {
			if !b.Compound {
				if members == nil {
					from = b.FromGUID
				}
				to = b.ToGUID
				members = append(members, to)
			}
			return nil
		}
		v.Write(recorded(t, name))
		return from, to
	}
	_, full := guids("full")
	from, to := guids("incremental")
	_, raw := guids("raw")
	_, properties := guids("properties")
	backupFrom, backup := guids("backup-holds")
	first, last := guids("intermediates")
	for _, tt := range []struct {
		stream  string
		expect  Expect
		refused string // a part of the reason; "" if it is welcome
	}{
		{"full", Expect{}, ""},
		{"full", Expect{ToGUID: full}, ""},
		{"full", Expect{ToGUID: full + 1}, "snapshot's GUID"},
		{"full", Expect{ToGUID: full, FromGUID: 1}, "base's GUID"},
		{"full", Expect{Raw: true}, "encoding is plain, not raw"},
		{"incremental", Expect{ToGUID: to, FromGUID: from}, ""},
		{"incremental", Expect{ToGUID: to}, "base's GUID"},
		{"raw", Expect{ToGUID: raw, Raw: true}, ""},
		{"raw", Expect{ToGUID: raw}, "encoding is raw, not plain"},
		{"intermediates", Expect{ToGUID: last, FromGUID: first, Package: true}, ""},
		{"intermediates", Expect{ToGUID: last, FromGUID: first}, "kind is a package"},
		{"intermediates", Expect{ToGUID: last + 1, FromGUID: first, Package: true}, "last snapshot's GUID"},
		{"intermediates", Expect{ToGUID: last, FromGUID: first + 1, Package: true}, "base's GUID"},
		{"intermediates", Expect{ToGUID: last, FromGUID: first, Package: true, Members: members}, ""},
		{"intermediates", Expect{ToGUID: last, FromGUID: first, Package: true, Members: []uint64{1, last}}, "member's GUID"},
		{"intermediates", Expect{ToGUID: last, FromGUID: first, Package: true, Members: members[:1]}, "number of snapshots"},
		{"properties", Expect{ToGUID: properties, Package: true, Properties: true}, ""},
		{"properties", Expect{ToGUID: properties, Package: true}, "number of properties"},
		{"backup-holds", Expect{ToGUID: backup, FromGUID: backupFrom, Package: true, Properties: true, Holds: true}, ""},
		{"backup-holds", Expect{ToGUID: backup, FromGUID: backupFrom, Package: true, Properties: true}, "snapshots with holds"},
	} {
		t.Run(tt.stream+" "+tt.refused, func(t *testing.T) {
			CheckLeaks(t)
			stream := recorded(t, tt.stream)
			s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/a@x", SendOptions{Expect: &tt.expect, Verify: true})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			_, err = s.WriteTo(&out)
			check := func(what string, err error, n int64) {
				t.Helper()
				if tt.refused == "" {
					if err != nil || n != int64(len(stream)) {
						t.Errorf("%s: %d bytes, %v", what, n, err)
					}
					return
				}
				_, ok := errors.AsType[*ExpectError](err)
				if !ok || !errors.Is(err, Unexpected) || !strings.Contains(err.Error(), tt.refused) || errors.Is(err, Canceled) {
					t.Errorf("%s: %v", what, err)
				}
				// The members of a package are known only as they come.
				if n > 0 && !tt.expect.Package {
					t.Errorf("%s: %d bytes have passed", what, n)
				}
			}
			check("send", err, int64(out.Len()))

			in := newInput(0, io.EOF)
			in.Reader = io.MultiReader(bytes.NewReader(stream), in.Reader)
			r, err := fake(Save(filepath.Join(t.TempDir(), "received"))).Receive(t.Context(), "backup/a", in, ReceiveOptions{Expect: &tt.expect})
			if err != nil {
				t.Fatal(err)
			}
			check("receive", wait(t, r), r.Stats().Bytes)
		})
	}
}

// TestExpectUnreadable: a package whose contents can't be read isn't what was expected. zfs may read them.
func TestExpectUnreadable(t *testing.T) {
	CheckLeaks(t)
	stream := recorded(t, "properties")
	size := binary.LittleEndian.Uint32(stream[4:])
	stream = slices.Insert(stream, zstream.HeaderSize+int(size), 1, 2, 3, 4) // zfs stops at the end of the list
	binary.LittleEndian.PutUint32(stream[4:], size+4)
	expect := &Expect{ToGUID: 77, Package: true, Properties: true}
	r, err := fake(Save(filepath.Join(t.TempDir(), "received"))).
		Receive(t.Context(), "backup/a", io.NopCloser(bytes.NewReader(stream)), ReceiveOptions{Expect: expect})
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, r); !errors.Is(err, BadStream) || r.Stats().Bytes > 0 {
		t.Errorf("%v after %d bytes", err, r.Stats().Bytes)
	}
}

// TestExpectSmallReads: nothing comes out of a stream that is refused, however little is read at a time.
func TestExpectSmallReads(t *testing.T) {
	for _, right := range []bool{true, false} {
		CheckLeaks(t)
		stream := recorded(t, "full")
		s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/a@x", SendOptions{Expect: &Expect{Raw: !right}})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		_, err = io.CopyBuffer(struct{ io.Writer }{&out}, struct{ io.Reader }{s}, make([]byte, 7))
		if right && (err != nil || !bytes.Equal(out.Bytes(), stream)) || !right && (!errors.Is(err, Unexpected) || out.Len() > 0) {
			t.Errorf("%d bytes, %v", out.Len(), err)
		}
		s.Close()
	}
}

// TestBegin: both ends know what passes.
func TestBegin(t *testing.T) {
	for _, verify := range []bool{false, true} {
		CheckLeaks(t)
		stream := recorded(t, "incremental")
		want, err := zstream.ParseBegin(stream)
		if err != nil {
			t.Fatal(err)
		}
		s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/a@x", SendOptions{Verify: verify})
		if err != nil {
			t.Fatal(err)
		}
		r := receive(t, t.Context(), s, Save(filepath.Join(t.TempDir(), "received")))
		if err := wait(t, r); err != nil {
			t.Fatal(err)
		}
		for _, b := range []*zstream.Begin{s.Begin(), r.Begin()} {
			if b == nil || b.ToGUID != want.ToGUID || b.FromGUID != want.FromGUID || b.ToName != want.ToName {
				t.Errorf("got %+v, want %+v", b, want)
			}
		}
	}
}

// TestExpectNoStream: what isn't a stream at all is not what is expected.
func TestExpectNoStream(t *testing.T) {
	CheckLeaks(t)
	in := newInput(10_000, io.EOF)
	r, err := fake(Save(filepath.Join(t.TempDir(), "received"))).Receive(t.Context(), "backup/a", in, ReceiveOptions{Expect: &Expect{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, r); !errors.Is(err, BadStream) || r.Stats().Bytes != 0 {
		t.Errorf("%v after %d bytes", err, r.Stats().Bytes)
	}
}

// TestDangerousBegin: a stream of which the kernel of ZFS 2.1 would die doesn't get to it, whatever is asked for.
func TestDangerousBegin(t *testing.T) {
	for damage, also := range map[string]func(stream []byte){
		"only its length":      func([]byte) {},
		"an odd length":        func(stream []byte) { stream[4] |= 1 },
		"version information":  func(stream []byte) { stream[20] |= 1 },
		"no snapshot's name":   func(stream []byte) { stream[56] = 0 },
		"of an unknown object": func(stream []byte) { stream[32] = 99 },
	} {
		t.Run(damage, func(t *testing.T) {
			stream := recorded(t, "full")
			stream[6] |= 0x80 // drr_payloadlen: 8 MiB
			also(stream)
			testDangerousBegin(t, slices.Insert(stream, zstream.HeaderSize, make([]byte, 8<<20)...))
		})
	}
}

func testDangerousBegin(t *testing.T, stream []byte) {
	saved := filepath.Join(t.TempDir(), "received")
	refused := func(t *testing.T, what string, err error) {
		t.Helper()
		if e, ok := errors.AsType[*zstream.Error](err); !ok || !errors.Is(err, BadStream) || e.Record != zstream.TypeBegin || e.Offset != 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
	for name, o := range map[string]ReceiveOptions{"plain": {}, "verified": {Verify: true}, "expected": {Expect: &Expect{}}} {
		t.Run(name, func(t *testing.T) {
			CheckLeaks(t)
			r, err := fake(Save(saved)).Receive(t.Context(), "backup/a", io.NopCloser(bytes.NewReader(stream)), o)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, "Receive", wait(t, r))
			if n := r.Stats().Bytes; n > 0 {
				t.Errorf("zfs receive got %d bytes", n)
			}
			s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/a@x", SendOptions{Verify: o.Verify, Expect: o.Expect})
			if err != nil {
				t.Fatal(err)
			}
			if r, err = fake(Save(saved)).Receive(t.Context(), "backup/a", s, ReceiveOptions{}); err != nil {
				t.Fatal(err)
			}
			err = wait(t, r)
			refused(t, "Send to Receive", RootCause(s.Err(), err))
		})
	}
	if _, err := os.Stat(saved); err == nil {
		t.Error("zfs receive came to the end of its input")
	}
}
