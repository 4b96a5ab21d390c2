package remote

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// backup is the policy of a host that others may send to.
func backup(t *testing.T) Policy {
	verbs, err := ParseVerbs("receive", "snapshot", "set", "destroy", "send")
	if err != nil {
		t.Fatal(err)
	}
	return Policy{Roots: []string{"tank/backup"}, Verbs: verbs, SendRawOnly: true}
}

// TestRefusals asks for what isn't allowed, or makes no sense. zfs is never started.
func TestRefusals(t *testing.T) {
	zfstest.CheckLeaks(t)
	h := connect(t, &Agent{Client: unusable(t), Policy: backup(t)}, Config{}).host
	ctx := t.Context()
	expect := &zfssend.Expect{ToGUID: 1}
	receive := func(dataset string, o zfssend.ReceiveOptions) error {
		_, err := h.Receive(ctx, dataset, io.NopCloser(strings.NewReader("x")), o)
		return err
	}
	with := func(property, value string) zfssend.ReceiveOptions {
		return zfssend.ReceiveOptions{Expect: expect, Set: map[string]string{property: value}}
	}
	list := func(name string) error { _, err := h.List(ctx, name, zfssend.ListOptions{}); return err }
	for _, c := range []struct {
		name string
		err  error
		want string // refused if it is about the policy
	}{
		{"mountpoint", receive("tank/backup/a", with("mountpoint", "/evil")), `refused .*"mountpoint" may not be set`},
		{"injection", receive("tank/backup/a", with("canmount=off -o mountpoint", "/evil")), "refused"},
		{"injection by value", receive("tank/backup/a", with("zferry:x -o mountpoint=/evil -o y", "z")), "invalid name .*as a property"},
		{"sharing", receive("tank/backup/a", with("sharenfs", "on")), "refused"},
		{"programs", receive("tank/backup/a", with("exec", "on")), "refused"},
		{"setuid", h.SetProperties(ctx, "tank/backup/a", map[string]string{"setuid": "on"}), "refused"},
		{"absolute mountpoint", h.Create(ctx, "tank/backup/a", zfssend.CreateOptions{Set: map[string]string{"canmount": "off", "mountpoint": "/etc"}}), "refused"},
		{"mounted", h.Create(ctx, "tank/backup/a", zfssend.CreateOptions{}), "refused .*canmount"},
		{"exclude", receive("tank/backup/a", zfssend.ReceiveOptions{Expect: expect, Exclude: []string{"readonly", "quota"}}), `refused .*"quota"`},
		{"force", receive("tank/backup/a", zfssend.ReceiveOptions{Expect: expect, Force: true}), `refused .*"force"`},
		{"unexpected", receive("tank/backup/a", zfssend.ReceiveOptions{}), "refused .*expect"},
		{"stream with properties", receive("tank/backup/a", zfssend.ReceiveOptions{Expect: &zfssend.Expect{Properties: true}}), "refused"},
		{"option", list("-R"), `invalid name "-R"`},
		{"option as a component", list("tank/-r"), "refused .*not within tank/backup"},
		{"dots", list("tank/backup/../a"), "invalid name"},
		{"outside", list("tank"), "refused .*not within tank/backup"},
		{"beside", list("tank/backup2"), "refused"},
		{"slash", list("tank/backup/"), "invalid name"},
		{"absolute", list("/tank/backup"), "invalid name"},
		{"destination outside", receive("tank/other", zfssend.ReceiveOptions{Expect: expect}), "refused"},
		{"bookmark outside", h.Bookmark(ctx, zfssend.Bookmark{Source: "tank/backup/a@x", Name: "tank/a#x"}), "refused"},
		{"one of several", h.Snapshot(ctx, "tank/backup/a@x", "tank/a@x"), "refused"},
		{"dataset", h.DestroyWith(ctx, zfssend.DestroyOptions{Recursive: true}, "tank/backup/a"), `refused .*"destroy-dataset"`},
		{"rollback", h.Rollback(ctx, "tank/backup/a@x"), `refused .*"rollback"`},
		{"plain", sendTo(h, "tank/backup/a@x", zfssend.SendOptions{}), "refused .*raw"},
		{"base outside", sendTo(h, "tank/backup/a@x", zfssend.SendOptions{Raw: true, From: "tank/secret@x"}), "refused"},
		{"dataset for snapshot", sendTo(h, "tank/backup/a", zfssend.SendOptions{Raw: true}), "invalid name"},
		{"trace", traceOf(h), `refused .*"trace"`},
		{"unknown verb", raw(h, "format", `{}`), "the agent knows no request"},
		{"path", raw(h, "../hello/list", `{}`), "the agent knows no request|status"},
		{"unknown field", raw(h, "list", `{"name":"tank/backup","also":"tank"}`), "unknown field .*older"},
		{"wrong type", raw(h, "list", `{"name":["tank"]}`), "bad request"},
		{"trailing", raw(h, "list", `{"name":"tank/backup"} {}`), "bad request"},
		{"too long", raw(h, "list", `{"name":"`+strings.Repeat("a", 17<<20)+`"}`), "more than"},
	} {
		refused := strings.HasPrefix(c.want, "refused")
		if c.err == nil || !matches(c.want, c.err.Error()) || refused != errors.Is(c.err, ErrRefused) {
			t.Errorf("%s: %v, want %s", c.name, c.err, c.want)
		}
		if refused && !errors.Is(c.err, zfssend.PermissionDenied) {
			t.Errorf("%s: it isn't a PermissionDenied", c.name)
		}
	}
}

