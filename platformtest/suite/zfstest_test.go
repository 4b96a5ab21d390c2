package suite

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfssuite"
)

// real is real ZFS as a platform of the suite.
type real struct{}

// suitePool is the pool of the cases of package zfssuite.
var suitePool = sync.OnceValue(func() pool { return newPool(fixture{}, "suite") })

func (real) Client() *zfssend.Client { return &zfs }

func (real) Root(testing.TB) string { return suitePool().name }

func (real) Lacks(string) string { return "" }

func (real) Write(t testing.TB, dataset, file string, data []byte) {
	t.Helper()
	name := volumeDevice(t, dataset)
	if name == "" {
		name = filepath.Join(mountpoint(t, dataset), file)
	}
	var err error
	if data == nil {
		err = os.Remove(name)
	} else {
		err = writeSync(name, data)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeSync(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if serr := f.Sync(); err == nil {
		err = serr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func mountpoint(t testing.TB, dataset string) string {
	t.Helper()
	out := strings.Split(run(t, "zfs", "get", "-H", "-o", "value", "mounted,mountpoint", dataset), "\n")
	if out[0] != "yes" {
		t.Fatalf("%s isn't mounted", dataset)
	}
	return out[1]
}

func (real) Contents(t testing.TB, snapshot string) map[string][sha256.Size]byte {
	t.Helper()
	sums := make(map[string][sha256.Size]byte)
	for name, data := range files(t, snapshot) {
		sums[name] = sha256.Sum256(data)
	}
	return sums
}

// files returns the files of a snapshot, or the device of a volume's.
func files(t testing.TB, snapshot string) map[string][]byte {
	t.Helper()
	dataset, _, _ := strings.Cut(snapshot, "@")
	if volumeDevice(t, dataset) != "" {
		run(t, "zfs", "set", "snapdev=visible", dataset)
		device := volumeDevice(t, snapshot)
		data, err := os.ReadFile(device)
		if err != nil {
			t.Fatal(err)
		}
		return map[string][]byte{"": data}
	}
	dir := t.TempDir()
	run(t, "mount", "-t", "zfs", "-o", "ro", snapshot, dir)
	defer run(t, "umount", dir)
	list := make(map[string][]byte)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() { // where a filesystem below is mounted
			continue
		}
		if list[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func (real) Use(t testing.TB, dataset string) (release func()) {
	t.Helper()
	dir, err := os.Open(mountpoint(t, dataset))
	if err != nil {
		t.Fatal(err)
	}
	return func() { dir.Close() }
}

func (real) FailingSnapshot(testing.TB) string { return broken() }

func (real) AwaitBlocked(t testing.TB, pid int) { awaitBlocked(t, pid) }

// volumeDevice returns the block device of a volume, or of a volume's snapshot, and "" for a filesystem. It asks the kernel,
// since without udev nobody makes the links in /dev/zvol.
func volumeDevice(t testing.TB, name string) string {
	t.Helper()
	if strings.TrimSpace(run(t, "zfs", "get", "-H", "-o", "value", "volsize", name)) == "-" {
		return ""
	}
	deadline := time.Now().Add(patience)
	for {
		devices, _ := filepath.Glob("/dev/zd*")
		for _, device := range devices {
			if volumeName(device) == name {
				return device
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has no device", name)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestZFS runs the suite that the model of ZFS passes, too.
func TestZFS(t *testing.T) {
	platform(t)
	zfssuite.Run(t, real{})
}

func TestTranscripts(t *testing.T) {
	platform(t)
	zfssuite.Transcripts(t, real{})
}
