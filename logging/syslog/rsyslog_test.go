package syslog_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/spanstack/spanstack/internal/certtest"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/syslog"
	"github.com/spanstack/spanstack/trace"
)

// rsyslog is a real daemon, which writes what it understands of each message to a file.
type rsyslog struct {
	Dir            string
	UDP, TCP, TLS  int // ports
	MaxMessageSize int
	pool           *x509.CertPool
	cmd            *exec.Cmd
	stderr         bytes.Buffer
}

// rsyslogConfig has an input for each way to it. What has "special" off is parsed as messages from the network are.
var rsyslogConfig = template.Must(template.New("").Parse(`
global(workDirectory="{{.Dir}}" maxMessageSize="{{.MaxMessageSize}}"
	defaultNetstreamDriverCAFile="{{.Dir}}/ca.crt" defaultNetstreamDriverCertFile="{{.Dir}}/rsyslog.crt" defaultNetstreamDriverKeyFile="{{.Dir}}/rsyslog.key")
main_queue(queue.size="100000")
module(load="imuxsock" sysSock.use="off")
module(load="imudp")
module(load="imtcp")
input(type="imuxsock" socket="{{.Dir}}/local" rateLimit.interval="0")
input(type="imuxsock" socket="{{.Dir}}/rfc5424" rateLimit.interval="0" useSpecialParser="off" parseHostname="on")
input(type="imudp" address="127.0.0.1" port="{{.UDP}}" rcvbufSize="16m")
input(type="imtcp" address="127.0.0.1" port="{{.TCP}}")
input(type="imtcp" address="127.0.0.1" port="{{.TLS}}" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="json" type="list" option.jsonf="on") {
	property(outname="facility" name="syslogfacility" format="jsonf")
	property(outname="severity" name="syslogseverity" format="jsonf")
	property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
	property(outname="host" name="hostname" format="jsonf")
	property(outname="app" name="app-name" format="jsonf")
	property(outname="procid" name="procid" format="jsonf")
	property(outname="msgid" name="msgid" format="jsonf")
	property(outname="data" name="structured-data" format="jsonf")
	property(outname="msg" name="msg" format="jsonf")
}
action(type="omfile" file="{{.Dir}}/out" template="json" asyncWriting="off")
`))

// received is a message as rsyslog understood it.
type received struct {
	Facility, Severity, Time, Host, App, ProcID, MsgID, Data, Msg string
}

func startRsyslog(t *testing.T) *rsyslog {
	t.Helper()
	if _, err := exec.LookPath("rsyslogd"); err != nil {
		if os.Getenv("SPANSTACK_REQUIRE_DAEMONS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	r := &rsyslog{Dir: t.TempDir(), UDP: freePort(t), TCP: freePort(t), TLS: freePort(t), MaxMessageSize: 8192}
	ca := certtest.New(t)
	ca.Write(t, r.Dir, []net.IP{net.IPv4(127, 0, 0, 1)}, "rsyslog")
	r.pool = ca.Pool
	var config bytes.Buffer
	if err := rsyslogConfig.Execute(&config, r); err != nil {
		t.Fatal(err)
	}
	r.write(t, "conf", config.Bytes())
	r.start(t)
	t.Cleanup(r.stop)
	return r
}

func (r *rsyslog) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.Dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// start starts the daemon and waits until it listens. A connection without a handshake would do, but then rsyslog 8.2302
// may no longer hear any other one.
func (r *rsyslog) start(t *testing.T) {
	t.Helper()
	r.cmd = exec.Command("rsyslogd", "-n", "-f", filepath.Join(r.Dir, "conf"), "-i", filepath.Join(r.Dir, "pid"))
	r.cmd.Stderr = &r.stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := tls.Dial("tcp", r.address(r.TLS), &tls.Config{RootCAs: r.pool})
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			r.stop()
			t.Fatalf("rsyslogd doesn't listen: %v\n%s", err, &r.stderr)
		}
	}
}

func (r *rsyslog) stop() {
	r.cmd.Process.Signal(syscall.SIGCONT)
	r.cmd.Process.Signal(syscall.SIGTERM)
	r.cmd.Wait()
}

// await waits until the daemon has written n messages, and returns all.
func (r *rsyslog) await(t *testing.T, n int) (messages []received) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		out, _ := os.ReadFile(filepath.Join(r.Dir, "out"))
		if bytes.Count(out, []byte{'\n'}) < n {
			continue
		}
		for line := range bytes.Lines(out) {
			var m received
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			messages = append(messages, m)
		}
		return messages
	}
	out, _ := os.ReadFile(filepath.Join(r.Dir, "out"))
	r.stop() // it writes to stderr
	t.Fatalf("%d messages, want %d\n%s\n%.2000s", bytes.Count(out, []byte{'\n'}), n, &r.stderr, out)
	return nil
}

func (r *rsyslog) address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// ways are the ways to a daemon, as configurations.
func (r *rsyslog) ways() map[string]syslog.Config {
	return map[string]syslog.Config{
		"local socket, RFC 5424": {Address: filepath.Join(r.Dir, "rfc5424"), Format: syslog.FormatRFC5424},
		"local socket":           {Address: filepath.Join(r.Dir, "local")},
		"UDP":                    {Network: syslog.UDP, Address: r.address(r.UDP)},
		"TCP":                    {Network: syslog.TCP, Address: r.address(r.TCP)},
		"TLS":                    {Network: syslog.TLS, Address: r.address(r.TLS), TLS: &tls.Config{RootCAs: r.pool}},
	}
}

