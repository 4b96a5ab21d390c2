package viewer_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/viewer"
)

// recorder returns a recorder of a test's own, and the context for its tasks.
func recorder(t *testing.T) (*trace.Recorder, context.Context) {
	rec := trace.NewRecorder(trace.Config{})
	return rec, trace.WithRecorder(t.Context(), rec)
}

// streamOf opens streams of a recorder, as a program does for its own page.
func streamOf(rec *trace.Recorder) func(context.Context) (io.ReadCloser, error) {
	return func(ctx context.Context) (io.ReadCloser, error) {
		return capture.OpenStream(ctx, tracefmt.Lookup("perfetto"), rec, time.Hour), nil
	}
}

// recordedBy opens the events of a recorder.
func recordedBy(rec *trace.Recorder) func(context.Context) (viewer.EventReader, error) {
	return func(ctx context.Context) (viewer.EventReader, error) {
		return capture.OpenEvents(ctx, rec, time.Hour), nil
	}
}

// follow returns a viewer of a live trace, and its client.
func follow(t *testing.T, source viewer.Source) (*viewer.Viewer, *client) {
	t.Helper()
	v := viewer.New(viewer.Config{}, source)
	t.Cleanup(v.Close)
	return v, &client{t, v}
}

// state is what api/trace says of a live trace.
type state struct {
	State, Error string
	Session      int
	Gen          uint64
	Slices, Logs int64
	Now, End     int64
	Losses       []struct {
		What  string
		Count int64
	}
}

// until asks until something is right.
func until(t *testing.T, c *client, what string, ok func(s state) bool) (s state) {
	t.Helper()
	for late := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		s = state{}
		c.get(&s, "trace")
		if ok(s) {
			return s
		}
		if time.Now().After(late) {
			t.Fatalf("not %s within 30 s: %+v", what, s)
		}
	}
}

// names returns the names of what is open, by their paths.
func openNames(c *client) (paths []string) {
	type wait struct {
		Slice    struct{ Name string }
		Age      int64
		LastLog  struct{ Message string }
		Children []wait
	}
	var waits struct{ Open []wait }
	c.get(&waits, "waits")
	var walk func(prefix string, list []wait)
	walk = func(prefix string, list []wait) {
		for _, w := range list {
			path := prefix + w.Slice.Name
			paths = append(paths, path)
			if w.LastLog.Message != "" {
				paths = append(paths, path+": "+w.LastLog.Message)
			}
			if w.Age < 0 {
				c.t.Errorf("%s is %d ns old", path, w.Age)
			}
			walk(path+"/", w.Children)
		}
	}
	walk("", waits.Open)
	slices.Sort(paths)
	return paths
}

// TestLive follows a recorder: what was before, what is open, what ends, what is logged.
func TestLive(t *testing.T) {
	rec, ctx := recorder(t)
	_, past := trace.WithTask(ctx, "past")
	past.End()
	ctx, outer := trace.WithTask(ctx, "outer")
	ctx, inner := trace.WithSpan(ctx, "inner", slog.Int("n", 1))
	v, c := follow(t, viewer.Live("test", tracefmt.Lookup("perfetto"), streamOf(rec)))
	if w := c.ask("GET", "/api/tracks", ""); w.Code != 200 {
		t.Errorf("before anything has come: %d %s", w.Code, w.Body)
	}
	first := until(t, c, "live with three slices", func(s state) bool { return s.State == "live" && s.Slices == 3 })
	if first.Session != 1 || first.Gen == 0 {
		t.Errorf("%+v", first)
	}
	if got := openNames(c); !slices.Equal(got, []string{"outer", "outer/inner"}) {
		t.Errorf("open are %q", got)
	}
	var now state
	var slice struct{ Start, Self int64 }
	c.get(&now, "trace")
	c.get(&slice, "slice", "key", keyOf(c, "inner"))
	if slice.Self < now.Now-slice.Start { // also if nothing has come since
		t.Errorf("%d ns after it began, what is open had %d for itself", now.Now-slice.Start, slice.Self)
	}
	trace.FromContext(ctx).Event("a thing that happened")
	for i := range 500 {
		_, span := trace.WithSpan(ctx, "work", slog.Int("i", i))
		span.End()
	}
	inner.End()
	then := until(t, c, "complete", func(s state) bool { return s.Slices == 503 })
	if then.Gen <= first.Gen || then.Session != 1 || len(then.Losses) > 0 {
		t.Errorf("%+v after %+v", then, first)
	}
	if got := openNames(c); !slices.Equal(got, []string{"outer"}) {
		t.Errorf("open are %q", got)
	}
	if got := shown(c, 0); got.slices != 503 {
		t.Errorf("tiles show %+v", got)
	}
	// The time goes on although nothing comes.
	until(t, c, "later", func(s state) bool { return s.Now > then.Now+int64(300*time.Millisecond) })
	outer.End()
	until(t, c, "ended", func(state) bool { return len(openNames(c)) == 0 })
	if s := v.Statuses()[0]; s.State != viewer.StateLive || s.Events == 0 {
		t.Errorf("%+v", s)
	}
	w := c.ask("POST", "/api/live?do=stop", "", "Content-Type", "application/json")
	until(t, c, "stopped", func(s state) bool { return s.State == "ended" && s.Slices == 503 })
	if w.Code != 200 {
		t.Errorf("stop: %d %s", w.Code, w.Body)
	}
}

