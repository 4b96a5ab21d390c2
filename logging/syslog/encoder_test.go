package syslog_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/syslog"
	"github.com/spanstack/spanstack/trace"
)

// A server is a daemon's socket.
type server struct {
	path string
	conn net.PacketConn
}

// listen opens a local socket of datagrams.
func listen(t testing.TB) *server {
	s := &server{path: filepath.Join(t.TempDir(), "log")}
	s.open(t)
	return s
}

func (s *server) open(t testing.TB) {
	t.Helper()
	conn, err := net.ListenPacket("unixgram", s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.conn = conn
	t.Cleanup(func() { conn.Close() })
}

func (s *server) read(t testing.TB) string {
	t.Helper()
	b := make([]byte, 1<<20)
	s.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, _, err := s.conn.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func (s *server) message(t testing.TB) message {
	t.Helper()
	text := s.read(t)
	m, err := parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// open opens a handler that logs to the server.
func open(t testing.TB, c syslog.Config) (context.Context, *logging.Handler) {
	t.Helper()
	h, err := syslog.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return logging.WithHandler(context.Background(), h), h
}

func TestRFC5424(t *testing.T) {
	s := listen(t)
	ctx, _ := open(t, syslog.Config{Address: s.path, Format: syslog.FormatRFC5424, App: "zferry", Host: "host.example.org"})
	ctx = trace.WithRecorder(ctx, trace.NewRecorder(trace.Config{}))
	ctx, task := trace.WithTask(ctx, "replicate")
	defer task.End()
	before := time.Now().Truncate(time.Microsecond)
	logging.GetLogger(ctx, "zfs").Warn("sent\nsnapshot", "bytes", 4096, "my key", `a "b" \ ]`, "attr", "x", slog.Group("g", "d", time.Second))
	m := s.message(t)
	if m.time.Before(before) || m.time.After(time.Now()) {
		t.Errorf("the time is %v", m.time)
	}
	if m.facility != 3 || m.severity != 4 || m.host != "host.example.org" || m.app != "zferry" || m.msgID != "zfs" || m.id != "spanstack@32473" {
		t.Errorf("the header: %+v", m)
	}
	want := []param{{"subsystem", "zfs"}, {"trace", task.Stack()}, {"bytes", "4096"}, {"my key", `a "b" \ ]`}, {"attr", "x"}, {"g.d", "1s"}}
	if m.text != "sent\nsnapshot" || len(m.params) != len(want) {
		t.Fatalf("%+v", m)
	}
	for i, p := range m.params {
		if p != want[i] {
			t.Errorf("parameter %+v, want %+v", p, want[i])
		}
	}
}

func TestLocalFormat(t *testing.T) {
	s := listen(t)
	ctx, _ := open(t, syslog.Config{Address: s.path, App: "a b:[c]", Facility: 12})
	logging.GetLogger(ctx, "zfs").Error("sent\nsnapshot", "bytes", 4096, "my key", `a "b"`)
	got := s.read(t)
	stamp, rest, ok := strings.Cut(strings.TrimPrefix(got, "<131>"), " a?b__c_[")
	if _, err := time.Parse(time.Stamp, stamp); err != nil || !ok {
		t.Errorf("%q: %v", got, err)
	}
	if _, rest, _ = strings.Cut(rest, "]: "); rest != `sent\nsnapshot subsystem=zfs trace=none bytes=4096 my\x20key="a \"b\""` {
		t.Errorf("%q", rest)
	}
}

// TestMaxMessage: what is too long is cut, and what doesn't fit is counted.
func TestMaxMessage(t *testing.T) {
	for _, format := range []syslog.Format{syslog.FormatRFC5424, syslog.FormatLocal} {
		t.Run(format.String(), func(t *testing.T) {
			s := listen(t)
			ctx, _ := open(t, syslog.Config{Address: s.path, Format: format, MaxMessage: 600, Options: logging.Options{Stack: logging.StackOff}})
			log := logging.GetLogger(ctx, "zfs")
			log.Info(strings.Repeat("ä", 1000), "a", 1, "long", strings.Repeat("]", 300), "b", 2)
			log.Info("short", "a", 1, "long", strings.Repeat("]", 1000), "b", 2, "longer", strings.Repeat("x", 1<<20))
			for i, text := range []string{"ä…", "short"} {
				got := s.read(t)
				if len(got) > 600 || !utf8.ValidString(got) {
					t.Errorf("%d bytes: %q", len(got), got)
				}
				for _, part := range []string{text, "a=", "b=", "attrs_dropped=", strconv.Itoa(i + 1)} {
					if !strings.Contains(got, part) {
						t.Errorf("no %q in %q", part, got)
					}
				}
				if strings.Contains(got, "long") {
					t.Errorf("too long: %q", got)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for want, c := range map[string]syslog.Config{
		`syslog: no address: udp needs host:port`:                                                                        {Network: syslog.UDP},
		`syslog: address "a:b:c": want host:port`:                                                                        {Network: syslog.TCP, Address: "a:b:c"},
		`syslog: address ":514" has no host`:                                                                             {Network: syslog.TLS, Address: ":514"},
		`syslog: messages of 100 bytes at most: want 480 to 1048576`:                                                     {MaxMessage: 100},
		`syslog: messages of 65536 bytes at most: want 480 to 65507`:                                                     {Network: syslog.UDP, Address: "localhost", MaxMessage: 65536},
		`syslog: "a b@1" is no ID of structured data: want name@number, at most 32 characters (RFC 5424, section 6.3.2)`: {Format: syslog.FormatRFC5424, ID: "a b@1"},
	} {
		if h, err := syslog.Open(c); err == nil || err.Error() != want {
			t.Errorf("%+v: %v, want %s", c, err, want)
			if err == nil {
				h.Close()
			}
		}
	}
	var n syslog.Network
	if err := n.UnmarshalText([]byte("smtp")); err == nil || err.Error() != `unknown network "smtp": want local, udp, tcp or tls` {
		t.Errorf("%v", err)
	}
}

func FuzzRFC5424(f *testing.F) {
	f.Add("zfs", "message", "key", "value", []byte{0, 10, 255})
	f.Add("a b", "\x1b[31m\r\n<30>1 - - - - - -", "=]\"\\", `]"\ \n \\`, []byte("\\x41"))
	f.Add("", "", "", "", []byte{})
	f.Add("x", "y", "a]", "z", []byte("]"))
	f.Add("ü", "\u2028\u202e\ufeff", "attr", "trace=1", []byte("\xc0\x80"))
	f.Add(strings.Repeat("x", 40), strings.Repeat("\x00", 30), strings.Repeat("k", 33), strings.Repeat("\\", 50), []byte("\x7f"))
	s := listen(f)
	ctx, _ := open(f, syslog.Config{Address: s.path, Format: syslog.FormatRFC5424, MaxMessage: 100 << 10})
	f.Fuzz(func(t *testing.T, subsystem, text, key, value string, any []byte) {
		for _, s := range []*string{&subsystem, &text, &key, &value} {
			*s = (*s)[:min(len(*s), 4<<10)] // what is longer is cut by other rules
		}
		any = any[:min(len(any), 4<<10)]
		logging.GetLogger(ctx, subsystem).Info(text, key, value, "any", any, "err", errors.New(value))
		raw := s.read(t)
		m, err := parse(raw)
		if err != nil {
			t.Fatalf("%v\n%q", err, raw)
		}
		if m.text != text || m.param("any") != string(any) && key != "any" || m.param("err") != value {
			t.Errorf("%+v\nfrom %q", m, raw)
		}
		if got := m.param("subsystem"); got != subsystem && key != "subsystem" {
			t.Errorf("subsystem %q from %q", got, raw)
		}
		found := false
		for _, p := range m.params {
			found = found || (p.name == key || p.name == "fields."+key) && (p.value == value || key == "any" || key == "err")
		}
		if !found {
			t.Errorf("no %q=%q in %+v\nfrom %q", key, value, m, raw)
		}
	})
}

func BenchmarkRFC5424(b *testing.B) {
	s := listen(b)
	go func() {
		p := make([]byte, 64<<10)
		for {
			if _, _, err := s.conn.ReadFrom(p); err != nil {
				return
			}
		}
	}()
	ctx, _ := open(b, syslog.Config{Address: s.path, Format: syslog.FormatRFC5424})
	log := logging.GetLogger(ctx, "zfs")
	b.ReportAllocs()
	for b.Loop() {
		log.Info("sent snapshot", "dataset", "tank/home/alice", "bytes", 1<<20, "resumed", true, "tool", "zfs send")
	}
}
