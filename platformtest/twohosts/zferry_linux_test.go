package twohosts

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/internal/certtest"
	"github.com/spanstack/spanstack/platformtest/accounted"
	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/summary"
	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// patience bounds a command. On a busy machine, thirty datasets take a minute.
const patience = 2 * time.Minute

// zferry runs zferry on host a, and returns what it wrote and its exit code.
func zferry(t *testing.T, h *Hosts, args ...string) (out string, exitCode int) {
	t.Helper()
	begin := time.Now()
	defer func() { t.Logf("zferry %s: %v", args[0], time.Since(begin).Round(100*time.Millisecond)) }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := h.A.Command(ctx, "zferry", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) } // which tells what hangs
	text, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(text), exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("zferry %v: %v\n%s", args, err, text)
	}
	return string(text), 0
}

// must runs zferry, which has to succeed.
func must(t *testing.T, h *Hosts, args ...string) string {
	t.Helper()
	out, code := zferry(t, h, args...)
	if code != 0 {
		t.Fatalf("zferry %v: exit %d\n%s", args, code, out)
	}
	return out
}

// random writes a file that can't be compressed.
func random(t *testing.T, name string, size int) {
	t.Helper()
	data := make([]byte, size)
	rand.Read(data)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// guids returns those of all snapshots below a dataset, by the path below it.
func guids(t *testing.T, dataset string) map[string]string {
	t.Helper()
	list := make(map[string]string)
	for line := range strings.Lines(command(t, "zfs", "list", "-Hp", "-r", "-t", "snapshot", "-o", "name,guid", dataset)) {
		name, guid, _ := strings.Cut(strings.TrimSpace(line), "\t")
		list[strings.TrimPrefix(name, dataset)] = guid
	}
	return list
}

// contents returns the checksums of a snapshot's files. It mounts the snapshot's dataset, as far as it isn't.
func contents(t *testing.T, dataset, snapshot string) map[string][32]byte {
	t.Helper()
	if strings.TrimSpace(command(t, "zfs", "get", "-H", "-o", "value", "mounted", dataset)) != "yes" {
		command(t, "zfs", "mount", dataset)
		defer command(t, "zfs", "unmount", dataset)
	}
	dir := "/" + dataset + "/.zfs/snapshot/" + snapshot
	sums := make(map[string][32]byte)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		sums[e.Name()] = sha256.Sum256(data)
	}
	return sums
}

// same checks that both sides have the same snapshots, and the same files in the newest one.
func same(t *testing.T, src, dst, newest string) {
	t.Helper()
	a, b := guids(t, src), guids(t, dst)
	if !maps.Equal(a, b) || len(a) == 0 {
		t.Fatalf("%d and %d snapshots, or others: %v\n%v", len(a), len(b), a, b)
	}
	for name := range a {
		below, snapshot, _ := strings.Cut(name, "@")
		if snapshot != newest {
			continue
		}
		want, got := contents(t, src+below, newest), contents(t, dst+below, newest)
		if !maps.Equal(got, want) || len(got) == 0 {
			t.Errorf("%s%s: %d files, and %d of the copy, or others", src, name, len(want), len(got))
		}
	}
}

// How many increments TestZferry replicates, and of how many datasets: each takes seconds where the arithmetic of ssh and ZFS is
// emulated.
const (
	incrementsVariable = "SPANSTACK_INCREMENTS"
	datasetsVariable   = "SPANSTACK_DATASETS"
)

// number returns the value of a variable of the environment.
func number(t *testing.T, variable string, least, unset int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(unset)))
	if err != nil || n < least || n > 99 {
		t.Fatalf("%s: want %d to 99", variable, least)
	}
	return n
}

