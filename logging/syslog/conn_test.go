package syslog_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/internal/certtest"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/syslog"
)

// readFrame reads a message that stands behind its length: RFC 6587, section 3.4.1.
func readFrame(r *bufio.Reader) (string, error) {
	digits, err := r.ReadString(' ')
	if err != nil {
		return "", err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(digits, " "))
	if err != nil || n < 1 {
		return "", fmt.Errorf("no length: %q", digits)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return string(b), err
}

// accept accepts one connection and returns it.
func accept(t *testing.T, l net.Listener) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn, bufio.NewReader(conn)
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// wantFrames reads n messages and wants their texts to be numbers from first on.
func wantFrames(t *testing.T, r *bufio.Reader, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		text, err := readFrame(r)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := parse(text); err != nil || m.text != strconv.Itoa(i) {
			t.Fatalf("got %q instead of %d: %v", text, i, err)
		}
	}
}

func logNumbers(t *testing.T, h *logging.Handler, first, n int) {
	t.Helper()
	log := logging.GetLogger(logging.WithHandler(t.Context(), h), "x")
	for i := first; i < first+n; i++ {
		log.Info(strconv.Itoa(i))
	}
}

// TestTCP: what is logged while the connection is broken arrives over the next one.
func TestTCP(t *testing.T) {
	l := listenTCP(t)
	_, h := open(t, syslog.Config{Network: syslog.TCP, Address: l.Addr().String()})
	logNumbers(t, h, 0, 1000)
	conn, r := accept(t, l)
	wantFrames(t, r, 0, 1000)
	conn.Close()
	time.Sleep(50 * time.Millisecond) // for the end to arrive
	logNumbers(t, h, 1000, 1000)
	_, r = accept(t, l)
	wantFrames(t, r, 1000, 1000)
	if h.Dropped() != 0 {
		t.Errorf("%d are lost", h.Dropped())
	}
}

func listenTLS(t *testing.T, ca *certtest.Authority) net.Listener {
	t.Helper()
	return tls.NewListener(listenTCP(t), &tls.Config{Certificates: []tls.Certificate{ca.Certificate(t, "server", net.IPv4(127, 0, 0, 1))}})
}

func TestTLS(t *testing.T) {
	ca := certtest.New(t)
	l := listenTLS(t, ca)
	_, h := open(t, syslog.Config{Network: syslog.TLS, Address: l.Addr().String(), TLS: &tls.Config{RootCAs: ca.Pool}})
	logNumbers(t, h, 0, 100)
	_, r := accept(t, l)
	wantFrames(t, r, 0, 100)
}

// TestTLSOfAnother: a server whose certificate isn't right gets nothing.
func TestTLSOfAnother(t *testing.T) {
	l := listenTLS(t, certtest.New(t))
	_, h := open(t, syslog.Config{Network: syslog.TLS, Address: l.Addr().String(), Queue: logging.QueueConfig{FlushTimeout: 100 * time.Millisecond}})
	logNumbers(t, h, 0, 1)
	_, r := accept(t, l)
	if text, err := readFrame(r); err == nil {
		t.Errorf("it got %q", text)
	}
	if err := h.Close(); err == nil || !strings.Contains(err.Error(), "unwritten") {
		t.Errorf("Close: %v", err)
	}
}

func TestUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := &server{conn: conn}
	_, h := open(t, syslog.Config{Network: syslog.UDP, Address: conn.LocalAddr().String()})
	for i := range 100 {
		logNumbers(t, h, i, 1)
		if m := s.message(t); m.text != strconv.Itoa(i) {
			t.Errorf("%d: %+v", i, m)
		}
	}
}

// TestLocalStream: some daemons have a stream, with a line feed behind each message.
func TestLocalStream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, h := open(t, syslog.Config{Address: path})
	logNumbers(t, h, 0, 10)
	_, r := accept(t, l)
	for i := range 10 {
		line, err := r.ReadString('\n')
		if _, text, _ := strings.Cut(line, "]: "); err != nil || text != fmt.Sprintf("%d subsystem=x trace=none\n", i) {
			t.Errorf("%q, %v", line, err)
		}
	}
}

// TestDaemonComesLate: what is logged before the daemon is there, and while it is away, isn't lost.
func TestDaemonComesLate(t *testing.T) {
	s := &server{path: filepath.Join(t.TempDir(), "log")}
	_, h := open(t, syslog.Config{Address: s.path, Format: syslog.FormatRFC5424})
	for first := 0; first < 20; first += 10 {
		logNumbers(t, h, first, 10)
		time.Sleep(50 * time.Millisecond)
		s.open(t)
		for i := first; i < first+10; i++ {
			if m := s.message(t); m.text != strconv.Itoa(i) {
				t.Errorf("%d: %+v", i, m)
			}
		}
		s.conn.Close()
		os.Remove(s.path)
	}
}

// TestStalledDaemon: the program goes on, and what is lost is counted, and reported when the daemon goes on.
func TestStalledDaemon(t *testing.T) {
	s := listen(t)
	_, h := open(t, syslog.Config{Address: s.path, Format: syslog.FormatRFC5424, Queue: logging.QueueConfig{Bytes: 10 << 10}})
	const n = 5000 // more than the kernel takes
	logNumbers(t, h, 0, n)
	got, reported, reports := 0, 0, 0
	for got+reported < n {
		m := s.message(t)
		if m.text != "log lines were lost" {
			got++
			continue
		}
		lines, _ := strconv.Atoi(m.param("lines"))
		reported, reports = reported+lines, reports+1
		if m.param("error") != logging.ErrBlocked.Error() {
			t.Errorf("%+v", m)
		}
	}
	if got+reported != n || reported == 0 || uint64(reported) != h.Dropped() {
		t.Errorf("%d arrived, %d were reported lost in %d reports, %d were counted", got, reported, reports, h.Dropped())
	}
}

// TestCloseWithoutDaemon is bounded, and tells what is lost.
func TestCloseWithoutDaemon(t *testing.T) {
	h, err := syslog.Open(syslog.Config{Address: filepath.Join(t.TempDir(), "nobody"), Queue: logging.QueueConfig{FlushTimeout: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	logNumbers(t, h, 0, 1)
	start := time.Now()
	if err := h.Close(); err == nil || time.Since(start) > 10*time.Second {
		t.Errorf("Close: %v after %v", err, time.Since(start))
	}
}
