package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

var large = flag.Int("large", 10, "the size of each of the traces that are merged on disk, in MB")

// requests writes Chrome JSON of some MB: of a client, and of a server, whose slices have parents in there, and which
// come thread by thread.
func requests(path string, mb int, server bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	name, parent, dur := "client", "", 5
	if server {
		name, dur = "server", 3
	}
	fmt.Fprintf(w, `[{"name":"process_name","ph":"M","pid":1,"args":{"name":%q,"spanstack.unix_ns":"1000000"}}`, name)
	const size = 190 // bytes of a slice, about
	n := mb * 1_000_000 / size
	for i := range n {
		ts := i * 7
		if server {
			ts = i%(n/4+1)*28 + 1
			if i%100 == 0 {
				parent = fmt.Sprintf(`,"spanstack.parent":"client-%010d"`, ts/7)
			} else {
				parent = ""
			}
		}
		fmt.Fprintf(w, ",\n"+`{"name":"op %d","ph":"X","cat":"request","ts":%d,"dur":%d,"pid":1,"tid":%d,`+
			`"args":{"spanstack.id":"%s-%010d"%s,"dataset":"tank/db","bytes":%d}}`,
			i%500, ts, dur, i*4/n, name, i, parent, i)
	}
	w.WriteString("\n]\n")
	return w.Flush()
}

// TestMergeOnDisk: traces that are larger than the memory are merged within it, into what comes of them in memory, and
// nothing is left behind. With -large 100 they are large indeed.
func TestMergeOnDisk(t *testing.T) {
	memory, most, mb := "4MiB", int64(64<<20), *large
	switch {
	case mb >= 50:
		memory, most = "16MiB", 96<<20
	case raceEnabled:
		memory, mb = "500kB", 1
	}
	dir := t.TempDir()
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	client, server := filepath.Join(dir, "client.json"), filepath.Join(dir, "server.json")
	for path, isServer := range map[string]bool{client: false, server: true} {
		if err := requests(path, mb, isServer); err != nil {
			t.Fatal(err)
		}
	}
	merge := func(memory, name string) (out []byte, peak int64) {
		path := filepath.Join(dir, name)
		cmd := exec.Command("trace-convert", "merge", "--memory", memory, client, server, "-o", path)
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "GORACE=atexit_sleep_ms=10")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		peak = runAndWatch(t, cmd, func() {
			if left, _ := os.ReadDir(tmp); len(left) > 1 { // one may be about to be unlinked
				t.Errorf("there are files: %v", left)
			}
		})
		if !bytes.Contains(stderr.Bytes(), []byte("message pairs confirm")) {
			t.Errorf("the messages weren't found: %s", &stderr)
		}
		out, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return out, peak
	}
	got, peak := merge(memory, "disk.json")
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	want, whole := merge("8GiB", "memory.json")
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes differ from %d that come of it in memory", len(got), len(want))
	}
	t.Logf("%d MB merged in %d MiB; in memory it takes %d MiB", 2*mb, peak>>20, whole>>20)
	switch {
	case peak == 0:
		t.Log("skipped: how much memory a process took isn't known here")
	case raceEnabled:
		t.Log("skipped: the race detector takes memory of its own")
	case peak > most:
		t.Errorf("%d MiB were in use, in memory %d MiB", peak>>20, whole>>20)
	}
}

// runAndWatch runs a command, which must succeed, and returns the most memory that it had, if that can be told.
// Meanwhile it calls look.
func runAndWatch(t *testing.T, cmd *exec.Cmd, look func()) (peak int64) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v: %v", err, cmd.Stderr)
			}
			return peak
		case <-time.After(10 * time.Millisecond):
			look()
			peak = max(peak, residentPeak(cmd.Process.Pid))
		}
	}
}

// residentPeak returns the most memory that a process had so far, in bytes; 0 where that isn't known.
func residentPeak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, _ := strconv.ParseInt(string(bytes.Fields(rest)[0]), 10, 64)
			return kb << 10
		}
	}
	return 0
}
