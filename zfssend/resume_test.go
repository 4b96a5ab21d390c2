package zfssend

import (
	"errors"
	"strings"
	"testing"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// TestResumeArgs: a token is used for nothing but the stream that was to be sent.
func TestResumeArgs(t *testing.T) {
	full := zstream.Token{ToName: "tank/a@x", ToGUID: 7, Object: 3, Offset: 4096, Bytes: 1000}
	with := func(change func(*zstream.Token)) string {
		token := full
		change(&token)
		return token.String()
	}
	token := full.String()
	tests := []struct {
		name string
		o    SendOptions
		want string // arguments, or a part of the error
	}{
		{"as planned", SendOptions{Token: token}, "-t " + token},
		{"with GUIDs", SendOptions{Token: token, Expect: &Expect{ToGUID: 7}}, "-t " + token},
		{"more is allowed", SendOptions{Token: token, LargeBlock: true, Compressed: true}, "-L -c -t " + token},
		{"another GUID", SendOptions{Token: token, Expect: &Expect{ToGUID: 8}}, "snapshot's GUID is 7, not 8"},
		{"another base", SendOptions{Token: with(func(t *zstream.Token) { t.FromGUID = 5 }), From: "@w", Expect: &Expect{ToGUID: 7, FromGUID: 6}}, "base's GUID is 5, not 6"},
		{"another snapshot", SendOptions{Token: with(func(t *zstream.Token) { t.ToName = "tank/b@x" })}, "snapshot is tank/b@x, not tank/a@x"},
		{"incremental", SendOptions{Token: with(func(t *zstream.Token) { t.FromGUID = 5 })}, "base is a snapshot or bookmark, not none"},
		{"full", SendOptions{Token: token, From: "@w"}, "base is none, not a snapshot or bookmark"},
		{"not raw", SendOptions{Token: token, Raw: true}, "encoding is plain, not raw"},
		{"raw", SendOptions{Token: with(func(t *zstream.Token) { t.Raw = true })}, "encoding is raw, not plain"},
		{"raw as planned", SendOptions{Token: with(func(t *zstream.Token) { t.Raw, t.Compressed, t.LargeBlocks, t.Embedded = true, true, true, true }), Raw: true}, "-w -t 1-"},
		{"large blocks", SendOptions{Token: with(func(t *zstream.Token) { t.LargeBlocks = true })}, "large blocks"},
		{"embedded blocks", SendOptions{Token: with(func(t *zstream.Token) { t.Embedded = true })}, "embedded blocks"},
		{"compressed blocks", SendOptions{Token: with(func(t *zstream.Token) { t.Compressed = true })}, "compressed blocks"},
		{"redacted", SendOptions{Token: with(func(t *zstream.Token) { t.RedactSnapshots = []uint64{9} })}, "redaction"},
		{"redacted base", SendOptions{Token: with(func(t *zstream.Token) { t.BookmarkRedactSnapshots = []uint64{9} })}, "redaction of the base"},
		{"saved", SendOptions{Token: with(func(t *zstream.Token) { t.Saved = true })}, "saved state"},
		{"with properties", SendOptions{Token: token, Properties: true}, "a token continues"},
		{"no token", SendOptions{Token: "1-2-3-4"}, "resume token"},
		{"damaged", SendOptions{Token: strings.Replace(token, "-", "-1", 1)}, "resume token"},
		{"an option", SendOptions{Token: "-R"}, "resume token"},
	}
	for _, tt := range tests {
		args, expect, err := tt.o.resume(Name{"tank/a", '@', "x"})
		got := strings.Join(args, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) || (err == nil) != strings.HasPrefix(tt.want, "-") {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
		if err == nil && (expect.ToGUID != 7 || expect.Raw != tt.o.Raw) {
			t.Errorf("%s: expects %+v", tt.name, expect)
		}
		if _, ok := errors.AsType[*ExpectError](err); ok && !errors.Is(err, Unexpected) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestResumeChecksStream: that zfs sends what the token says is checked, too.
func TestResumeChecksStream(t *testing.T) {
	CheckLeaks(t)
	stream := recorded(t, "full")
	begin, err := zstream.ParseBegin(stream)
	if err != nil {
		t.Fatal(err)
	}
	for _, right := range []bool{true, false} {
		token := zstream.Token{ToName: begin.ToName, ToGUID: begin.ToGUID}
		if !right {
			token.ToGUID++ // and so Expect's
		}
		s, err := fake(Cat(file(t, stream))).Send(t.Context(), begin.ToName, SendOptions{Token: token.String(), Expect: &Expect{ToGUID: token.ToGUID}})
		if err != nil {
			t.Fatal(err)
		}
		n, err := s.Read(make([]byte, 1000))
		if right && err != nil || !right && (!errors.Is(err, Unexpected) || n != 0) {
			t.Errorf("read %d, %v", n, err)
		}
		s.Close()
	}
}

// TestResumeForged: a token that names the snapshot, but has the GUID of another one or of another base, sends nothing.
func TestResumeForged(t *testing.T) {
	CheckLeaks(t)
	for name, tt := range map[string]struct {
		to, from uint64
		want     string
	}{
		"another snapshot": {8, 5, "snapshot's GUID is 8, not 7"},
		"another base":     {7, 6, "base's GUID is 6, not 5"},
		"right":            {7, 5, ""},
	} {
		c := scripted(Scripts{
			"get -Hp -o name,value guid tank/a@x tank/a@w": {Print("tank/a@x\t7\ntank/a@w\t5\n")},
			"send": {Write(1000)},
		})
		token := zstream.Token{ToName: "tank/a@x", ToGUID: tt.to, FromGUID: tt.from}
		s, err := c.Send(t.Context(), "tank/a@x", SendOptions{From: "@w", Token: token.String()})
		if tt.want == "" {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err = s.Read(make([]byte, 1000)); err == nil { // it isn't a stream at all
				t.Errorf("%s: what zfs sends isn't looked at", name)
			}
			s.Close()
			continue
		}
		if !errors.Is(err, Unexpected) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := fake(Stderr("cannot open 'tank/a@x': dataset does not exist\n"), Exit(1))
	if _, err := gone.Send(t.Context(), "tank/a@x", SendOptions{Token: zstream.Token{ToName: "tank/a@x", ToGUID: 7}.String()}); !errors.Is(err, ResumeStale) {
		t.Errorf("a snapshot that is gone: %v", err)
	}
	stream := recorded(t, "full") // of another snapshot, though its GUID may be right
	begin, err := zstream.ParseBegin(stream)
	if err != nil {
		t.Fatal(err)
	}
	token := zstream.Token{ToName: "tank/other@x", ToGUID: begin.ToGUID}
	s, err := fake(Cat(file(t, stream))).Send(t.Context(), "tank/other@x", SendOptions{Token: token.String(), Expect: &Expect{ToGUID: begin.ToGUID}})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := s.Read(make([]byte, 1000)); n > 0 || !errors.Is(err, Unexpected) {
		t.Errorf("read %d, %v", n, err)
	}
	s.Close()
}

// TestReceiveToken: the error of a receive that keeps its state has the token.
func TestReceiveToken(t *testing.T) {
	CheckLeaks(t)
	token := zstream.Token{ToName: "tank/a@x", ToGUID: 7, Object: 3, Offset: 4096, Bytes: 1000}.String()
	r := receive(t, t.Context(), newInput(1000, nil), Read(1000), Stderr("cannot receive: checksum mismatch or incomplete stream.\n"+
		"Partially received snapshot is saved.\nA resuming stream can be generated on the sending system by running:\n    zfs send -t "+token+"\n"), Exit(1))
	if e := sendError(t, wait(t, r)); e.Token != token || e.Cause != BadStream {
		t.Errorf("%+v", e)
	}
}
