package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const dataSize = 16 << 20 // far more than pipes and sockets hold

// A lab is a pool with snapshots, one for each case, so that what hangs in one doesn't disturb another.
type lab struct {
	log      io.Writer
	pool     string
	dir      string
	patience time.Duration
	start    time.Time
	stuck    int // processes that nothing ended
}

// reproduce runs the cases. What they show is no error, whatever it is.
func reproduce(log io.Writer, cases []Case, pool, dir string, patience time.Duration) (report Report, err error) {
	if os.Geteuid() != 0 {
		return report, errors.New("making a pool and reading kernel stacks need root")
	}
	l := &lab{log: log, pool: pool, patience: patience, start: time.Now()}
	if report, err = l.describe(); err != nil {
		return report, err
	}
	if l.dir, err = os.MkdirTemp(dir, "openzfs12500-"); err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, l.cleanUp()) }()
	if err := l.prepare(cases); err != nil {
		return report, err
	}
	for _, c := range cases {
		for range max(1, c.Times) {
			r, err := l.run(c)
			if err != nil {
				return report, fmt.Errorf("case %s: %w", c.Name, err)
			}
			report.Results = append(report.Results, r)
		}
	}
	return report, nil
}

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(l.log, "[%8.3f] %s\n", time.Since(l.start).Seconds(), strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

// describe says what it runs on.
func (l *lab) describe() (Report, error) {
	report := Report{Date: time.Now().UTC().Format(time.DateOnly), Patience: l.patience.Seconds()}
	version, err := exec.Command("zfs", "version").Output()
	if err != nil {
		return report, fmt.Errorf("zfs version: %w", err)
	}
	for line := range strings.Lines(string(version)) {
		line = strings.TrimSpace(line)
		if module, ok := strings.CutPrefix(line, "zfs-kmod-"); ok {
			report.Module = module
		} else if zfs, ok := strings.CutPrefix(line, "zfs-"); ok {
			report.ZFS = zfs
		}
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return report, err
	}
	report.Kernel = unix.ByteSliceToString(name.Release[:]) + " " + unix.ByteSliceToString(name.Machine[:])
	if report.TaskQ, err = hasTaskQ(); err != nil {
		return report, err
	}
	how := "directly"
	if report.TaskQ {
		how = "through a taskq"
	}
	l.say("OpenZFS %s, module %s, Linux %s; zfs send writes %s", report.ZFS, report.Module, report.Kernel, how)
	return report, nil
}

// prepare makes the pool, with data that doesn't compress.
func (l *lab) prepare(cases []Case) error {
	image := filepath.Join(l.dir, "pool")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(image, 320<<20); err != nil {
		return err
	}
	mount := filepath.Join(l.dir, "mnt")
	if err := tool("zpool", "create", "-O", "mountpoint="+mount, "-O", "compression=off", "-O", "atime=off", l.pool, image); err != nil {
		return err
	}
	if err := tool("zfs", "create", l.pool+"/a"); err != nil {
		return err
	}
	random, err := os.Open("/dev/urandom")
	if err != nil {
		return err
	}
	defer random.Close()
	f, err := os.Create(filepath.Join(mount, "a", "file"))
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, random, dataSize)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, c := range cases {
		if err := tool("zfs", "snapshot", l.snapshot(c)); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) snapshot(c Case) string { return l.pool + "/a@" + c.Name }

// cleanUp destroys the pool, unless a process that nothing ends is in the way.
func (l *lab) cleanUp() error {
	if l.stuck > 0 {
		l.say("%d processes are still there, so the pool %s and %s stay; only a reboot removes them", l.stuck, l.pool, l.dir)
		return nil
	}
	if err := tool("zpool", "list", l.pool); err != nil {
		return os.RemoveAll(l.dir) // it was never made
	}
	if err := tool("zpool", "destroy", l.pool); err != nil {
		return err
	}
	return os.RemoveAll(l.dir)
}

// tool runs a command whose output matters only if it fails.
func tool(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %q: %w\n%s", name, args, err, out)
	}
	return nil
}

