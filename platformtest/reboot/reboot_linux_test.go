package reboot

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The disks, and what is on them. The source's pool keeps what has to be known after a power cut.
const (
	source, destination         = "tank", "backup"
	sourceDisk, destinationDisk = "/dev/vda1", "/dev/vdb1"
	tree, copied                = "tank/home", "backup/home"
	stateFile                   = "/tank/state.json"
)

// patience bounds every wait.
const patience = 2 * time.Minute

// state is what has to be known after a power cut.
type state struct {
	Users map[string]string // what the user has on both sides, by name: its GUID
}

// TestBoot is what happens between two boots: what the power cut has left is looked at, replicated, and compared; then there is something new, and
// the power is cut while that is replicated.
func TestBoot(t *testing.T) {
	boot, boots := number(t, "SPANSTACK_BOOT"), number(t, "SPANSTACK_BOOTS")
	if boot == 0 {
		t.Skip("SPANSTACK_BOOT is not set: platformtest's TestReboots runs this in a virtual machine")
	}
	if boot == 1 {
		create(t)
	} else {
		comeBack(t)
	}
	if boot == boots || t.Failed() {
		return
	}
	change(t, boot)
	cut(t)
}

func number(t *testing.T, variable string) int {
	t.Helper()
	if os.Getenv(variable) == "" {
		return 0
	}
	n, err := strconv.Atoi(os.Getenv(variable))
	if err != nil || n < 1 {
		t.Fatalf("%s: want a number", variable)
	}
	return n
}

// create makes the pools, a tree with an encrypted filesystem, its copy, and what belongs to the user besides.
func create(t *testing.T) {
	t.Helper()
	for pool, disk := range map[string]string{source: sourceDisk, destination: destinationDisk} {
		command(t, "zpool", "create", "-o", "cachefile=none", "-O", "compression=off", "-m", "/"+pool, pool, disk)
	}
	key := filepath.Join("/"+source, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "zfs", "create", tree)
	command(t, "zfs", "create", tree+"/a")
	command(t, "zfs", "create", "-o", "encryption=on", "-o", "keyformat=hex", "-o", "keylocation=file://"+key, tree+"/secret")
	command(t, "zfs", "create", destination+"/mine")
	write(t, "/"+destination+"/mine/file", 100<<10)
	command(t, "zfs", "snapshot", destination+"/mine@mine")
	for _, d := range []string{"", "/a", "/secret"} {
		write(t, "/"+tree+d+"/file", 1<<20)
	}
	command(t, "zfs", "snapshot", "-r", tree+"@0")
	replicate(t)
}