func traceOf(h *Host) error { _, err := h.Trace(context.Background()); return err }

// raw makes a request whose body is anything.
func raw(h *Host, verb, body string) error {
	x, err := h.session.Load().open(context.Background(), pathV1+verb, strings.NewReader(body))
	if err != nil {
		return err
	}
	st, err := x.status(new(json.RawMessage), 1<<20)
	if err != nil {
		return err
	}
	return st.Error.error(nil)
}

// TestNothingAllowed sees that the zero policy is none, and that policies permit what they should.
func TestNothingAllowed(t *testing.T) {
	h := connect(t, &Agent{Client: unusable(t)}, Config{}).host
	if _, err := h.List(t.Context(), "tank", zfssend.ListOptions{}); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	p := backup(t)
	d := demand{policy: &p}
	o := zfssend.ReceiveOptions{Expect: &zfssend.Expect{}, Set: map[string]string{"zferry:a": "b", "readonly": "on"}, Exclude: []string{"mountpoint"}}
	if err := d.receive("tank/backup", &o); err != nil || !o.Unmounted {
		t.Errorf("%v, unmounted: %v", err, o.Unmounted)
	}
}

// TestHostileFrames sends frames that are none.
func TestHostileFrames(t *testing.T) {
	zfstest.CheckLeaks(t)
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"receive": {zfstest.Save(t.TempDir() + "/never"), zfstest.Exit(0)}})}
	request := appendText(nil, kindJSON, []byte(`{"dataset":"tank/b","options":{}}`))
	huge := binary.BigEndian.AppendUint32(nil, uint32(kindData)<<24|0xffffff)
	for name, c := range map[string]struct{ body, want string }{
		"oversized":      {string(request) + string(huge) + strings.Repeat("x", 1000), "maximum is 1048576"},
		"unknown kind":   {string(request) + "zzzz", "unknown kind"},
		"no end":         {string(request) + string(appendFrame(nil, kindData, []byte("abc"))), "unexpected EOF"},
		"cut":            {string(request) + string(appendFrame(nil, kindData, []byte("abc"))[:6]), "unexpected EOF"},
		"status":         {string(request) + string(appendFrame(nil, kindStatus, nil)), "in a stream"},
		"endless beats":  {string(request) + strings.Repeat(string(appendFrame(nil, kindBeat, nil)), 1000), "unexpected EOF"},
		"no request":     {string(appendFrame(nil, kindEnd, nil)), "in the middle of a text"},
		"no JSON":        {string(appendFrame(nil, kindJSON, []byte("{"))), "bad request"},
		"bad abort":      {string(request) + string(appendFrame(nil, kindAbort, []byte("["))), "bad JSON"},
		"endless text":   {strings.Repeat(string(appendFrame(nil, kindPart, make([]byte, maxFrame))), 17), "a text of more than"},
		"beat with data": {string(request) + string(appendFrame(nil, kindBeat, []byte("x"))), "there can be none"},
	} {
		p := connect(t, &Agent{Client: client, Policy: Unrestricted()}, Config{})
		x, err := p.host.session.Load().open(t.Context(), pathV1+"receive", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		st := status{}
		k, _, err := x.frames.next()
		if err == nil && k == kindBegun {
			k, _, err = x.frames.next()
		}
		var text []byte
		if err == nil {
			_, text, err = x.frames.message(k, 1<<20)
		}
		if err == nil {
			err = decode(text, &st)
		}
		x.close()
		if err != nil || st.Error == nil || !strings.Contains(st.Error.error(nil).Error(), c.want) {
			t.Errorf("%s: %v, %v; want %s", name, err, st.Error.error(nil), c.want)
		}
	}
}