// TestPause: what comes during a pause is left out and counted, but what was open then ends.
func TestPause(t *testing.T) {
	rec, ctx := recorder(t)
	ctx, task := trace.WithTask(ctx, "task")
	_, open := trace.WithSpan(ctx, "open")
	_, c := follow(t, viewer.Live("test", tracefmt.Lookup("perfetto"), streamOf(rec)))
	do := func(what string) {
		t.Helper()
		if w := c.ask("POST", "/api/live?do="+what, ""); w.Code != 200 {
			t.Fatalf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	until(t, c, "live", func(s state) bool { return s.Slices == 2 })
	do("pause")
	open.End()
	for range 100 {
		_, span := trace.WithSpan(ctx, "unseen")
		span.End()
	}
	until(t, c, "without what ended", func(state) bool { return slices.Equal(openNames(c), []string{"task"}) })
	if s := until(t, c, "paused", func(s state) bool { return s.State == "paused" }); s.Slices != 2 {
		t.Errorf("%+v", s)
	}
	do("follow")
	_, seen := trace.WithSpan(ctx, "seen")
	seen.End()
	s := until(t, c, "live again", func(s state) bool { return s.State == "live" && s.Slices == 3 && len(s.Losses) > 0 })
	if s.Losses[0].What != "left out during a pause" || s.Losses[0].Count < 100 || s.Losses[0].Count > 110 { // marks of what is open, too
		t.Errorf("losses: %+v", s.Losses)
	}
	var logs struct {
		Lines []struct{ Type, Message string }
	}
	c.get(&logs, "logs")
	if len(logs.Lines) != 1 || logs.Lines[0].Type != "loss" || logs.Lines[0].Message != "left out during a pause" {
		t.Errorf("marks: %+v", logs)
	}
	task.End()
	for _, bad := range []string{"", "?do=", "?do=what"} {
		if w := c.ask("POST", "/api/live"+bad, "", "Content-Type", "application/json"); w.Code != 400 {
			t.Errorf("%q: %d %s", bad, w.Code, w.Body)
		}
	}
}

// TestStatedLosses: what a program makes faster than anybody can take is told as lost, as many as are missing, and where.
func TestStatedLosses(t *testing.T) {
	for what, source := range map[string]func(*trace.Recorder) viewer.Source{
		"bytes": func(rec *trace.Recorder) viewer.Source {
			return viewer.Live("test", tracefmt.Lookup("perfetto"), streamOf(rec))
		},
		"events": func(rec *trace.Recorder) viewer.Source { return viewer.LiveEvents("test", recordedBy(rec)) },
	} {
		t.Run(what, func(t *testing.T) { statedLosses(t, source) })
	}
}

func statedLosses(t *testing.T, source func(*trace.Recorder) viewer.Source) {
	rec := trace.NewRecorder(trace.Config{Bytes: 256 << 10})
	ctx, task := trace.WithTask(trace.WithRecorder(t.Context(), rec), "task")
	_, c := follow(t, source(rec))
	until(t, c, "live", func(s state) bool { return s.Slices == 1 })
	const spans = 100_000
	for range spans {
		_, span := trace.WithSpan(ctx, "work")
		span.End()
	}
	task.End()
	s := until(t, c, "all there, or lost", func(s state) bool { return len(s.Losses) == 1 && s.Slices+s.Losses[0].Count == spans+1 })
	if s.Losses[0].Count == 0 || !strings.Contains(s.Losses[0].What, "faster") {
		t.Errorf("%+v", s.Losses)
	}
	var logs struct {
		Lines []struct{ Type string }
	}
	c.get(&logs, "logs")
	if len(logs.Lines) == 0 || logs.Lines[0].Type != "loss" {
		t.Errorf("marks: %+v", logs)
	}
	var places struct {
		Losses []struct {
			Time, Until, Count int64
			Marks              int
			What               string
		}
	}
	c.get(&places, "losses")
	var count int64
	for _, l := range places.Losses {
		count += l.Count
		if l.Marks < 1 || l.Time < 0 || l.Until < l.Time || l.Until > s.Now || l.What != "records lost" {
			t.Errorf("%+v", l)
		}
	}
	if count != s.Losses[0].Count {
		t.Errorf("%d are lost somewhere, and %d in all", count, s.Losses[0].Count)
	}
}

// TestStatedInFiles: what a program told as lost is lost also when that is read from a file, or comes through a pipe.
func TestStatedInFiles(t *testing.T) {
	mark := func(count int64) tracefmt.Event {
		return tracefmt.Event{Kind: tracefmt.Instant, Time: count, Name: "records lost", Category: tracefmt.CategoryLoss,
			Attrs: []tracefmt.Attr{{Key: "count", Value: tracefmt.Int64(count)}}}
	}
	events := []tracefmt.Event{
		{Kind: tracefmt.Process, Track: 1, SourceID: tracefmt.Int64(1), Name: "p"}, {Kind: tracefmt.Complete, Track: 1, Dur: 50, Name: "work"},
		mark(30), mark(12),
	}
	check := func(what string, s state) {
		if len(s.Losses) != 1 || s.Losses[0].Count != 42 || !strings.Contains(s.Losses[0].What, "faster") {
			t.Errorf("%s: %+v", what, s.Losses)
		}
	}
	for _, format := range []string{"perfetto", "chrome", "jsonl"} { // of which the first reads many events at a time
		path := write(t, format, events)
		_, c := view(t, path)
		check("file of "+format, until(t, c, "loaded", func(s state) bool { return s.State == "loaded" }))
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w, _, c := pipe(t, viewer.Config{})
		go func() {
			w.Write(content)
			w.Close()
		}()
		check("pipe of "+format, until(t, c, "loaded", func(s state) bool { return s.State == "loaded" }))
	}
}

// TestReconnect: when a stream breaks, what was there stays until the next one shows what is there then.
func TestReconnect(t *testing.T) {
	old, oldCtx := recorder(t)
	_, task := trace.WithTask(oldCtx, "old")
	defer task.End()
	fresh, freshCtx := recorder(t)
	_, other := trace.WithTask(freshCtx, "new")
	defer other.End()
	var n atomic.Int32
	var broken io.Closer
	again := make(chan struct{})
	_, c := follow(t, viewer.Live("test", tracefmt.Lookup("perfetto"), func(ctx context.Context) (io.ReadCloser, error) {
		if n.Add(1) == 1 {
			in, err := streamOf(old)(ctx)
			broken = in
			return in, err
		}
		select {
		case <-again:
			return streamOf(fresh)(ctx)
		default:
			return nil, errors.New("nobody is there")
		}
	}))
	until(t, c, "live", func(s state) bool { return s.State == "live" && s.Slices == 1 })
	broken.Close()
	s := until(t, c, "reconnecting", func(s state) bool { return s.State == "reconnecting" && strings.Contains(s.Error, "nobody is there") })
	if s.Session != 1 || s.Slices != 1 || !slices.Equal(openNames(c), []string{"old"}) {
		t.Errorf("while nobody is there: %+v, %q", s, openNames(c))
	}
	before := s.Now
	time.Sleep(300 * time.Millisecond)
	if c.get(&s, "trace"); s.Now != before {
		t.Errorf("the time goes on from %d to %d while nobody is there", before, s.Now)
	}
	close(again)
	s = until(t, c, "live again", func(s state) bool { return s.State == "live" && s.Session == 2 })
	if got := openNames(c); !slices.Equal(got, []string{"new"}) || s.Error != "" {
		t.Errorf("%+v, open are %q", s, got)
	}
}

// TestStall: a stream that stalls shows what has come, and ends when the viewer is closed.
func TestStall(t *testing.T) {
	content, err := os.ReadFile(write(t, "chrome", []tracefmt.Event{{Kind: tracefmt.Begin, Track: 1, Time: 5, Name: "began"}, {Kind: tracefmt.Begin, Track: 1, Time: 6, Name: "then"}}))
	if err != nil {
		t.Fatal(err)
	}
	in, out := io.Pipe()
	defer out.Close()
	v, c := follow(t, viewer.Live("test", tracefmt.Lookup("chrome"), func(context.Context) (io.ReadCloser, error) { return in, nil }))
	go out.Write(bytes.TrimSuffix(content, []byte("\n]\n")))
	until(t, c, "there", func(s state) bool { return s.Slices >= 1 })
	began := time.Now()
	v.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	if s := v.Statuses()[0]; s.State != viewer.StateEnded {
		t.Errorf("%+v", s)
	}
}

// TestEvents: server-sent events tell what changes, and a client that goes away leaves nothing.
func TestEvents(t *testing.T) {
	rec, ctx := recorder(t)
	ctx, task := trace.WithTask(ctx, "task")
	defer task.End()
	v, _ := follow(t, viewer.Live("test", tracefmt.Lookup("perfetto"), streamOf(rec)))
	server := httptest.NewServer(v)
	defer server.Close()
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("the type is %q", kind)
	}
	lines := bufio.NewScanner(resp.Body)
	var last state
	seen, began := 0, time.Now()
	for n := 0; lines.Scan() && last.Slices < 20; {
		text, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		last = state{}
		if err := json.Unmarshal([]byte(text), &last); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		seen++
		if last.State == "live" && n < 20 {
			n++
			_, span := trace.WithSpan(ctx, "work")
			span.End()
		}
	}
	if most := 2 + int(time.Since(began)/(200*time.Millisecond)); seen > most || last.Slices < 20 {
		t.Errorf("%d events, want %d at most: %+v", seen, most, last)
	}
	resp.Body.Close()
	if resp, err = server.Client().Get(server.URL + "/api/events"); err != nil {
		t.Fatal(err)
	}
	v.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil { // it ends
		t.Error(err)
	}
	resp.Body.Close()
	server.Client().CloseIdleConnections()
}

// TestSlowClient: a client that reads nothing delays no others, and neither does Close wait for it.
func TestSlowClient(t *testing.T) {
	rec, ctx := recorder(t)
	_, task := trace.WithTask(ctx, strings.Repeat("long ", 200))
	defer task.End()
	v, c := follow(t, viewer.Live("test", tracefmt.Lookup("perfetto"), streamOf(rec)))
	until(t, c, "live", func(s state) bool { return s.Slices == 1 })
	server := httptest.NewServer(v)
	for range 20 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, path := range []string{"kinds", "tracks", "logs", "events"} {
			fmt.Fprintf(conn, "GET /api/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
		}
	}
	began := time.Now()
	until(t, c, "live", func(s state) bool { return s.State == "live" })
	openNames(c)
	v.Close()
	server.CloseClientConnections()
	server.Close()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// build builds a program.
func build(t *testing.T, pkg string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "program")
	if out, err := exec.Command("go", "build", "-o", exe, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return exe
}

// TestProcess follows a process that hangs, which is killed, and its successor at the same address.
func TestProcess(t *testing.T) {
	exe := build(t, "../examples/hang")
	l, err := net.Listen("tcp", "127.0.0.1:0") // for a port that is free
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	start := func() *exec.Cmd {
		cmd := exec.Command(exe, "-dumps", t.TempDir(), "-debug", address)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	source, err := viewer.Process("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	_, c := follow(t, source)
	s := until(t, c, "waiting for the process", func(s state) bool { return s.State == "reconnecting" && s.Error != "" })
	if !strings.HasSuffix(s.Error, "connect: connection refused") || s.Session != 0 {
		t.Errorf("%+v", s)
	}
	for _, name := range []string{"tracks", "kinds", "waits", "logs", "aggregate", "search?q=x", "flows", "download?format=chrome"} { // there is nothing, and that is no error
		if w := c.ask("GET", "/api/"+name, ""); w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	want := []string{"bank", "bank/transfer", "bank/transfer", "bank/transfer/hold account", "bank/transfer/hold account",
		"bank/transfer/hold account/lock account", "bank/transfer/hold account/lock account",
		"bank/transfer/hold account: has the first account", "bank/transfer/hold account: has the first account"}
	slices.Sort(want)
	for session := 1; session <= 2; session++ {
		cmd := start()
		until(t, c, "live", func(s state) bool { return s.State == "live" && s.Session == session && s.Slices >= 7 })
		until(t, c, "hanging as it does", func(state) bool { return slices.Equal(openNames(c), want) })
		cmd.Process.Kill()
		cmd.Wait()
		s := until(t, c, "without the process", func(s state) bool { return s.State == "reconnecting" })
		if s.Slices < 7 || !slices.Equal(openNames(c), want) {
			t.Errorf("what was there is gone: %+v, %q", s, openNames(c))
		}
	}
}

// TestRefused: who has no token isn't asked for it again and again.
func TestRefused(t *testing.T) {
	server, err := capture.Listen("localhost:0", capture.Config{Access: capture.Access{Token: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	open := func(user string) (*viewer.Viewer, *client) {
		source, err := viewer.Process("http://" + user + server.Addr().String() + "/debug/trace/ui/")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(source.Name+source.Title, "secret") {
			t.Errorf("the token is shown: %+v", source)
		}
		return follow(t, source)
	}
	v, c := open("")
	s := until(t, c, "refused", func(s state) bool { return s.State == "failed" })
	if status := v.Statuses()[0]; !errors.Is(status.Err, viewer.ErrRefused) || !strings.Contains(s.Error, "401") {
		t.Errorf("%+v, %v", s, status.Err)
	}
	_, c = open("me:secret@")
	until(t, c, "live", func(s state) bool { return s.State == "live" })
}

// TestSocket follows a process that listens at a Unix socket.
func TestSocket(t *testing.T) {
	rec, ctx := recorder(t)
	_, task := trace.WithTask(ctx, "task")
	defer task.End()
	path := filepath.Join(t.TempDir(), "s")
	server, err := capture.Listen("unix:"+path, capture.Config{Recorder: rec})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	source, err := viewer.Process("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	_, c := follow(t, source)
	until(t, c, "live", func(s state) bool { return s.State == "live" && s.Slices == 1 })
}

func TestProcessAddresses(t *testing.T) {
	for _, bad := range []string{"", "http://", "ftp://host/", "host:80", "unix:", "http://[::1"} {
		if s, err := viewer.Process(bad); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%q: %+v, %v", bad, s, err)
		}
	}
}

// TestKeep: of a live trace that is too large the oldest leaves, which is told, and where.
func TestKeep(t *testing.T) {
	const spans = 200_000
	in, out := io.Pipe()
	v := viewer.New(viewer.Config{Keep: 2 << 20}, viewer.Live("test", tracefmt.Lookup("perfetto"), func(context.Context) (io.ReadCloser, error) { return in, nil }))
	t.Cleanup(v.Close)
	c := &client{t, v}
	w := tracefmt.Lookup("perfetto").NewWriter(out)
	for i := range int64(spans) {
		e := tracefmt.Event{Kind: tracefmt.Complete, Track: 1, Time: i * 1000, Dur: 900, Name: "work", ID: fmt.Sprint(i)}
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
		if i%10_000 == 0 {
			w.Flush()
			time.Sleep(50 * time.Millisecond) // so that some of it is shown meanwhile
		}
	}
	w.Flush()
	s := until(t, c, "at the end", func(s state) bool { return s.End >= spans*1000-1000 })
	if s.Slices == 0 || s.Slices > spans/2 || len(s.Losses) == 0 {
		t.Errorf("%+v", s)
	}
	var logs struct {
		Lines []struct {
			Type, Message string
			Time          int64
		}
	}
	c.get(&logs, "logs")
	if len(logs.Lines) == 0 || logs.Lines[0].Type != "loss" {
		t.Errorf("%+v", logs)
	}
	if got := shown(c, 0); got.slices != s.Slices {
		t.Errorf("tiles show %d slices, want %d", got.slices, s.Slices)
	}
	out.Close()
}
