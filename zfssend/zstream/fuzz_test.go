package zstream

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func FuzzVerifier(f *testing.F) {
	for _, name := range []string{"empty-incremental", "compressed-incremental", "replication-incremental"} {
		stream := wholeFixtures(f)[name]
		for _, form := range []struct{ big, unchecked bool }{{false, false}, {true, false}, {false, true}} {
			f.Add(rewrite(f, stream, form.big, form.unchecked), uint16(100))
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		var one, many Verifier
		want := result(&one, verify(&one, stream))
		begins, records := 0, 0
		many.OnBegin = func(Begin) error { begins++; return nil }
		many.OnRecord = func(r Record) error { records++; _ = r.String(); return nil }
		var err error
		for rest := stream; len(rest) > 0 && err == nil; {
			n := min(int(piece)+1, len(rest))
			var took int
			took, err = many.Write(rest[:n])
			if took < 0 || took > n || err == nil && took != n {
				t.Fatalf("Write of %d bytes took %d, %v", n, took, err)
			}
			rest = rest[n:]
			if many.Safe() > many.Offset() {
				t.Fatalf("%d bytes are safe, %d there", many.Safe(), many.Offset())
			}
		}
		if err == nil {
			err = many.Close()
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("error of type %T", err)
			}
		}
		if one.begin.PayloadSize > maxKeptList {
			if !errors.Is(err, ErrUnsupported) {
				t.Fatalf("an nvlist of %d bytes is to be kept for OnBegin: %v", one.begin.PayloadSize, err)
			}
			return
		}
		many.safe = one.safe // with OnBegin less is safe
		if got := result(&many, err); got != want {
			t.Fatalf("in pieces of %d bytes:\n%s\nin one:\n%s", piece+1, got, want)
		}
		parse := Verifier{ParseOnly: true}
		if perr := verify(&parse, stream); err == nil && perr != nil {
			t.Fatalf("ParseOnly refuses what is right: %v", perr)
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, s := range tokens(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, err := ParseToken(s)
		if err != nil {
			return
		}
		again, err := ParseToken(token.String())
		token.Unknown = nil
		if err != nil || !reflect.DeepEqual(again, token) {
			t.Fatalf("%+v, again %+v, %v", token, again, err)
		}
	})
}

func FuzzNVList(f *testing.F) {
	for _, stream := range fixtures(f) {
		v := Verifier{OnBegin: func(b Begin) error {
			if b.PayloadSize > 0 {
				f.Add(stream[b.Offset+HeaderSize:][:b.PayloadSize])
			}
			return nil
		}}
		v.Write(stream)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		l, err := ParseNVList(p)
		if err != nil {
			return
		}
		_ = l.String()
		for _, encode := range []func([]byte) ([]byte, error){l.AppendNative, l.AppendXDR} {
			q, err := encode(nil)
			if errors.Is(err, ErrUnsupported) {
				continue
			}
			again, err := ParseNVList(q)
			if err != nil || !reflect.DeepEqual(again, l) {
				t.Fatalf("%v\n%v\nagain %v", err, l, again)
			}
			if r, _ := encode(nil); !bytes.Equal(q, r) {
				t.Fatal("encoded in two ways")
			}
		}
	})
}