// TestZferry replicates a tree of datasets over ssh, encrypted ones among them: at first, and then several times; prunes both
// sides, and looks at the trace of both.
func TestZferry(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "zfs", "create", "tank/all")
	datasets := []string{"tank/all"}
	var encrypted []string                    // their paths below that
	many := number(t, datasetsVariable, 7, 8) // the sixth below is encrypted
	for i := range many - 1 {
		name := fmt.Sprintf("tank/all/%02d", i)
		if i%3 == 1 {
			name = fmt.Sprintf("tank/all/%02d/below", i-1)
		}
		args := []string{"zfs", "create"}
		if i%10 == 5 {
			encrypted = append(encrypted, strings.TrimPrefix(name, "tank/all"))
			args = append(args, "-o", "encryption=on", "-o", "keyformat=hex", "-o", "keylocation=file://"+key)
		}
		command(t, append(args, name)...)
		datasets = append(datasets, name)
	}
	for _, d := range datasets {
		random(t, "/"+d+"/file", 16<<10)
	}
	must(t, h, "snapshot", "-r", "--name", "first", "tank/all")
	trace, log := filepath.Join(t.TempDir(), "trace.json"), filepath.Join(t.TempDir(), "log")
	out := must(t, h, "replicate", "-r", "--jobs", "8", "--trace", trace, "--log-file", log, "--log-format", "logfmt", "--log-level", "debug", "tank/all", "root@b:backup/all")
	if strings.Count(out, "received full") != many {
		t.Errorf("initial:\n%s", out)
	}
	checkTrace(t, trace, log, many)
	checkAccounted(t, "initial", trace)
	n := number(t, incrementsVariable, 2, 2)
	for i := range n {
		random(t, "/tank/all/00/below/"+strconv.Itoa(i), 4<<10)
		must(t, h, "snapshot", "--name", fmt.Sprintf("inc-%02d", i), "tank/all/00/below")
		must(t, h, "replicate", "--trace", trace, "--log-level", "warn", "tank/all/00/below", "root@b:backup/all/00/below")
	}
	t.Logf("where the time of the last of these increments went:\n%s", summaryOf(t, trace))
	checkAccounted(t, "increment", trace)
	same(t, "tank/all/00/below", "backup/all/00/below", fmt.Sprintf("inc-%02d", n-1))
	for _, d := range encrypted {
		random(t, "/tank/all"+d+"/other", 16<<10)
	}
	must(t, h, "snapshot", "-r", "--name", "second", "tank/all")
	must(t, h, "replicate", "-r", "--jobs", "8", "tank/all", "root@b:backup/all")
	for line := range strings.Lines(command(t, "zfs", "get", "-H", "-r", "-t", "filesystem", "-o", "name,value", "keystatus", "backup/all")) {
		if name, status, _ := strings.Cut(strings.TrimSpace(line), "\t"); status == "unavailable" {
			command(t, "zfs", "load-key", "-L", "file://"+key, name) // below an encrypted one, too: what is received raw has its own
		}
	}
	same(t, "tank/all", "backup/all", "second")
	if out := must(t, h, "replicate", "-r", "tank/all", "root@b:backup/all"); !strings.Contains(out, fmt.Sprintf("%d datasets are up to date", many)) {
		t.Errorf("once more:\n%s", out)
	}
	must(t, h, "prune", "-r", "--match", ".*", "--keep-last", "2", "--target", "root@b:backup/all/00", "tank/all/00")
	must(t, h, "prune", "-r", "--match", ".*", "--keep-last", "3", "--source", "tank/all/00", "root@b:backup/all/00")
	if n, m := len(guids(t, "tank/all/00")), len(guids(t, "backup/all/00")); n != 4 || m != 5 {
		t.Errorf("after pruning: %d and %d snapshots, want 4 and 5", n, m)
	}
	must(t, h, "snapshot", "-r", "--name", "last", "tank/all/00")
	if out := must(t, h, "replicate", "-r", "tank/all/00", "root@b:backup/all/00"); strings.Count(out, "received incremental @second..@last") != 2 {
		t.Errorf("after pruning:\n%s", out)
	}
}

