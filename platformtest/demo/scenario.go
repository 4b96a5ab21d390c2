package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A scenario replicates a dataset between two pools that it makes, and checks the result.
type scenario struct {
	bin     string // directory of zferry and trace-convert
	poolDir string // directory for the pools' files
	out     string // directory for trace.json and log.txt

	work     string // below poolDir
	src, dst string // pools
	rand     *rand.ChaCha8
	start    time.Time
}

const (
	poolSize = 200 << 20
	files    = 16
	fileSize = 4 << 20 // 64 MiB in all
)

func (s *scenario) run(ctx context.Context) (err error) {
	if err := s.prepare(ctx); err != nil {
		return errors.Join(err, s.cleanUp())
	}
	defer func() { err = errors.Join(err, s.cleanUp()) }()
	data := filepath.Join(s.work, "src", "data")

	s.say("writing %d MiB of incompressible data to %s", files*fileSize>>20, s.src+"/data")
	for i := range files {
		if err := s.fill(filepath.Join(data, fmt.Sprintf("file%02d", i))); err != nil {
			return err
		}
	}
	if err := s.replicate(ctx, "full"); err != nil {
		return err
	}
	s.say("changing two files, removing one, adding one")
	err = errors.Join(
		s.fill(filepath.Join(data, "file03")), s.fill(filepath.Join(data, "file07")),
		os.Remove(filepath.Join(data, "file11")), s.fill(filepath.Join(data, "file16")))
	if err != nil {
		return err
	}
	if err := s.replicate(ctx, "incremental"); err != nil {
		return err
	}
	return s.summary(ctx)
}

// prepare makes the pools and the dataset.
func (s *scenario) prepare(ctx context.Context) (err error) {
	s.start, s.rand = time.Now(), rand.NewChaCha8(sha256.Sum256([]byte("spanstack")))
	if s.out, err = filepath.Abs(s.out); err != nil {
		return err
	}
	if s.work, err = os.MkdirTemp(s.poolDir, "spanstack-demo-"); err != nil {
		return err
	}
	for _, old := range []string{"trace.json", "log.txt"} {
		if err := os.Remove(filepath.Join(s.out, old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, p := range []struct {
		name *string
		dir  string
	}{{&s.src, "src"}, {&s.dst, "dst"}} {
		name := fmt.Sprintf("spanstack-%s-%d", p.dir, os.Getpid())
		s.say("making the pool %s", name)
		file := filepath.Join(s.work, p.dir+".img")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(file, poolSize); err != nil {
			return err
		}
		mount := filepath.Join(s.work, p.dir)
		// atime=off: reading the copy must not count as a change of it.
		if err := tool(ctx, "zpool", "create", "-O", "mountpoint="+mount, "-O", "compression=off", "-O", "atime=off", name, file); err != nil {
			return err
		}
		*p.name = name
	}
	return tool(ctx, "zfs", "create", s.src+"/data")
}

// cleanUp destroys the pools that prepare made, and nothing else.
func (s *scenario) cleanUp() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // also after Ctrl-C
	defer cancel()
	for _, pool := range []string{s.src, s.dst} {
		if pool != "" {
			err = errors.Join(err, tool(ctx, "zpool", "destroy", pool))
		}
	}
	if s.work != "" && err == nil {
		err = os.RemoveAll(s.work)
	}
	return err
}

// fill writes a file of random bytes.
func (s *scenario) fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, s.rand, fileSize)
	return errors.Join(err, f.Close())
}

// replicate runs zferry, and compares both sides.
func (s *scenario) replicate(ctx context.Context, name string) error {
	s.say("zferry replicate: %s", name)
	cmd := command(ctx, filepath.Join(s.bin, "zferry"), "replicate", "--snapshot", s.snapshot(name),
		"--trace", s.traceOf(name), "--log-file", filepath.Join(s.out, "log.txt"), "--log-format", "logfmt", "--log-level", "debug",
		s.src+"/data", s.dst+"/data")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("zferry replicate (%s): %w", name, err)
	}
	if err := tool(ctx, "zfs", "mount", s.dst+"/data"); err != nil {
		return err
	}
	want, err := checksums(filepath.Join(s.work, "src", "data"))
	if err != nil {
		return err
	}
	got, err := checksums(filepath.Join(s.work, "dst", "data"))
	if err != nil {
		return err
	}
	if !maps.Equal(got, want) || len(got) == 0 {
		return fmt.Errorf("after the %s replication the two sides differ: %d files and %d files", name, len(want), len(got))
	}
	s.say("both sides hold the same %d files: SHA-256 of each compared", len(got))
	return tool(ctx, "zfs", "unmount", s.dst+"/data")
}

// snapshot returns a name as programs make them that take snapshots by the clock: with much in it that could be taken for
// the ID of a span in a log.
func (s *scenario) snapshot(name string) string {
	return fmt.Sprintf("auto-%s_%s_%016x", name, time.Now().UTC().Format("20060102T150405Z"), s.rand.Uint64())
}

func (s *scenario) traceOf(name string) string { return filepath.Join(s.work, name+".json") }

// summary puts both traces into one file and prints its tree.
func (s *scenario) summary(ctx context.Context) error {
	trace := filepath.Join(s.out, "trace.json")
	convert := filepath.Join(s.bin, "trace-convert")
	if err := tool(ctx, convert, "-o", trace, s.traceOf("full"), s.traceOf("incremental")); err != nil {
		return err
	}
	s.say("done; where the time went:")
	cmd := command(ctx, convert, "--summary", trace)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

func (s *scenario) say(format string, args ...any) {
	fmt.Printf("[%5.1fs] %s\n", time.Since(s.start).Seconds(), fmt.Sprintf(format, args...))
}

// checksums returns the SHA-256 of every file below dir.
func checksums(dir string) (map[string][sha256.Size]byte, error) {
	sums := map[string][sha256.Size]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		sums[path] = [sha256.Size]byte(h.Sum(nil))
		return err
	})
	return sums, err
}

// tool runs a program whose output matters only if it fails.
func tool(ctx context.Context, name string, args ...string) error {
	out, err := command(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %q: %w\n%s", name, args, err, out)
	}
	return nil
}

// command is exec.CommandContext, with Ctrl-C left to the program itself.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
