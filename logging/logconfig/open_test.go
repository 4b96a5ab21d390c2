package logconfig_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logconfig"
)

func open(t *testing.T, c logconfig.Config) (*logconfig.Log, context.Context) {
	t.Helper()
	l, err := logconfig.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, logging.WithHandler(t.Context(), l.Handler)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOutlets has one of each type, with settings of their own and common ones.
func TestOutlets(t *testing.T) {
	dir := t.TempDir()
	journal := listen(t, filepath.Join(dir, "journal"))
	daemon := listen(t, filepath.Join(dir, "syslog"))
	out, stdout := replace(t, &os.Stdout)
	errs, stderr := replace(t, &os.Stderr)

	var c logconfig.Config
	err := load(t, &c, "log.yaml", strings.ReplaceAll(`
level: warn
format: logfmt
stack: off
outlets:
- type: stderr
- type: stdout
  stack: full
  level: info
- type: file
  path: DIR/file
  format: json
  level: off,zfs=debug
  mode: 0640
- type: syslog
  address: DIR/syslog
  facility: local3
  app: ferry
- type: journald
  socket: DIR/journal
  app: ferry
  level: error
`, "DIR", dir))
	if err != "" {
		t.Fatal(err)
	}
	l, ctx := open(t, c)
	logging.GetLogger(ctx, "zfs").Debug("one")
	logging.GetLogger(ctx, "zfs").Info("two")
	logging.GetLogger(ctx, "net").Warn("three")
	logging.GetLogger(ctx, "net").Error("four")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for _, f := range []*os.File{stdout, stderr} {
		f.Close()
	}
	for name, test := range map[string]struct{ got, want string }{
		"stderr":   {<-errs, "level=WARN subsystem=net msg=three|level=ERROR subsystem=net msg=four|"},
		"stdout":   {<-out, "level=INFO subsystem=zfs trace=none msg=two|level=WARN subsystem=net trace=none msg=three|level=ERROR subsystem=net trace=none msg=four|"},
		"file":     {read(t, filepath.Join(dir, "file")), `"level":"DEBUG","subsystem":"zfs","msg":"one"}|"level":"INFO","subsystem":"zfs","msg":"two"}|`},
		"syslog":   {<-daemon + "|" + <-daemon + "|", fmt.Sprintf("ferry[%d]: three subsystem=net|ferry[%[1]d]: four subsystem=net|", os.Getpid())},
		"journald": {field(<-journal, "MESSAGE") + "|", "four|"},
	} {
		var got string
		for line := range strings.SplitSeq(strings.TrimSuffix(test.got, "\n"), "\n") {
			_, rest, _ := strings.Cut(line, " ")
			switch name {
			case "journald":
				rest = line
			case "syslog": // <156>Jan 31 09:05:00 ferry[1]: …
				rest = line
			case "file":
				_, rest, _ = strings.Cut(line, ",")
			}
			got += rest + "|"
		}
		if name == "syslog" {
			got = ""
			for part := range strings.SplitSeq(strings.TrimSuffix(test.got, "|"), "|") {
				if !strings.HasPrefix(part, "<15") { // local3: 19*8, and the severity
					t.Errorf("syslog: %s", part)
				}
				got += part[strings.Index(part, "ferry"):] + "|"
			}
		}
		if name == "journald" {
			got = test.got
		}
		if got != test.want {
			t.Errorf("%s: %s\nwant %s", name, got, test.want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "file")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	l.Levels.ServeHTTP(w, r)
	want := fmt.Sprintf(`{"":"warn",%q:"off,zfs=debug","journald":"error","stdout":"info"}`, dir+"/file")
	if got := strings.TrimSpace(w.Body.String()); got != want {
		t.Errorf("levels: %s\nwant %s", got, want)
	}
}

// listen returns what comes to a socket of datagrams.
func listen(t *testing.T, path string) <-chan string {
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	messages := make(chan string, 10)
	go func() {
		for buf := make([]byte, 64<<10); ; {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			messages <- string(buf[:n])
		}
	}()
	return messages
}

// replace puts a pipe in place of a standard file, and returns what comes out of it once it is closed.
func replace(t *testing.T, std **os.File) (<-chan string, *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := *std
	*std = w
	t.Cleanup(func() { *std = before; w.Close() })
	text := make(chan string, 1)
	go func() {
		defer r.Close()
		var b strings.Builder
		for buf := make([]byte, 4096); ; {
			n, err := r.Read(buf)
			b.Write(buf[:n])
			if err != nil {
				text <- b.String()
				return
			}
		}
	}()
	return text, w
}

// field returns a field of a message to the journal.
func field(message, name string) string {
	for line := range strings.SplitSeq(message, "\n") {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// TestLevelsAtRunTime: outlets share the common levels, and keep their own.
// TestCollector: what is configured for a collector gets there, and so do lines.
func TestCollector(t *testing.T) {
	requests := make(chan *http.Request, 10)
	bodies := make(chan []byte, 10)
	collector := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- r
		bodies <- body
	}))
	collector.StartTLS()
	defer collector.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: collector.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	headers := filepath.Join(dir, "headers")
	if err := os.WriteFile(headers, []byte("x-token = a=b \n\nx-host=from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c logconfig.Config
	err := load(t, &c, "log.yaml", fmt.Sprintf(`
outlets:
- type: otlp
  endpoint: %s
  headers: x-host=from the flag, x-tenant=1
  header_file: %s
  ca: %s
  service: ferry
`, collector.URL, headers, ca))
	if err != "" {
		t.Fatal(err)
	}
	l, ctx := open(t, c)
	logging.GetLogger(ctx, "zfs").Info("this line")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := <-requests
	if r.URL.Path != "/v1/logs" || r.Header.Get("X-Token") != "a=b" || r.Header.Get("X-Host") != "from the file" || r.Header.Get("X-Tenant") != "1" {
		t.Errorf("%s %v", r.URL, r.Header)
	}
	if body := <-bodies; !bytes.Contains(body, []byte("this line")) || !bytes.Contains(body, []byte("ferry")) {
		t.Errorf("%q", body)
	}

	// What is in the files is looked at before anything is logged.
	if err := os.WriteFile(headers, []byte("x-token=a\nsecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := logconfig.Open(c); err == nil || err.Error() != "log to otlp: header_file: "+headers+": number 2 is no header: want NAME=VALUE" {
		t.Errorf("%v, %v", l, err)
	}
}

func TestLevelsAtRunTime(t *testing.T) {
	dir := t.TempDir()
	a, b, own := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "own")
	l, ctx := open(t, logconfig.Config{Format: logging.FormatLogfmt, Outlets: []logconfig.Outlet{
		{To: logconfig.File{Path: a}}, {To: logconfig.File{Path: b}}, {To: logconfig.File{Path: own}, Name: "own", Levels: &logging.Levels{Default: slog.LevelError}},
	}})
	log := logging.GetLogger(ctx, "x")
	put := func(query, levels string) {
		w := httptest.NewRecorder()
		l.Levels.ServeHTTP(w, httptest.NewRequest("PUT", "/"+query, strings.NewReader(levels)))
		if w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	log.Info("1")
	put("", "error")
	log.Info("2")
	put("?outlet=own", "info")
	log.Info("3")
	l.Levels.Toggle()
	log.Debug("4")
	l.Levels.Toggle()
	log.Debug("5")
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for path, want := range map[string]string{a: "14", b: "14", own: "34"} {
		got := ""
		for line := range strings.Lines(read(t, path)) {
			_, message, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			got += message
		}
		if got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestOpenFails: then nothing stays open, which TestMain sees, and the error says which outlet it was.
func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.pem")
	if err := os.WriteFile(bad, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("first", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tls := "tls://logs.example"
	for _, test := range []struct {
		o    logconfig.Outlet
		want string
	}{
		{logconfig.Outlet{To: logconfig.File{Path: dir + "/no/log"}}, "log to DIR/no/log: open log file DIR/no/log: no such file or directory"},
		{logconfig.Outlet{To: logconfig.File{Path: dir}}, "log to DIR: open log file DIR: is a directory"},
		{logconfig.Outlet{To: logconfig.File{Path: dir + "/link"}}, "log to DIR/link: it is the same file as DIR/first"},
		{logconfig.Outlet{To: logconfig.Syslog{Address: tls, CA: dir + "/x"}, Name: "far"}, "log to far: ca: open DIR/x: no such file or directory"},
		{logconfig.Outlet{To: logconfig.Syslog{Address: tls, CA: bad}}, "log to syslog: ca: DIR/bad.pem has no certificate in PEM format"},
		{logconfig.Outlet{To: logconfig.Syslog{Address: tls, Cert: bad, Key: bad}}, "log to syslog: cert: tls: failed to find any PEM data in certificate input"},
	} {
		l, err := logconfig.Open(logconfig.Config{Outlets: []logconfig.Outlet{
			{To: logconfig.File{Path: dir + "/first", SIGHUP: true}}, {To: logconfig.Syslog{Address: dir + "/none"}, Name: "local"}, {To: logconfig.Stderr{}}, test.o, {To: logconfig.Journald{}},
		}})
		if err == nil {
			l.Close()
		}
		if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != test.want {
			t.Errorf("%v: %v\nwant %s", test.o, err, test.want)
		}
	}
	_, err := logconfig.Open(logconfig.Config{Outlets: []logconfig.Outlet{{To: logconfig.File{Path: dir + "/no/log"}}}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// TestFIFO: one that nobody reads from can't be opened, and one that isn't read any more doesn't keep Close waiting.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	c := logconfig.Config{FlushTimeout: 50 * time.Millisecond, Outlets: []logconfig.Outlet{{To: logconfig.File{Path: path}}}}
	if _, err := logconfig.Open(c); err == nil || !strings.Contains(err.Error(), "it is a FIFO that nobody reads") {
		t.Errorf("%v", err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	l, ctx := open(t, c)
	for range 100 {
		logging.GetLogger(ctx, "x").Info(strings.Repeat("x", 2000))
	}
	done := make(chan error)
	go func() { done <- l.Close() }()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "outlet has blocked for 50ms") {
			t.Errorf("Close: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Close hangs")
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	l, ctx := open(t, logconfig.Config{Outlets: []logconfig.Outlet{{To: logconfig.File{Path: path, MaxSize: logconfig.KB, Keep: 2}, QueueSize: logconfig.MiB}}})
	for range 20 {
		logging.GetLogger(ctx, "x").Info(strings.Repeat("x", 500))
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) != 3 {
		t.Errorf("%q, %v", names, err)
	}
}
