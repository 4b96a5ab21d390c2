package suite

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/platformtest/accounted"
)

// mostUnaccounted is the share of a command's time that its trace may leave unexplained.
const mostUnaccounted = 0.02

// zferryProgram returns the program zferry, or skips the test.
func zferryProgram(t *testing.T) string {
	t.Helper()
	zferry := os.Getenv("SPANSTACK_ZFERRY")
	if zferry == "" {
		t.Skip("SPANSTACK_ZFERRY is not set: it names the program zferry")
	}
	return zferry
}

// outDir is where a test leaves files that are worth a look, if whoever runs the suite wants to see them.
func outDir(t *testing.T) string { return cmp.Or(os.Getenv("SPANSTACK_OUT"), t.TempDir()) }

// TestAccounted: the trace of a command says where its time goes: of snapshots; of replications of all that there is, of many small
// increments, and of nothing new; and of pruning, on both sides. TestDaemon does so for a daemon's jobs. The direct children of its
// root task have to cover that task's time, all but 2 %. How much of it is outside of all zfs processes is told, but not judged: it is what zferry itself takes.
func TestAccounted(t *testing.T) {
	platform(t)
	zferry := zferryProgram(t)
	p, to := source(), destination().name+"/accounted"
	from := p.create(t, "accounted")
	const below = 5
	for i := range below {
		p.create(t, fmt.Sprintf("accounted/d%02d", i))
	}
	p.write(t, "accounted", "file", 64<<20)
	run(t, zferry, "--version") // which reads the program from the disk
	dir := outDir(t)
	check := func(what, root string, args ...string) accounted.Account {
		t.Helper()
		path := filepath.Join(dir, "accounted-"+strings.ReplaceAll(what, " ", "-")+".json")
		wall := runQuietly(t, exec.Command(zferry, append(args, "--trace", path)...))
		accounts := accountsOf(t, what, path, root)
		checkWall(t, what, path, wall, accounts)
		return accounts[0]
	}
	var snapshots, idle []accounted.Account
	for i, what := range []string{"full", "small", "small again"} {
		for n := range below {
			p.write(t, fmt.Sprintf("accounted/d%02d", n), strconv.Itoa(i), 16<<10)
		}
		snapshots = append(snapshots, check("snapshot "+strconv.Itoa(i), "snapshots", "snapshot", "-r", "--name", strconv.Itoa(i), from))
		judge(t, what, check(what, "replicate", "replicate", "-r", from, to))
	}
	for i := range 3 {
		idle = append(idle, check("idle "+strconv.Itoa(i), "replicate", "replicate", "-r", from, to))
	}
	judge(t, "snapshot", snapshots...)
	judge(t, "idle", idle...)
	judge(t, "prune source", check("prune source", "prune", "prune", "-r", "--match", ".", "--keep-last", "1", "--target", to, from))
	judge(t, "prune destination", check("prune destination", "prune", "prune", "-r", "--match", ".", "--keep-last", "1", "--source", from, to))
	if n, m := snapshotsBelow(t, from), snapshotsBelow(t, to); n != 1+below || m != 1+below {
		t.Errorf("%d and %d snapshots are left, want %d of each", n, m, 1+below)
	}
}

// runQuietly runs a command whose output goes to a file, and returns how long it took. If we read it, that would take the processor from the command just
// when it has written something.
func runQuietly(t *testing.T, cmd *exec.Cmd) time.Duration {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		said, _ := os.ReadFile(out.Name())
		t.Fatalf("%v: %v\n%s", cmd.Args, err, said)
	}
	return wall
}

// checkWall looks at the time of a process. Its trace has to begin with the process's start, and not earlier than that. What comes after the trace, which
// is to complete it, and to exit, can't be in it; that is told, but not judged.
func checkWall(t *testing.T, what, path string, wall time.Duration, accounts []accounted.Account) {
	t.Helper()
	all, err := accounted.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	starts := accounted.Of(all, "start")
	if len(starts) != 1 || len(accounts) != 1 {
		t.Fatalf("%s: %d starts and %d tasks in its trace", what, len(starts), len(accounts))
	}
	start, task := starts[0], accounts[0]
	between, rest := time.Duration(task.Root.Begin-start.Root.End), wall-time.Duration(task.Root.End-start.Root.Begin)
	if start.Whole() <= 0 || between < 0 || rest < -10*time.Millisecond { // which is how exactly the kernel tells when a process was started
		t.Errorf("%s: of %v, it took %v to start, and %v until its task began, and %v are left", what, wall, start.Whole(), between, rest)
	}
	t.Logf("%s: the process took %v: %v to start, %v until its task, %v for that, and the rest, %v, to write its trace and to exit", what, wall,
		start.Whole(), between, task.Whole(), rest)
}

func snapshotsBelow(t *testing.T, dataset string) int {
	t.Helper()
	return len(strings.Fields(run(t, "zfs", "list", "-H", "-o", "name", "-t", "snapshot", "-r", dataset)))
}

// judge judges one account, or the median of several, of commands that take half a second: once in a while, another process gets the
// processor for a hundredth of that just between two steps.
func judge(t *testing.T, what string, accounts ...accounted.Account) {
	t.Helper()
	slices.SortFunc(accounts, func(a, b accounted.Account) int { return cmp.Compare(a.Unexplained(), b.Unexplained()) })
	a := accounts[len(accounts)/2]
	if a.Unexplained() > mostUnaccounted {
		t.Errorf("%s: of %v, %v are in no child of the root task, more than %.0f %%", what, a.Whole(), a.Lost, 100*mostUnaccounted)
	}
}

// accountsOf returns those of the tasks of that name that have no parent.
func accountsOf(t *testing.T, what, path, root string) []accounted.Account {
	t.Helper()
	all, err := accounted.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	accounts := accounted.Of(all, root)
	if len(accounts) == 0 {
		t.Fatalf("%s: %s has no task %s", what, path, root)
	}
	for _, a := range accounts {
		t.Logf("%s: %v; innermost are %s", what, a, strings.Join(a.Inner, ", "))
	}
	return accounts
}