var clockLine = regexp.MustCompile(`host=root@b ahead=(\S+) bound=(\S+)`)

// checkTrace checks that a trace has both sides: each request of this one, and in its time, to within the bound of the clocks, the other
// side's work for it; and the zfs processes of both, two for each dataset.
func checkTrace(t *testing.T, trace, log string, datasets int) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	m := clockLine.FindSubmatch(text)
	if m == nil {
		t.Fatalf("the log doesn't tell how far the clocks are apart:\n%s", text)
	}
	bound, err := time.ParseDuration(string(m[2]))
	if err != nil || bound <= 0 {
		t.Fatalf("bound %q: %v", m[2], err)
	}
	all := read(t, trace)
	byID := make(map[string]*tracefmt.Event)
	for e := range all.Events() {
		if e.Kind == tracefmt.Complete && e.ID != "" {
			byID[e.ID] = e
		}
	}
	count := make(map[string]int)
	for _, e := range byID {
		count[e.Name]++
		parent := byID[e.Parent]
		if !strings.HasPrefix(e.Name, "agent ") || e.Name == "agent trace" {
			continue
		}
		if parent == nil || !strings.HasPrefix(parent.Name, "remote ") {
			t.Errorf("%s has no parent on this side", e.Name)
			continue
		}
		if early := parent.Time - e.Time; early > int64(bound) {
			t.Errorf("%s begins %v before %s; the clocks are right to within %v", e.Name, time.Duration(early), parent.Name, bound)
		}
	}
	// zfs has ended when this side is told so, while the agent itself goes on for a moment.
	for _, e := range byID {
		agent := byID[e.Parent]
		if agent == nil || !strings.HasPrefix(e.Name, "zfs ") || !strings.HasPrefix(agent.Name, "agent ") {
			continue
		}
		asked := byID[agent.Parent]
		if late := e.Time + e.Dur - asked.Time - asked.Dur; late > int64(bound) {
			t.Errorf("%s ends %v after %s; the clocks are right to within %v", e.Name, time.Duration(late), asked.Name, bound)
		}
		count["of the other side"]++
	}
	for _, name := range []string{"remote receive", "agent receive", "zfs receive", "zfs send"} {
		if count[name] != datasets {
			t.Errorf("%d slices of %q, want %d", count[name], name, datasets)
		}
	}
	if count["of the other side"] < datasets+3 {
		t.Errorf("slices: %v", count)
	}
	t.Logf("the clocks are right to within %v; %v", bound, count)
}

// mostUnaccounted is the share of a replication's time that its trace may leave unexplained.
const mostUnaccounted = 0.02

// checkAccounted checks that a trace says where this host's time goes: in what it did, and in waiting for the other one.
func checkAccounted(t *testing.T, what, trace string) {
	t.Helper()
	all, err := accounted.Read(trace)
	if err != nil {
		t.Fatal(err)
	}
	accounts := accounted.Of(all, "replicate")
	if len(accounts) != 1 {
		t.Fatalf("%s: %d replications in its trace", what, len(accounts))
	}
	a := accounts[0]
	t.Logf("%s: %v; innermost are %s", what, a, strings.Join(a.Inner, ", "))
	if a.Unexplained() > mostUnaccounted {
		t.Errorf("%s: of %v, %v are in no child of the root task, more than %.0f %%", what, a.Whole(), a.Lost, 100*mostUnaccounted)
	}
}