func (l *lab) run(c Case) (Result, error) {
	fmt.Fprintln(l.log)
	l.say("CASE %s: %s", c.Name, c.Title)
	s, err := l.begin(c)
	if err != nil {
		return Result{}, err
	}
	r := Result{Case: c.Name, Command: s.cmd.Args, Output: c.Output}
	if r.Output == "" {
		r.Output = "pipe"
	}
	if s.ours != nil {
		if r.Blocked, err = s.awaitBlocked(); err != nil {
			return r, err
		}
		l.say("pid %d is blocked:\n%s", s.cmd.Process.Pid, r.Blocked)
	}
	for _, step := range c.Steps {
		if s.ended() && step.Action != others {
			continue
		}
		sr, err := l.do(s, c, step)
		if err != nil {
			return r, err
		}
		r.Steps = append(r.Steps, sr)
	}
	if s.drained != nil && s.ended() {
		r.Notes = append(r.Notes, fmt.Sprintf("%d bytes were read", <-s.drained))
	}
	if c.Receive {
		r.Notes = append(r.Notes, l.token())
	}
	return r, l.finish(s, &r)
}

// begin starts the process. Its ends of pipe and socket are inherited by nobody else, unless the case wants that.
func (l *lab) begin(c Case) (*subject, error) {
	args := append(append([]string{"send"}, c.Options...), l.snapshot(c))
	if c.Receive {
		args = []string{"receive", "-s", "-u", l.pool + "/r"}
	}
	s := &subject{cmd: exec.Command("zfs", args...), ioctl: "dmu_send_impl", done: make(chan struct{}), known: map[int]bool{}}
	if c.Receive {
		s.ioctl = "zfs_ioc_recv"
	}
	for _, t := range writers() {
		s.known[t.ID] = true
	}
	var theirs *os.File
	var err error
	switch c.Output {
	case "":
		if s.ours, theirs, err = blockingPipe(); c.Receive {
			s.ours, theirs = theirs, s.ours
		}
	case "socket":
		s.ours, theirs, err = socketPair()
	case "file":
		theirs, err = os.Create(filepath.Join(l.dir, "output"))
	case "null":
		theirs, err = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	}
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if s.stderr, err = os.Create(filepath.Join(l.dir, "stderr")); err != nil {
		return nil, err
	}
	s.cmd.Stdout, s.cmd.Stderr = theirs, s.stderr
	if c.Receive {
		s.cmd.Stdin, s.cmd.Stdout = theirs, nil
	}
	if c.Holder {
		s.holder = exec.Command("sleep", "86400")
		s.holder.ExtraFiles = []*os.File{s.ours}
		if err := s.holder.Start(); err != nil {
			return nil, err
		}
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.cmd.Wait() // how it ended says ProcessState
		close(s.done)
	}()
	if c.Receive {
		err = l.feed(s, c)
	}
	return s, err
}

// feed writes the first MiB of a stream to a zfs receive.
func (l *lab) feed(s *subject, c Case) error {
	send := exec.Command("zfs", "send", l.snapshot(c))
	out, err := send.StdoutPipe()
	if err != nil {
		return err
	}
	if err := send.Start(); err != nil {
		return err
	}
	_, err = io.CopyN(s.ours, out, 1<<20)
	out.Close() // ends it; its failure then is no news
	send.Process.Kill()
	send.Wait()
	return err
}

