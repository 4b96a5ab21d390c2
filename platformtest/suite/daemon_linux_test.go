package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// ferryman is a running "zferry daemon", with its files in a directory: s is its socket.
type ferryman struct {
	*testing.T
	zferry, dir string
	listen      string
	cmd         *exec.Cmd
	stderr      bytes.Buffer
}

// configure writes its configuration: a job that replicates from one dataset to another one, with all below them.
func (f *ferryman) configure(from, to, every, more string) {
	f.Helper()
	text := fmt.Sprintf(`listen: %s
socket: %[2]s/s
state: %[2]s/state.json
log: {format: logfmt, level: debug, outlets: [{type: file, path: %[2]s/log}]}
jobs:
  - name: tree
    source: %[3]s
    recursive: true
    snapshot: {template: "auto_%%s", every: %[5]s}
    replicate: {targets: [{to: %[4]s, cursor: night}]}
    prune: {source: {keep_last: 1}, target: {keep_last: 3}}
    retry: {attempts: 0}
%[6]s`, f.listen, f.dir, from, to, every, more)
	if err := os.WriteFile(filepath.Join(f.dir, "zferry.yml"), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

// start starts it, with a trace.
func (f *ferryman) start(trace string) {
	f.Helper()
	f.stderr.Reset()
	f.cmd = exec.Command(f.zferry, "daemon", "--config", filepath.Join(f.dir, "zferry.yml"), "--trace", trace)
	f.cmd.Stdout, f.cmd.Stderr = &f.stderr, &f.stderr
	if err := f.cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { f.cmd.Process.Kill() }) // of a test that has failed
}

// stop ends it by SIGTERM, which has to be a clean end.
func (f *ferryman) stop() {
	f.Helper()
	begin := time.Now()
	f.cmd.Process.Signal(unix.SIGTERM)
	within("the end of the daemon", func() {
		if err := f.cmd.Wait(); err != nil {
			f.Errorf("the daemon ended with %v: %s", err, &f.stderr)
		}
	})
	f.Logf("the daemon ended within %v", time.Since(begin).Round(time.Millisecond))
}

func (f *ferryman) log() string {
	text, err := os.ReadFile(filepath.Join(f.dir, "log"))
	if err != nil && !os.IsNotExist(err) {
		f.Fatal(err)
	}
	return string(text)
}

// await waits until the log has so many lines with a text.
func (f *ferryman) await(text string, n int) {
	f.Helper()
	for begin := time.Now(); strings.Count(f.log(), text) < n; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience {
			f.Fatalf("the log hasn't got %q %d times:\n%s\n%s", text, n, f.log(), &f.stderr)
		}
	}
}

// ask runs a command of zferry that asks the daemon, and returns its output and exit code.
func (f *ferryman) ask(args ...string) (out string, exitCode int) {
	f.Helper()
	cmd := exec.Command(f.zferry, args...)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		f.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// get returns a page of what Prometheus sees.
func (f *ferryman) get(page string) string {
	f.Helper()
	r, err := http.Get("http://" + f.listen + page)
	if err != nil {
		f.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		f.Errorf("%s: %s, %v\n%s", page, r.Status, err, body)
	}
	return string(body)
}

// wants checks that a text has a match of each pattern.
func (f *ferryman) wants(what, text string, patterns ...string) {
	f.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile("(?m)" + p).MatchString(text) {
			f.Errorf("%s: no match of %s in\n%s", what, p, text)
		}
	}
}

// freePort returns an address at which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestDaemon takes a daemon through its life: cycles by the clock, another configuration, a job that hangs and is looked at, an end in
// the middle of that, and a start from where it was.
func TestDaemon(t *testing.T) {
	platform(t)
	p, to := source(), destination().name+"/daemon"
	from := p.create(t, "daemon")
	p.create(t, "daemon/below")
	p.write(t, "daemon/below", "file", 1<<20)
	dir, err := os.MkdirTemp("", "daemon") // short, since it is a part of a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := &ferryman{T: t, zferry: zferryProgram(t), dir: dir, listen: freePort(t)}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil { // so that what is left over is seen here
		t.Fatal(err)
	}
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	trace := filepath.Join(outDir(t), "daemon.json")

	f.configure(from, to, "10s", "")
	f.start(trace)
	f.await(`msg="job begins"`, 2)
	f.configure(from, to, "1h", "    alert: {stuck: 1s}\n") // when the second one has ended
	f.cmd.Process.Signal(unix.SIGHUP)
	f.await(`msg="configuration was read again"`, 1)
	f.await(`msg="job done"`, 2)
	f.awaitIdle()
	cycles := strings.Count(f.log(), `msg="job done"`)
	f.looksWell(to)

	p.write(t, "daemon/below", "large", 24<<20)
	f.hangs(from, to)
	f.stop()
	f.leavesNothing()
	accounts := accountsOf(t, "daemon", trace, "job")
	for _, a := range accounts {
		judge(t, "daemon", a)
	}
	if len(accounts) != cycles+1 {
		t.Errorf("the trace has %d jobs, want %d", len(accounts), cycles+1)
	}

	f.start(trace + "2.json")
	f.goesOn(p, from, to, cycles)
	f.stop()
	f.leavesNothing()
}

