package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A lineReader is a process that reads lines: a daemon, or what is behind a pipe.
type lineReader struct {
	address string // a path, or host:port
	cmd     *exec.Cmd
	stderr  bytes.Buffer
	paths   []string // patterns of files to be removed
}

// errMissing is why an outlet can't be measured on a machine.
type errMissing struct{ cause string }

func (e *errMissing) Error() string { return e.cause }

// startReader starts the reader of an outlet, and waits until it listens. There is none of a file.
func startReader(ctx context.Context, o outlet) (*lineReader, error) {
	dir, err := os.MkdirTemp("", "spanstack-bench-")
	if err != nil {
		return nil, err
	}
	r := &lineReader{paths: []string{dir}}
	switch o {
	case toFile:
		r.address = filepath.Join(dir, "log")
	case toPipe:
		err = r.startPipe(filepath.Join(dir, "pipe"))
	case toSyslog:
		r.address = filepath.Join(dir, "socket")
		err = r.startRsyslog(ctx, dir, fmt.Sprintf(`module(load="imuxsock" sysSock.use="off")
input(type="imuxsock" socket="%s" rateLimit.interval="0")`, r.address), "unixgram")
	case toSyslogByTCP:
		r.address, err = freeAddress()
		if err == nil {
			_, port, _ := net.SplitHostPort(r.address)
			err = r.startRsyslog(ctx, dir, fmt.Sprintf(`module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="%s")`, port), "tcp")
		}
	case toJournal:
		err = r.startJournal(ctx)
	default:
		err = fmt.Errorf("no outlet %q", o)
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// pid is the number of the process, 0 if there is none.
func (r *lineReader) pid() int {
	if r.cmd == nil || r.cmd.Process == nil {
		return 0
	}
	return r.cmd.Process.Pid
}

// startPipe starts a process that reads a named pipe and drops what it reads.
func (r *lineReader) startPipe(path string) error {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return &os.PathError{Op: "mkfifo", Path: path, Err: err}
	}
	pipe, err := os.OpenFile(path, os.O_RDWR, 0) // being a writer, too, it never sees the end
	if err != nil {
		return err
	}
	defer pipe.Close()
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	r.address, r.cmd = path, exec.Command(exe)
	r.cmd.Env = append(os.Environ(), childEnv+"="+(&job{Consume: &consumeJob{}}).String())
	r.cmd.Stdin, r.cmd.Stderr = pipe, &r.stderr
	return r.cmd.Start()
}

// startRsyslog starts a daemon that has one input, and drops what it understood of it.
func (r *lineReader) startRsyslog(ctx context.Context, dir, input, network string) error {
	daemon, err := exec.LookPath("rsyslogd")
	if err != nil {
		daemon = "/usr/sbin/rsyslogd" // not in the path of users
		if _, statErr := os.Stat(daemon); statErr != nil {
			return &errMissing{err.Error()}
		}
	}
	config := fmt.Sprintf("global(workDirectory=%q)\nmain_queue(queue.size=\"100000\")\n%s\naction(type=\"omfile\" file=\"/dev/null\")\n", dir, input)
	path := filepath.Join(dir, "conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	r.cmd = exec.Command(daemon, "-n", "-f", path, "-i", filepath.Join(dir, "pid"))
	return r.start(ctx, network)
}

// startJournal starts a systemd-journald with a namespace of its own, of which a machine can have any number, whether
// systemd runs on it or not.
func (r *lineReader) startJournal(ctx context.Context) error {
	const daemon = "/lib/systemd/systemd-journald"
	if _, err := os.Stat(daemon); err != nil {
		return &errMissing{err.Error()}
	}
	if os.Getuid() != 0 {
		return &errMissing{"only root can run systemd-journald"}
	}
	namespace := fmt.Sprintf("spanstack-bench-%d", os.Getpid())
	config := filepath.Join("/run/systemd", "journald@"+namespace+".conf.d")
	r.paths = append(r.paths, config, "/run/systemd/journal."+namespace, "/run/log/journal/*."+namespace)
	if err := os.MkdirAll(config, 0o755); err != nil {
		return err
	}
	settings := "[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\nRateLimitBurst=0\nForwardToSyslog=no\n"
	if err := os.WriteFile(filepath.Join(config, "bench.conf"), []byte(settings), 0o644); err != nil {
		return err
	}
	r.address, r.cmd = "/run/systemd/journal."+namespace+"/socket", exec.Command(daemon, namespace)
	return r.start(ctx, "unixgram")
}

// start starts a daemon, and waits until it listens.
func (r *lineReader) start(ctx context.Context, network string) error {
	r.cmd.Stderr = &r.stderr
	if err := r.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial(network, r.address)
		switch {
		case err == nil:
			return conn.Close()
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			pid := r.pid()
			r.end()
			return fmt.Errorf("start %s, process %d: %w: %s", filepath.Base(r.cmd.Path), pid, err, bytes.TrimSpace(r.stderr.Bytes()))
		}
	}
}

// end ends the process.
func (r *lineReader) end() {
	if r.pid() == 0 || r.cmd.ProcessState != nil {
		return
	}
	r.cmd.Process.Signal(syscall.SIGTERM)
	r.cmd.Process.Signal(syscall.SIGCONT)
	kill := time.AfterFunc(5*time.Second, func() { r.cmd.Process.Kill() })
	r.cmd.Wait()
	kill.Stop()
}

// stop ends the process, and removes what it has left.
func (r *lineReader) stop() {
	r.end()
	for _, pattern := range r.paths {
		matches, _ := filepath.Glob(pattern)
		for _, path := range matches {
			os.RemoveAll(path)
		}
	}
}

// freeAddress returns an address at which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// stoppedResult is what was measured of an outlet.
type stoppedResult struct {
	Outlet         outlet
	Missing        string // why nothing was
	Ours, Blocking []stoppedRound
}

// blockingRounds are enough to see a program stand still.
const blockingRounds = 3

// each returns the jobs that j, without an outlet, consists of.
func (j stoppedJob) each() (jobs []stoppedJob) {
	if j.Rounds == 0 {
		return nil
	}
	for _, j.Outlet = range outlets {
		jobs = append(jobs, j, j.blocking())
	}
	return jobs
}

// blocking returns the job in which a bare slog.JSONHandler writes the lines.
func (j stoppedJob) blocking() stoppedJob {
	j.Blocking, j.Rounds = true, min(j.Rounds, blockingRounds)
	return j
}

// measureStopped measures a program that logs to an outlet, and one in which the outlet is a bare slog.JSONHandler's. Each
// is a process of its own, with a reader of its own. It calls done for each.
func measureStopped(ctx context.Context, j stoppedJob, done func(*stoppedJob)) (res stoppedResult, err error) {
	res.Outlet = j.Outlet
	for _, c := range []struct {
		job stoppedJob
		to  *[]stoppedRound
	}{{j, &res.Ours}, {j.blocking(), &res.Blocking}} {
		err := measureOneStopped(ctx, c.job, c.to)
		if missing, ok := errors.AsType[*errMissing](err); ok {
			res.Missing = missing.cause
		} else if err != nil {
			return res, err
		}
		done(&c.job)
	}
	return res, nil
}

func measureOneStopped(ctx context.Context, j stoppedJob, to *[]stoppedRound) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r, err := startReader(ctx, j.Outlet)
	if err != nil {
		return err
	}
	defer r.stop()
	j.Address, j.Reader = r.address, r.pid()
	return doInChild(ctx, job{Stopped: &j}, to)
}