// do does one step, and waits for the end of the process if that is part of it.
func (l *lab) do(s *subject, c Case, step Step) (StepResult, error) {
	sr := StepResult{Action: step.Action}
	start := time.Now()
	if step.Action != others {
		l.say("%s", step.Action)
	}
	var err error
	switch step.Action {
	case kill:
		err = s.signal(unix.SIGKILL)
	case term:
		err = s.signal(unix.SIGTERM)
	case stop:
		err = s.signal(unix.SIGSTOP)
		s.awaitStopped()
		sr.Process = inspect(s.cmd.Process.Pid, s.known)
		l.say("it is now:\n%s", sr.Process)
	case cont:
		err = s.signal(unix.SIGCONT)
	case closing:
		err = s.close()
	case drain:
		s.drained = make(chan int64, 1)
		go func(f *os.File) { // ends with the process
			n, _ := io.Copy(io.Discard, f)
			s.drained <- n
		}(s.ours)
	case release:
		err = s.release()
	case rescue:
		s.rescue()
	case others:
		sr.Commands = l.others(c)
	}
	if err != nil || !step.Wait {
		return sr, err
	}
	select {
	case <-s.done:
		sr.Ended, sr.Seconds = true, time.Since(start).Round(time.Millisecond).Seconds()
		l.say("it ended %.3f s later: %s", sr.Seconds, ending(s.cmd.ProcessState))
	case <-time.After(l.patience):
		sr.Hangs, sr.Process = true, inspect(s.cmd.Process.Pid, s.known)
		l.say("IT IS STILL THERE %v later:\n%s", l.patience, sr.Process)
	}
	return sr, nil
}

// others runs other commands on the same dataset, and on the snapshot that is being sent.
func (l *lab) others(c Case) []Other {
	a := l.pool + "/a"
	var list []Other
	for _, args := range [][]string{
		{"zfs", "list", "-r", l.pool},
		{"zfs", "snapshot", a + "@meanwhile"},
		{"zfs", "hold", "tag", l.snapshot(c)},
		{"zfs", "release", "tag", l.snapshot(c)},
		{"zfs", "set", "atime=on", a},
		{"zfs", "destroy", a + "@meanwhile"},
		{"zfs", "rename", a, a + "2"},
		{"zfs", "rename", a + "2", a},
		{"zfs", "destroy", l.snapshot(c)},
		{"zpool", "sync", l.pool},
		{"zpool", "export", l.pool},
	} {
		o := Other{Command: strings.Join(args, " "), Result: l.other(args)}
		l.say("meanwhile: %s: %s", o.Command, o.Result)
		list = append(list, o)
		if args[1] == "export" && o.Result == "ok" {
			if err := tool("zpool", "import", "-d", l.dir, l.pool); err != nil {
				l.say("%v", err)
			}
		}
	}
	return list
}

func (l *lab) other(args []string) string {
	cmd := exec.Command(args[0], args[1:]...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	done := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		return err.Error()
	}
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err == nil {
			return "ok"
		}
		return strings.Join(strings.Fields(stderr.String()), " ")
	case <-time.After(2 * l.patience):
		cmd.Process.Kill()
		return "hangs"
	}
}

// token says whether the interrupted receive can be resumed.
func (l *lab) token() string {
	out, err := exec.Command("zfs", "get", "-Hpo", "value", "receive_resume_token", l.pool+"/r").Output()
	switch {
	case err != nil:
		return "no dataset is left"
	case strings.TrimSpace(string(out)) == "-":
		return "no resume token is left"
	}
	return "a resume token is left"
}

// finish ends what is left of a case, if it can be ended at all.
func (l *lab) finish(s *subject, r *Result) error {
	err := errors.Join(s.close(), s.release())
	s.cmd.Process.Kill()
	select {
	case <-s.done:
		r.Ended = ending(s.cmd.ProcessState)
	case <-time.After(l.patience):
		l.stuck++
		l.say("NOTHING ENDS IT")
	}
	text, readErr := os.ReadFile(s.stderr.Name())
	r.Stderr = strings.ReplaceAll(strings.TrimSpace(string(text)), l.pool+"/", "tank/")
	if r.Stderr != "" {
		l.say("its stderr: %s", r.Stderr)
	}
	return errors.Join(err, readErr, s.stderr.Close())
}