// summaryOf returns the tree of a trace, with times.
func summaryOf(t *testing.T, trace string) string {
	t.Helper()
	all := read(t, trace)
	var sum summary.Summary
	for e := range all.Events() {
		sum.Add(e)
	}
	sum.Finish()
	var out strings.Builder
	if err := sum.WriteText(&out, summary.Style{}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// read reads a trace.
func read(t *testing.T, trace string) *timeline.Timeline {
	t.Helper()
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := tracefmt.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all := &timeline.Timeline{}
	if _, err := all.Read(in); err != nil {
		t.Fatal(err)
	}
	return all
}

// interruptible makes a filesystem that takes seconds to be sent at the rate that is returned.
func interruptible(t *testing.T, name string) (rate string) {
	t.Helper()
	command(t, "zfs", "create", "tank/"+name)
	random(t, "/tank/"+name+"/large", 24<<20)
	command(t, "zfs", "snapshot", "tank/"+name+"@1")
	return "4MB"
}

// receiving reports whether a zfs receive into a dataset runs.
func receiving(t *testing.T, dataset string) bool {
	t.Helper()
	for line := range strings.Lines(command(t, "ps", "-Ao", "args=")) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "zfs receive ") && strings.HasSuffix(line, " "+dataset) {
			return true
		}
	}
	return false
}