// TestTokenOfAnother has a peer ask for a snapshot outside of its root by a token, and pretend to expect it. zfs send isn't started.
func TestTokenOfAnother(t *testing.T) {
	zfstest.CheckLeaks(t)
	started := t.TempDir() + "/started"
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
		"get": {zfstest.Print("tank/open@x\t5\n")}, "send": {zfstest.Touch(started)},
	})}
	h := connect(t, &Agent{Client: client, Policy: Policy{Roots: []string{"tank/open"}, Verbs: allVerbs}}, Config{}).host
	const secret = 7
	token := zstream.Token{Object: 1, ToGUID: secret, ToName: "tank/open@x"}.String()
	err := sendTo(h, "tank/open@x", zfssend.SendOptions{Token: token, Expect: &zfssend.Expect{ToName: "tank/open@x", ToGUID: secret}})
	if _, statErr := os.Stat(started); !errors.Is(err, zfssend.Unexpected) || statErr == nil {
		t.Errorf("got %v; zfs send: %v", err, statErr)
	}
}

// TestPlaintext refuses to send an encrypted dataset otherwise than raw, also one below.
func TestPlaintext(t *testing.T) {
	zfstest.CheckLeaks(t)
	started := t.TempDir() + "/started"
	row := "tank/%s\tfilesystem\t1\t1\t%s\t-\n"
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{
		"list -Hp -t filesystem,volume -o name,type,guid,createtxg,encryption,receive_resume_token -d": {zfstest.Print(fmt.Sprintf(row, "a", "off"))},
		"list -Hp -t filesystem,volume -o name,type,guid,createtxg,encryption,receive_resume_token -r": {
			zfstest.Print(fmt.Sprintf(row, "a", "off") + fmt.Sprintf(row, "a/b", "aes-256-gcm"))},
		"send -w": {zfstest.Write(10)}, "send tank/a@x": {zfstest.Write(10)}, "send -R": {zfstest.Touch(started)},
	})}
	p := Unrestricted()
	p.RefusePlaintext = true
	h := connect(t, &Agent{Client: client, Policy: p}, Config{}).host
	for _, o := range []zfssend.SendOptions{{}, {Raw: true}, {Raw: true, Replicate: true}} {
		if err := sendTo(h, "tank/a@x", o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	err := sendTo(h, "tank/a@x", zfssend.SendOptions{Replicate: true})
	if _, statErr := os.Stat(started); !errors.Is(err, ErrRefused) || statErr == nil {
		t.Errorf("got %v; zfs send: %v", err, statErr)
	}
}

// hostileAgent greets as an agent does, and then does what the handler does.
func hostileAgent(t *testing.T, handler http.HandlerFunc) *Host {
	t.Helper()
	near, far := socketpair(t)
	l := newLink(far, time.Minute, time.Minute)
	server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		if r.URL.Path == pathHello {
			newReply(w, time.Hour).finish(&hello{Oldest: 1, Newest: 1, Program: "evil\x1b[2J"}, &status{})
			return
		}
		if r.URL.Path == pathCancel || r.URL.Path == pathClock {
			newReply(w, time.Hour).finish(&stamps{}, &status{})
			return
		}
		handler(w, r)
	})}
	server.Protocols.SetUnencryptedHTTP2(true)
	listener := newOneListener(l)
	go server.Serve(listener)
	h, err := NewHost(t.Context(), near, Config{Name: "evil", Lost: time.Second, Heartbeat: 250 * time.Millisecond, Grace: time.Second, MaxReply: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close()
		listener.Close()
		server.Close()
	})
	return h
}