// looksWell looks at a daemon that has done some cycles, by all there is to look by.
func (f *ferryman) looksWell(to string) {
	f.Helper()
	out, code := f.ask("status", "--socket", f.dir+"/s")
	if code != 0 {
		f.Errorf("status: exit %d", code)
	}
	f.wants("status", out, `^OK: all is well with 1 job$`, `^JOB +STATE +LAST SUCCESS +NEXT +LAG$`, `^tree +\w+ +\d+s ago +(in \w+|now)$`,
		`^  to `+regexp.QuoteMeta(to)+` +2 datasets +\d+s$`)
	s := f.status()
	if j := s.Jobs[0]; !s.Alive || j.Failed || len(j.Targets) != 1 || !j.Targets[0].Known || j.Targets[0].Datasets != 2 || j.LastSuccess.Before(s.Started) {
		f.Errorf("status: %+v", s)
	}
	f.wants("metrics", f.get("/metrics"), `^zferry_job_last_success_timestamp_seconds\{job="tree"\} 1\.\d+e\+09$`,
		`^zferry_\w+\{.*target="`+regexp.QuoteMeta(to)+`".*\} \d`)
	if got := f.get("/healthz"); got != "ok\n" {
		f.Errorf("health: %q", got)
	}
	if n := snapshotsBelow(f.T, to); n < 4 || n > 6 {
		f.Errorf("the target has %d snapshots, want those of 2 or 3 cycles, of 2 datasets", n)
	}
}

// daemonStatus is what the tests look at of "zferry status --json".
type daemonStatus struct {
	Started time.Time
	Alive   bool
	Jobs    []struct {
		State       string
		Stuck       bool
		Failed      bool
		LastSuccess time.Time `json:"last_success"`
		Targets     []struct {
			Known    bool
			Datasets int
		}
	}
}

func (f *ferryman) status() (s daemonStatus) {
	f.Helper()
	out, _ := f.ask("status", "--socket", f.dir+"/s", "--json")
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&s); err != nil || len(s.Jobs) != 1 { // an error follows if a job is stuck
		f.Fatalf("status: %v\n%s", err, out)
	}
	return s
}

func (f *ferryman) awaitIdle() {
	f.Helper()
	for begin := time.Now(); f.status().Jobs[0].State != "idle"; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience {
			f.Fatalf("the job doesn't end:\n%s", f.log())
		}
	}
}

// hangs lets the job hang, by a receive that is stopped. One look shows what it is about, and since when.
func (f *ferryman) hangs(from, to string) {
	f.Helper()
	if out, code := f.ask("daemon", "run", "--socket", f.dir+"/s", "tree"); code != 0 {
		f.Fatalf("run: exit %d: %s", code, out)
	}
	receive := awaitChild(f.T, f.cmd.Process.Pid, "receive", to+"/below")
	unix.Kill(receive, unix.SIGSTOP)
	send := awaitChild(f.T, f.cmd.Process.Pid, "send", from+"/below@")
	awaitBlocked(f.T, send)
	out, code := f.ask("status", "--socket", f.dir+"/s")
	for begin := time.Now(); code == 0 && time.Since(begin) < patience; out, code = f.ask("status", "--socket", f.dir+"/s") {
		time.Sleep(200 * time.Millisecond) // until nothing has moved for as long as alert.stuck says
	}
	if code != 1 {
		f.Errorf("status: exit %d", code)
	}
	f.wants("status", out, `^WARNING: job tree is stuck: nothing has moved since `, `^tree +STUCK for \d+s `, `^tree: replicate `+regexp.QuoteMeta(to)+` for \d+s: `)

	dataset := regexp.QuoteMeta(to + "/below")
	out, _ = f.ask("pprof", "active", "unix:"+f.dir+"/s")
	f.Logf("one look:\n%s", out)
	const age = `^ *\d+(\.\d+)?m?s +`
	f.wants("active", out,
		age+`task +\w+ +job +job=tree`,
		age+`span +\w+ +replicate +target=`,
		age+`span +\w+ +step +step="incremental @auto_\d+\.\.@auto_\d+" .*destination=`+dataset,
		age+`task +\w+ +zfs receive +dataset=`+dataset+` .* \[pid `+strconv.Itoa(receive)+` \(zfs\) in state T`,
		age+`log +started +.*command="zfs receive `,
		age+`task +\w+ +zfs send +.* \[pid `+strconv.Itoa(send)+` \(zfs\) in state [SD]`)
}

// leavesNothing checks that no process of a daemon that has ended is left.
func (f *ferryman) leavesNothing() {
	f.Helper()
	if left := zfstest.Children(); len(left) > 0 {
		f.Errorf("left over: %+v", left)
	}
	if _, err := os.Lstat(f.dir + "/s"); err == nil {
		f.Error("its socket is still there")
	}
}

// goesOn checks a daemon that was started anew: what was interrupted begins again, from what had arrived, and a cursor is all that the
// next increment needs.
func (f *ferryman) goesOn(p pool, from, to string, cycles int) {
	f.Helper()
	f.await(`msg="daemon is ready"`, 2)
	f.await(`msg="job done"`, cycles+1)
	f.awaitIdle()
	lists := func(dataset string) string {
		return run(f.T, "zfs", "list", "-Hp", "-o", "guid", "-t", "snapshot", "-d", "1", "-S", "createtxg", dataset)
	}
	same := func() {
		f.Helper()
		for _, below := range []string{"", "/below"} {
			a, b := strings.Fields(lists(from+below)), strings.Fields(lists(to+below))
			if len(a) == 0 || len(b) == 0 || a[0] != b[0] {
				f.Errorf("%s has %v, its copy %v", from+below, a, b)
			}
		}
	}
	same()
	for name := range strings.FieldsSeq(run(f.T, "zfs", "list", "-H", "-o", "name", "-t", "snapshot", "-r", from)) {
		run(f.T, "zfs", "destroy", name)
	}
	p.write(f.T, "daemon/below", "more", 16<<10)
	if out, code := f.ask("daemon", "run", "--socket", f.dir+"/s", "tree"); code != 0 {
		f.Fatalf("run: exit %d: %s", code, out)
	}
	f.await(`msg="job done"`, cycles+2)
	same()
}
