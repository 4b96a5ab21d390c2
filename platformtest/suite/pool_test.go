package suite

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestMain(m *testing.M) {
	if snapshot := os.Getenv(holdVariable); snapshot != "" {
		hold(snapshot)
	}
	if request := os.Getenv(nobodyVariable); request != "" {
		answer(request)
	}
	code := m.Run()
	for _, destroy := range cleanup {
		destroy()
	}
	os.Exit(code)
}

// cleanup is run after all tests.
var cleanup []func()

// zfs is the client that is tested.
var zfs zfssend.Client

// platform skips the test if real ZFS wasn't asked for. Otherwise it returns a context for the test, checks that
// the test leaves nothing behind, and fails it if a zfs process had to be abandoned.
func platform(t *testing.T) context.Context {
	t.Helper()
	if os.Getenv("SPANSTACK_PLATFORM") == "" {
		t.Skip("SPANSTACK_PLATFORM is not set: real ZFS and its pools are not to be touched")
	}
	if out, err := exec.Command("zpool", "list").CombinedOutput(); err != nil {
		t.Fatalf("SPANSTACK_PLATFORM is set, but there is no ZFS: zpool list: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if t.Skipped() && strings.Contains(t.Name(), "/") { // whoever runs the suite sees that of whole tests only
			t.Error("a part of a test was skipped")
		}
	})
	zfstest.CheckLeaks(t)
	rec := trace.NewRecorder(trace.Config{
		Logger:    slog.New(slog.DiscardHandler),
		OnAnomaly: func(a trace.Anomaly) { t.Errorf("misuse of package trace: %v", a) },
	})
	t.Cleanup(func() {
		for _, r := range rec.Snapshot() {
			if r.Kind == trace.KindEvent && r.Name == "abandoned" {
				t.Error("a zfs process was not gone in time")
			}
		}
	})
	ctx, task := trace.WithTask(trace.WithRecorder(context.Background(), rec), t.Name())
	t.Cleanup(task.End)
	return ctx
}

// run runs a command and returns its output.
func run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// pool is a pool of these tests.
type pool struct {
	name string
	dir  string // where it is mounted
}

const poolSize = 512 << 20 // bytes of its sparse file

// newPool makes a pool. Nothing in it is compressed, so that a test knows how much is sent.
func newPool(t testing.TB, suffix string) pool {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv("SPANSTACK_POOL_DIR"), "spanstack-pool-")
	if err != nil {
		t.Fatal(err)
	}
	p := pool{name: fmt.Sprintf("spanstack_test_%d_%s", os.Getpid(), suffix), dir: filepath.Join(dir, "mnt")}
	file := filepath.Join(dir, "vdev")
	cleanup = append(cleanup, func() {
		out, err := exec.Command("zpool", "destroy", "-f", p.name).CombinedOutput()
		if err != nil {
			fmt.Fprintf(os.Stderr, "zpool destroy %s: %v\n%s", p.name, err, out)
		}
		os.RemoveAll(dir)
	})
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, poolSize); err != nil {
		t.Fatal(err)
	}
	run(t, "zpool", "create", "-O", "compression=off", "-O", "atime=off", "-O", "mountpoint="+p.dir, p.name, file)
	return p
}

// source is a pool with a dataset "data" of 32 MiB, many times what a pipe holds, and its snapshot "x".
var source = sync.OnceValue(func() pool {
	p := newPool(fixture{}, "src")
	p.create(fixture{}, "data")
	p.write(fixture{}, "data", "file", 32<<20)
	run(fixture{}, "zfs", "snapshot", p.name+"/data@x")
	return p
})

// destination is a pool to receive into.
var destination = sync.OnceValue(func() pool { return newPool(fixture{}, "dst") })

// fixture is the testing.TB of what several tests share. A failure ends the program.
type fixture struct{ testing.TB }

func (fixture) Helper() {}

func (fixture) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (fixture) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// create makes a dataset and returns its name.
func (p pool) create(t testing.TB, dataset string, options ...string) string {
	t.Helper()
	name := p.name + "/" + dataset
	run(t, append(append([]string{"zfs", "create"}, options...), name)...)
	return name
}

// write writes incompressible data to a file of a mounted dataset.
func (p pool) write(t testing.TB, dataset, file string, size int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(p.dir, dataset, file))
	if err == nil {
		_, err = io.CopyN(f, rand.Reader, size)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contents returns the checksums of all files of a snapshot.
func contents(t *testing.T, snapshot string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	run(t, "mount", "-t", "zfs", "-o", "ro", snapshot, dir)
	defer run(t, "umount", dir)
	sums := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		sums[strings.TrimPrefix(path, dir)] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}