// change makes something new, which is the user's, too, and is on the disks.
func change(t *testing.T, boot int) {
	t.Helper()
	for _, d := range []string{"", "/a", "/secret"} {
		write(t, fmt.Sprintf("/%s%s/file%d", tree, d, boot), 8<<20)
	}
	if boot%2 == 0 {
		fresh := fmt.Sprintf("%s/new%d", tree, boot)
		command(t, "zfs", "create", fresh)
		write(t, "/"+fresh+"/file", 8<<20)
	}
	command(t, "zfs", "snapshot", "-r", fmt.Sprintf("%s@%d", tree, boot))
	text, err := json.Marshal(state{users(t)})
	if err == nil {
		err = os.WriteFile(stateFile, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	command(t, "zpool", "sync")
}

// users returns what the user has.
func users(t *testing.T) map[string]string {
	t.Helper()
	list := guids(t, tree)
	maps.DeleteFunc(list, func(name, _ string) bool { return strings.Contains(name, "#zferry_") })
	maps.Copy(list, guids(t, destination+"/mine"))
	return list
}

// cut starts a replication that takes long, and has the power cut in its middle.
func cut(t *testing.T) {
	t.Helper()
	cmd := exec.Command("zferry", "replicate", "-r", "--cursor", "boot", "--jobs", "2", "--limit", "3MB", tree, copied)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	deadline := time.Now().Add(patience)
	for !receiving() {
		if time.Now().After(deadline) {
			t.Fatal("nothing is received")
		}
		time.Sleep(20 * time.Millisecond)
	}
	wait := mathrand.N(7 * time.Second)
	t.Logf("the power is cut after %v of receiving", wait)
	time.Sleep(wait)
	fmt.Println(CutLine)
	time.Sleep(patience)
	t.Error("the power was not cut")
}

// receiving reports whether a zfs receive runs.
func receiving() bool {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		text, _ := os.ReadFile(name) // it may be gone
		if strings.HasPrefix(string(text), "zfs\x00receive\x00") {
			return true
		}
	}
	return false
}

// comeBack imports the pools. The user has what he had, and one replication brings all of it.
func comeBack(t *testing.T) {
	t.Helper()
	for pool, disk := range map[string]string{source: sourceDisk, destination: destinationDisk} {
		if err := os.MkdirAll("/"+pool, 0o755); err != nil {
			t.Fatal(err)
		}
		command(t, "zpool", "import", "-f", "-o", "cachefile=none", "-d", disk, pool)
	}
	command(t, "zfs", "load-key", tree+"/secret") // its file is in a dataset that had to be mounted first
	command(t, "zfs", "mount", tree+"/secret")
	text, err := os.ReadFile(stateFile)
	var s state
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("left by the power cut:\n%s", command(t, "zfs", "get", "-Hr", "-t", "filesystem", "-o", "name,value", "receive_resume_token", copied))
	keeps(t, s, "after the power cut")
	replicate(t)
	keeps(t, s, "after the next replication")
}

func keeps(t *testing.T, s state, when string) {
	t.Helper()
	now := users(t)
	for name, guid := range s.Users {
		if now[name] != guid {
			t.Errorf("%s, %s is lost: its GUID was %s, now %q", when, name, guid, now[name])
		}
	}
}

// replicate replicates, and compares both sides: by zfs, their snapshots; and by reading, the files.
func replicate(t *testing.T) {
	t.Helper()
	t.Logf("zferry:\n%s", command(t, "zferry", "replicate", "-r", "--cursor", "boot", "--log-level", "warn", tree, copied))
	src, dst := guids(t, tree), guids(t, copied)
	newest := make(map[string]string) // the newest snapshots, by dataset
	for name, guid := range src {
		below := strings.TrimPrefix(name, tree)
		dataset, snapshot, isSnapshot := strings.Cut(below, "@")
		if !isSnapshot {
			continue
		}
		if dst[copied+below] != guid {
			t.Errorf("%s has the GUID %s, and its copy %q", name, guid, dst[copied+below])
		}
		if snapshot > newest[dataset] {
			newest[dataset] = snapshot
		}
	}
	for dataset, snapshot := range newest {
		compare(t, dataset, snapshot)
	}
}

// compare compares the files of a snapshot with those of its copy.
func compare(t *testing.T, dataset, snapshot string) {
	t.Helper()
	if strings.HasSuffix(dataset, "/secret") {
		command(t, "zfs", "load-key", "-L", "file:///"+source+"/key", copied+dataset)
		defer command(t, "zfs", "unload-key", copied+dataset)
	}
	var sums [2]string
	for i, root := range []string{tree, copied} {
		dir := t.TempDir()
		command(t, "mount", "-t", "zfs", "-o", "ro", root+dataset+"@"+snapshot, dir)
		sums[i] = command(t, "sh", "-c", `cd "$1" && find . -type f | sort | xargs sha256sum`, "sh", dir)
		command(t, "umount", dir)
	}
	if sums[0] != sums[1] || sums[0] == "" {
		t.Errorf("%s@%s has\n%s\nand its copy\n%s", tree+dataset, snapshot, sums[0], sums[1])
	}
}

// guids returns those of a dataset, of all below, and of their snapshots and bookmarks.
func guids(t *testing.T, root string) map[string]string {
	t.Helper()
	list := make(map[string]string)
	for line := range strings.Lines(command(t, "zfs", "list", "-Hp", "-r", "-t", "filesystem,volume,snapshot,bookmark", "-o", "name,guid", root)) {
		name, guid, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		list[name] = guid
	}
	return list
}

func write(t *testing.T, name string, size int) {
	t.Helper()
	data := make([]byte, size)
	rand.Read(data)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