// TestRsyslog sends 10,000 lines over each way, and wants all of them with all their fields.
func TestRsyslog(t *testing.T) {
	const n = 10_000
	for way := range new(rsyslog).ways() {
		t.Run(way, func(t *testing.T) {
			r := startRsyslog(t)
			c := r.ways()[way]
			c.App, c.Host, c.Facility = "zferry", "sender.example.org", 19 // local7
			ctx, h := open(t, c)
			ctx = trace.WithRecorder(ctx, trace.NewRecorder(trace.Config{}))
			ctx, task := trace.WithTask(ctx, "replicate")
			defer task.End()
			log := logging.GetLogger(ctx, "zfs")
			for i := range n {
				log.Warn("sent\nsnapshot", "i", i, "odd key", "a\x00 \"]\\ ü", "note", `"]\ and [x]=`)
				if i%1000 == 999 { // keep up
					if err := h.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i, m := range r.await(t, n) {
				if m.Facility != "23" || m.Severity != "4" || m.App != "zferry" || m.ProcID != strconv.Itoa(os.Getpid()) {
					t.Fatalf("message %d: %+v", i, m)
				}
				if at, err := time.Parse(time.RFC3339, m.Time); err != nil || time.Since(at) > time.Hour {
					t.Fatalf("message %d has the time %q: %v", i, m.Time, err)
				}
				want := fmt.Sprintf(`sent\nsnapshot subsystem=zfs trace=%s i=%d odd\x20key="a\x00 \"]\\ ü" note="\"]\\ and [x]="`, task.Stack(), i)
				if c.Format == syslog.FormatAuto && c.Network == syslog.Local {
					if strings.TrimPrefix(m.Msg, " ") != want {
						t.Fatalf("message %d: %q\nwant %q", i, m.Msg, want)
					}
					continue
				}
				// By rsyslog's own properties, put together again.
				text := fmt.Sprintf("<%s>1 %s %s %s %s %s %s %s", "188", m.Time, m.Host, m.App, m.ProcID, m.MsgID, m.Data, strings.TrimPrefix(m.Msg, " "))
				got, err := parse(text)
				if err != nil || got.text != "sent\nsnapshot" || got.host != "sender.example.org" || got.msgID != "zfs" || got.param("i") != strconv.Itoa(i) ||
					got.param("odd key") != "a\x00 \"]\\ ü" || got.param("note") != `"]\ and [x]=` || got.param("trace") != task.Stack() {
					t.Fatalf("message %d: %v\n%+v\n%+v", i, err, m, got)
				}
			}
			if h.Dropped() != 0 {
				t.Errorf("%d were dropped", h.Dropped())
			}
		})
	}
}

// TestRsyslogStopped stops the daemon for a while. What is lost meanwhile is counted, and reported there when it goes
// on. A UDP sender isn't held up by a daemon that has stopped, and knows of no loss.
func TestRsyslogStopped(t *testing.T) {
	for _, way := range []string{"local socket, RFC 5424", "local socket", "TCP", "TLS"} {
		t.Run(way, func(t *testing.T) {
			r := startRsyslog(t)
			c := r.ways()[way]
			c.Queue.Bytes = 64 << 10
			ctx, h := open(t, c)
			log := logging.GetLogger(ctx, "zfs")
			log.Info("first")
			r.await(t, 1)
			r.cmd.Process.Signal(syscall.SIGSTOP)
			n := 1
			for pad := strings.Repeat("x", 2000); h.Dropped() < 1000; n++ {
				log.Info("line", "pad", pad)
			}
			r.cmd.Process.Signal(syscall.SIGCONT)
			flush, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := h.Flush(flush); err != nil {
				t.Fatal(err)
			}
			log.Info("last")
			n++
			dropped := int(h.Dropped())
			var list []received
			reports, reported := 1, 0 // there may be several, each of a part
			for len(list) < n-dropped+reports {
				list = r.await(t, n-dropped+reports)
				reports, reported = lossesIn(t, list)
			}
			got := len(list) - reports
			if got+reported != n || reported != dropped {
				t.Errorf("%d arrived, %d were reported, %d were counted, of %d", got, reported, dropped, n)
			}
		})
	}
}

// lossesIn returns how many messages are reports of lines that were lost, and of how many lines these are.
func lossesIn(t *testing.T, list []received) (reports, lines int) {
	t.Helper()
	for _, m := range list {
		if !strings.Contains(m.Msg, "log lines were lost") {
			continue
		}
		reports++
		_, text, _ := strings.Cut(m.Data+m.Msg, "lines=")
		var k int
		if _, err := fmt.Sscanf(strings.Trim(text, `"`), "%d", &k); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
		lines += k
	}
	return reports, lines
}

// TestRsyslogRestarts kills the daemon, and starts it again after a while.
func TestRsyslogRestarts(t *testing.T) {
	r := startRsyslog(t)
	ctx, h := open(t, r.ways()["TCP"])
	log := logging.GetLogger(ctx, "zfs")
	log.Info("0")
	r.await(t, 1)
	r.stop()
	for i := 1; i <= 1000; i++ {
		log.Info(strconv.Itoa(i))
	}
	r.start(t)
	messages := r.await(t, 1001)
	for i, m := range messages {
		if strings.TrimSpace(m.Msg) != strconv.Itoa(i) {
			t.Fatalf("message %d is %+v", i, m)
		}
	}
	if len(messages) != 1001 || h.Dropped() != 0 {
		t.Errorf("%d messages; %d were dropped", len(messages), h.Dropped())
	}
}