// await waits until a condition holds.
func await(t *testing.T, what string, within time.Duration, condition func() bool) {
	t.Helper()
	begin := time.Now()
	for !condition() {
		if time.Since(begin) > within {
			t.Fatalf("after %v: not yet: %s", within, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("%s: after %v", what, time.Since(begin).Round(time.Millisecond))
}

// TestZferryInterrupted interrupts a replication, kills its ssh, and kills the agent. Each ends as it is documented, nothing is left
// that runs, and the next run goes on where it was.
func TestZferryInterrupted(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	rate := interruptible(t, "cut")
	for _, tt := range []struct {
		name     string
		do       func(zferry *exec.Cmd)
		exitCode int
		want     string
	}{
		{"interrupted", func(cmd *exec.Cmd) { cmd.Process.Signal(os.Interrupt) }, 130, "interrupted"},
		{"ssh killed", func(*exec.Cmd) { command(t, "pkill", "-KILL", "-x", "ssh") }, 1, "root@b: "},
		{"agent killed", func(*exec.Cmd) { command(t, "pkill", "-KILL", "-f", "^zferry agent") }, 1, "root@b: "},
		{"zferry killed", func(cmd *exec.Cmd) { cmd.Process.Kill() }, -1, ""},
	} {
		var out strings.Builder
		cmd := h.A.Command(t.Context(), "zferry", "replicate", "--retries", "0", "--limit", rate, "--log-level", "warn", "tank/cut", "root@b:backup/cut")
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		await(t, "it is received", patience, func() bool { return receiving(t, "backup/cut") })
		time.Sleep(500 * time.Millisecond)
		tt.do(cmd)
		cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != tt.exitCode || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: exit %d, want %d, and %q in:\n%s", tt.name, got, tt.exitCode, tt.want, &out)
		}
		if tt.exitCode > 0 && (!strings.Contains(out.String(), "zferry: hint: ") || !strings.Contains(out.String(), "what has arrived stays")) {
			t.Errorf("%s: it doesn't say what to do next:\n%s", tt.name, &out)
		}
		await(t, tt.name+": nothing is received any more", patience, func() bool { return !receiving(t, "backup/cut") })
	}
	out := must(t, h, "replicate", "tank/cut", "root@b:backup/cut")
	if !strings.Contains(out, "received resumed @1") {
		t.Errorf("in the end:\n%s", out)
	}
	same(t, "tank/cut", "backup/cut", "1")
	// What a new dataset gets was given to the receive that was interrupted, and none after it.
	if got := strings.TrimSpace(command(t, "zfs", "get", "-H", "-o", "value,source", "canmount", "backup/cut")); got != "noauto\tlocal" {
		t.Errorf("canmount is %q, want noauto", got)
	}
}

// TestZferryCut cuts the link, until both sides have noticed, or for a minute: the other side's zfs processes are gone within the bound, and the next run
// converges.
func TestZferryCut(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	rate := interruptible(t, "cut")
	var out strings.Builder
	cmd := h.A.Command(t.Context(), "zferry", "replicate", "--retries", "0", "--limit", rate, "--log-level", "warn", "tank/cut", "root@b:backup/cut")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "it is received", patience, func() bool { return receiving(t, "backup/cut") })
	if err := h.Cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	cut := time.Now()
	await(t, "the other side has given up", patience, func() bool { return !receiving(t, "backup/cut") })
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 1 || !strings.Contains(out.String(), "root@b: ") || !strings.Contains(out.String(), "zferry: hint: when the other host can be reached") {
		t.Errorf("exit %d:\n%s", got, &out)
	}
	t.Logf("zferry has given up after %v: %s", time.Since(cut).Round(time.Second), &out)
	if os.Getenv(incrementsVariable) != "" { // who has asked for many has the time
		time.Sleep(time.Until(cut.Add(60 * time.Second)))
	}
	if err := h.Netem(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	must(t, h, "replicate", "tank/cut", "root@b:backup/cut")
	same(t, "tank/cut", "backup/cut", "1")
}

// TestZferryTLS replicates to an agent that listens, which refuses what its policy doesn't permit.
func TestZferryTLS(t *testing.T) {
	h := start(t)
	pool(t, "tank")
	pool(t, "backup")
	dir := t.TempDir()
	certtest.New(t).Write(t, dir, []net.IP{net.ParseIP(AddressB)}, "agent", "laptop", "stranger")
	var log strings.Builder
	agent := h.B.Command(t.Context(), "zferry", "agent", "--listen", AddressB+":7443", "--root", "backup/tls", "--root", "backup/other", "--allow", "receive",
		"--client", "laptop", "--tls-cert", dir+"/agent.crt", "--tls-key", dir+"/agent.key", "--tls-ca", dir+"/ca.crt")
	agent.Stdout, agent.Stderr = &log, &log
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		agent.Process.Signal(syscall.SIGTERM)
		agent.Wait()
		t.Logf("the agent's log:\n%s", &log)
	}()
	await(t, "the agent listens", patience, func() bool {
		return strings.Contains(command(t, "cat", "/proc/"+strconv.Itoa(agent.Process.Pid)+"/net/tcp"), ":1D13")
	})
	identity := []string{"--tls-cert", dir + "/laptop.crt", "--tls-key", dir + "/laptop.key", "--tls-ca", dir + "/ca.crt"}
	command(t, "zfs", "create", "tank/tls")
	command(t, "zfs", "create", "tank/tls/below")
	random(t, "/tank/tls/file", 1<<20)
	random(t, "/tank/tls/below/file", 1<<20)
	for _, name := range []string{"1", "2"} {
		command(t, "zfs", "snapshot", "-r", "tank/tls@"+name)
		must(t, h, append([]string{"replicate"}, append(identity, "-r", "tank/tls", "tls://"+AddressB+":7443/backup/tls")...)...)
	}
	same(t, "tank/tls", "backup/tls", "2")
	out, code := zferry(t, h, append([]string{"replicate"}, append(identity, "tank/tls", "tls://"+AddressB+":7443/backup/elsewhere")...)...)
	if code != 1 || !strings.Contains(out, "not within backup/tls or backup/other") {
		t.Errorf("outside of its roots: exit %d\n%s", code, out)
	}
	out, code = zferry(t, h, append([]string{"replicate"}, append(identity, "--set", "mountpoint=/etc", "tank/tls", "tls://"+AddressB+":7443/backup/other")...)...)
	if code != 1 || !strings.Contains(out, `"mountpoint" may not be set`) {
		t.Errorf("a mount point: exit %d\n%s", code, out)
	}
	out, code = zferry(t, h, "replicate", "--tls-cert", dir+"/stranger.crt", "--tls-key", dir+"/stranger.key", "--tls-ca", dir+"/ca.crt", "tank/tls", "tls://"+AddressB+":7443/backup/tls")
	if code != 1 {
		t.Errorf("a client without a policy: exit %d\n%s", code, out)
	}
}
