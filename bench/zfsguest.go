package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// Ways from one dataset to another on OpenZFS.
const (
	shellPipe       way = "zfs send to zfs receive, by the shell"
	sendReceive     way = "Client.Send to Client.Receive"
	directReceive   way = "Client.Send to Client.Receive with Direct"
	verifiedReceive way = "Client.Send with Verify to Client.Receive"
	zferryCommand   way = "zferry replicate"
)

var replicateWays = []way{shellPipe, directReceive, sendReceive, verifiedReceive, zferryCommand}

// A replicateJob replicates a dataset between two pools, again and again. Its process must be root on a machine with OpenZFS: that of
// platformtest/vm. The pools are files, and destroyed at the end.
type replicateJob struct {
	Rounds int
	Bytes  int64 // of the dataset's only file, incompressible
}

type replicateResult struct {
	Series      series
	ZFS, Kernel string
}

func (j *replicateJob) run() (res replicateResult, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := replication{job: j, id: os.Getpid()}
	defer func() { err = errors.Join(err, r.cleanUp()) }()
	if err := r.prepare(ctx); err != nil {
		return res, err
	}
	if res.ZFS, err = output(ctx, "zfs", "version"); err != nil {
		return res, err
	}
	res.ZFS, _, _ = strings.Cut(res.ZFS, "\n")
	if res.Kernel, err = output(ctx, "uname", "-sr"); err != nil {
		return res, err
	}
	res.Series = series{}
	for round := range j.Rounds + 1 {
		fmt.Fprintf(os.Stderr, "%d\n", round) // for the progress line of who waits
		s := res.Series
		if round == 0 {
			s = series{} // to warm up
		}
		if err := s.addRound(replicateWays, func(w way) (passage, error) { return r.measure(ctx, w) }); err != nil {
			return res, err
		}
	}
	return res, nil
}

// A replication is what replicateJob works on.
type replication struct {
	job      *replicateJob
	id       int
	dir      string
	pools    []string
	src, dst string // a snapshot, and the dataset to receive it into
	zfs      zfssend.Client
}

// prepare makes two pools and a dataset to be sent.
func (r *replication) prepare(ctx context.Context) (err error) {
	if r.dir, err = os.MkdirTemp("", "spanstack-bench-"); err != nil {
		return err
	}
	for _, name := range []string{"src", "dst"} {
		pool, file := fmt.Sprintf("spanstack_bench_%d_%s", r.id, name), filepath.Join(r.dir, name+".img")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(file, 3*r.job.Bytes+128<<20); err != nil {
			return err
		}
		if _, err := output(ctx, "zpool", "create", "-O", "compression=off", "-O", "atime=off", "-O", "mountpoint="+filepath.Join(r.dir, name), pool, file); err != nil {
			return err
		}
		r.pools = append(r.pools, pool)
	}
	r.src, r.dst = r.pools[0]+"/data@x", r.pools[1]+"/data"
	if _, err := output(ctx, "zfs", "create", r.pools[0]+"/data"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "src", "data", "file"), randomBytes(r.job.Bytes), 0o600); err != nil {
		return err
	}
	_, err = output(ctx, "zfs", "snapshot", r.src)
	return err
}

// cleanUp destroys the pools that prepare made, and nothing else.
func (r *replication) cleanUp() (err error) {
	for _, pool := range r.pools {
		_, destroyErr := output(context.Background(), "zpool", "destroy", "-f", pool)
		err = errors.Join(err, destroyErr)
	}
	if r.dir != "" && err == nil {
		err = os.RemoveAll(r.dir)
	}
	return err
}

// measure replicates the dataset one way, checks that it is there, and removes it.
func (r *replication) measure(ctx context.Context, w way) (p passage, err error) {
	for _, pool := range r.pools {
		if _, err := output(ctx, "zpool", "sync", pool); err != nil {
			return p, err
		}
	}
	switch w {
	case shellPipe:
		p, err = r.shell(ctx)
	case zferryCommand:
		p, err = r.command(ctx)
	default:
		p, err = r.stream(ctx, zfssend.SendOptions{Verify: w == verifiedReceive}, w == directReceive)
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", w, err)
	}
	p.Bytes = r.job.Bytes
	guids, err := output(ctx, "zfs", "list", "-H", "-o", "guid", "-t", "snapshot", r.src, r.dst+"@x")
	if err != nil {
		return p, err
	}
	if from, to, ok := strings.Cut(guids, "\n"); !ok || from != to {
		return p, fmt.Errorf("%s: it didn't arrive: GUIDs %q", w, guids)
	}
	if _, err := output(ctx, "zfs", "destroy", "-r", r.dst); err != nil {
		return p, err
	}
	_, err = output(ctx, "zpool", "wait", "-t", "free", r.pools[1]) // destroying goes on in the background
	return p, err
}

// shell lets a shell replicate. It has started before, so that its own start isn't measured.
func (r *replication) shell(ctx context.Context) (p passage, err error) {
	cmd := exec.CommandContext(ctx, "/bin/sh")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return p, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return p, err
	}
	if err := cmd.Start(); err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, in.Close(), cmd.Wait()) }()
	answers := bufio.NewScanner(out)
	ask := func(command, want string) error {
		if _, err := io.WriteString(in, command+"\n"); err != nil {
			return err
		}
		if !answers.Scan() || answers.Text() != want {
			return fmt.Errorf("%s: %q instead of %q: %w", command, answers.Text(), want, errors.Join(answers.Err(), errNoAnswer))
		}
		return nil
	}
	if err := ask("echo ready", "ready"); err != nil {
		return p, err
	}
	start := time.Now()
	err = ask("zfs send "+r.src+" | zfs receive -u "+r.dst+"; echo $?", "0") // names of our own: nothing to quote
	p.Time = time.Since(start)
	return p, err
}

// command lets zferry replicate: its start, its looking at what there is, and its verdict are all in the time.
func (r *replication) command(ctx context.Context) (p passage, err error) {
	src, _, _ := strings.Cut(r.src, "@")
	start := time.Now()
	_, err = output(ctx, "zferry", "replicate", src, r.dst)
	p.Time = time.Since(start)
	return p, err
}

var errNoAnswer = errors.New("the shell didn't do it")

// stream lets package zfssend replicate.
func (r *replication) stream(ctx context.Context, o zfssend.SendOptions, direct bool) (p passage, err error) {
	cpu, start := cpuTime(), time.Now()
	sent, err := r.zfs.Send(ctx, r.src, o)
	if err != nil {
		return p, err
	}
	received, err := r.zfs.Receive(ctx, r.dst, sent, zfssend.ReceiveOptions{Unmounted: true, Direct: direct})
	if err != nil {
		return p, err
	}
	err = received.Wait()
	p.Time, p.CPU = time.Since(start), cpuTime()-cpu
	stats := received.Stats()
	p.ReadWait, p.WriteWait = stats.ReadWait, stats.WriteWait
	if err == nil && !o.Verify && canSplice && stats.Spliced < r.job.Bytes {
		err = fmt.Errorf("only %d bytes were spliced", stats.Spliced)
	}
	if err == nil && stats.Direct != direct {
		err = fmt.Errorf("direct is %t", stats.Direct)
	}
	return p, err
}

// output runs a program and returns what it printed, without the last newline.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