// TestHostileAgent has an agent answer with what no agent may.
func TestHostileAgent(t *testing.T) {
	answers := func(frames ...[]byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Join(frames, nil)) }
	}
	result := func(v any) []byte {
		text, _ := json.Marshal(v)
		return appendText(nil, kindJSON, text)
	}
	done := appendText(nil, kindStatus, []byte("{}"))
	endless := func(w http.ResponseWriter, first, again []byte) {
		w.Write(first)
		for {
			if _, err := w.Write(again); err != nil {
				return
			}
		}
	}
	list := func(h *Host) error {
		_, err := h.List(t.Context(), "tank/a", zfssend.ListOptions{Recursive: true})
		return err
	}
	send := func(h *Host) error {
		return sendTo(h, "tank/a@x", zfssend.SendOptions{Expect: &zfssend.Expect{ToGUID: 1}})
	}
	begun := appendFrame(nil, kindBegun, nil)
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		do      func(*Host) error
		want    string
	}{
		"wrong JSON": {answers(appendText(nil, kindJSON, []byte("{]"))), list, "bad JSON"},
		"no frames":  {answers([]byte("<html>hello</html>")), list, "unknown kind|frame"},
		"truncated":  {answers(result([]zfssend.Dataset{{Name: "tank/a"}})), list, "breaks off"},
		"nothing":    {answers(), list, "breaks off"},
		"silent":     {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, list, "no sign of life"},
		"above":      {answers(result([]zfssend.Dataset{{Name: "tank"}}), done), list, "not asked for"},
		"beside":     {answers(result([]zfssend.Dataset{{Name: "tank/a"}, {Name: "tank/ab"}}), done), list, "not asked for"},
		"no name":    {answers(result([]zfssend.Dataset{{Name: "tank/a"}, {Name: "tank/a/-o mountpoint=/evil"}}), done), list, "not asked for"},
		"option":     {answers(result([]zfssend.Dataset{{Name: "tank/a"}, {Name: "-rf"}}), done), list, "not asked for"},
		"injection":  {answers(result([]zfssend.Dataset{{Name: "tank/a", Versions: []zfssend.Version{{Name: "@x -o mountpoint=/evil"}}}}), done), list, "not asked for"},
		"another's":  {answers(result([]zfssend.Dataset{{Name: "tank/a", Versions: []zfssend.Version{{Name: "/b@x"}}}}), done), list, "not asked for"},
		"property":   {answers(result([]zfssend.Dataset{{Name: "tank/a", Properties: map[string]string{"x": "y"}}}), done), list, "not asked for"},
		"empty list": {answers(result([]zfssend.Dataset{}), done), list, "begin with"},
		"too much": {func(w http.ResponseWriter, _ *http.Request) {
			endless(w, nil, appendFrame(nil, kindPart, make([]byte, 1<<18)))
		}, list, "a text of more than"},
		"web page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(500)
		}, list, "HTTP status 500"},
		"control chars": {answers(appendText(nil, kindStatus, []byte(`{"error":{"text":"a\u001b[2Jb\u0007"}}`))), list, `a\?\[2Jb\?`},
		"oversized":     {answers(begun, []byte{byte(kindData), 0xff, 0xff, 0xff}), send, "maximum is"},
		"endless stream": {func(w http.ResponseWriter, _ *http.Request) {
			endless(w, begun, appendFrame(nil, kindData, make([]byte, 1<<18)))
		}, send, "no zfs send stream: magic number"},
		"early end":      {answers(begun, appendFrame(nil, kindData, make([]byte, 10))), send, "breaks off"},
		"another stream": {answers(begun, appendFrame(nil, kindData, beginRecord(7)), done), send, "unexpected stream"},
		"no state":       {answers(begun, done), send, "state"},
		"never begins":   {answers(done), send, "ends before it begins"},
	} {
		t.Run(name, func(t *testing.T) {
			zfstest.CheckLeaks(t)
			err := c.do(hostileAgent(t, c.handler))
			if err == nil || !matches(c.want, err.Error()) || strings.ContainsAny(err.Error(), "\x1b\x07") {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	t.Run("endless after status", func(t *testing.T) {
		zfstest.CheckLeaks(t)
		h := hostileAgent(t, func(w http.ResponseWriter, _ *http.Request) {
			endless(w, append(result([]zfssend.Dataset{{Name: "tank/a"}}), done...), appendFrame(nil, kindData, make([]byte, 1<<18)))
		})
		if err := list(h); err != nil { // what was whole counts, and nothing after it is read
			t.Error(err)
		}
		if h.Agent().Program != "evil?[2J" {
			t.Errorf("it is called %q", h.Agent().Program)
		}
	})
}

// endlessStream is a stream that goes on with nothing for ever.
type endlessStream struct {
	first io.Reader
	read  atomic.Int64
}

func (s *endlessStream) Read(p []byte) (int, error) {
	n, err := s.first.Read(p)
	if err == io.EOF {
		clear(p)
		n, err = len(p), nil
	}
	s.read.Add(int64(n))
	return n, err
}

func (s *endlessStream) Close() error { return nil }

// TestHostileSender has a peer that may send its backups send something else. zfs receive doesn't get a byte of it, however much
// there is to come, and the connection stays of use.
func TestHostileSender(t *testing.T) {
	zfstest.CheckLeaks(t)
	properties, ordinary := recorded(t, "properties"), recorded(t, "full")
	begin, err := zstream.ParseBegin(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	guid := begin.ToGUID
	damaged := bytes.Clone(ordinary)
	damaged[9] ^= 1 // the magic number of a BEGIN record
	received := t.TempDir() + "/received"
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{"receive": {zfstest.Save(received), zfstest.Exit(0)}})}
	h := connect(t, &Agent{Client: client, Policy: backup(t)}, Config{}).host
	for name, c := range map[string]struct {
		stream []byte
		expect zfssend.Expect
		want   string
	}{
		"properties in a package":   {properties, zfssend.Expect{Package: true}, "unexpected stream: its number of properties is"},
		"package":                   {properties, zfssend.Expect{}, "unexpected stream: its kind is a package"},
		"another snapshot":          {ordinary, zfssend.Expect{ToGUID: guid + 1}, "unexpected stream: its snapshot's GUID is"},
		"increment of another base": {ordinary, zfssend.Expect{ToGUID: guid, FromGUID: 7}, "unexpected stream: its base's GUID is"},
		"plain for raw":             {ordinary, zfssend.Expect{Raw: true}, "unexpected stream: its encoding is plain"},
		"endless nothing":           {nil, zfssend.Expect{ToGUID: guid}, "no zfs send stream: magic number"},
		"endless, of no magic":      {damaged, zfssend.Expect{ToGUID: guid}, "no zfs send stream: magic number"},
	} {
		in := &endlessStream{first: bytes.NewReader(c.stream)}
		r, err := h.Receive(t.Context(), "tank/backup/a", in, zfssend.ReceiveOptions{Expect: &c.expect})
		if err == nil {
			err = r.Wait()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
		if data, err := os.ReadFile(received); err == nil && len(data) > 0 {
			t.Errorf("%s: zfs receive got %d bytes", name, len(data))
		}
		if n := in.read.Load(); n > 256<<20 {
			t.Errorf("%s: %d bytes were read", name, n)
		}
	}
	r, err := h.Receive(t.Context(), "tank/backup/a", io.NopCloser(bytes.NewReader(ordinary)), zfssend.ReceiveOptions{Expect: &zfssend.Expect{ToGUID: guid}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(); err != nil {
		t.Errorf("a good stream after them: %v", err)
	}
	if data, err := os.ReadFile(received); err != nil || !bytes.Equal(data, ordinary) {
		t.Errorf("zfs receive got %d bytes of it, %v", len(data), err)
	}
}

// recorded returns a stream that a real zfs sent.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open("../zstream/testdata/openzfs-2.1.11/" + name + ".zsend.gz")
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

// beginRecord is the first record of a stream to a snapshot with that GUID.
func beginRecord(guid uint64) []byte {
	b := make([]byte, zstream.HeaderSize)
	binary.LittleEndian.PutUint64(b[8:], 0x2F5bacbac)
	binary.LittleEndian.PutUint64(b[16:], 1)
	binary.LittleEndian.PutUint32(b[32:], 2)
	binary.LittleEndian.PutUint64(b[40:], guid)
	copy(b[56:], "tank/a@x")
	return b
}

func matches(pattern, text string) bool { return regexp.MustCompile(pattern).MatchString(text) }
