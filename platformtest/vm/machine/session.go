package machine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// The guest's ports, in the order of their file descriptors in QEMU.
var portNames = []string{"control", "stdout", "stderr", "files"}

const (
	hostPort    = "host" // comes after them, if there is a [RunOptions.Port]
	firstPortFD = 3      // after QEMU's standard ones
	// How long the guest may take to show who is blocked and to send its files, after a time-out.
	stopGrace = 10 * time.Second
	// How long it may take to reset when all is done. The verdict is known by then.
	byeGrace = 10 * time.Second
)

// A session is one running machine. Its goroutines read the ports; wait alone decides.
type session struct {
	opts      RunOptions
	start     time.Time // of the run
	impatient bool      // it may be started again if it doesn't boot

	qemu    *exec.Cmd
	stderr  bytes.Buffer // of QEMU
	console console
	ports   map[string]*os.File // our ends

	reports chan report    // from the control port; closed at its end
	streams chan streamEnd // one for each of stdout, stderr and files
	exited  chan error     // QEMU's end
	cut     chan string    // the line at which power is to be cut
	readers sync.WaitGroup // all goroutines that read ports
}

// streamEnd tells that a port was read to its mark, or why not.
type streamEnd struct {
	name string
	err  error
}

// startSession starts QEMU. The session must be waited for.
func startSession(ctx context.Context, img *Image, opts RunOptions, initrd, mark string) (*session, error) {
	s := &session{opts: opts, ports: map[string]*os.File{},
		reports: make(chan report, 16), streams: make(chan streamEnd, len(portNames)), exited: make(chan error, 1), cut: make(chan string, 1)}
	s.console.out = opts.Console
	h := hardware{opts.MemoryMiB, opts.CPUs, !opts.ForceTCG && useKVM("/sys")}
	args := append(h.args(img.Dir+"/"+kernelFile, initrd), "-serial", "stdio")
	args = append(args, diskArgs(opts.Disks)...)
	names := slices.Clone(portNames)
	if opts.Port != nil {
		names = append(names, hostPort)
	}
	s.qemu = exec.CommandContext(ctx, qemu, append(args, portArgs(firstPortFD, names)...)...)
	s.qemu.Stdout, s.qemu.Stderr = &s.console, &s.stderr
	ownGroup(s.qemu)

	var theirs []*os.File
	defer func() { closeAll(theirs) }()
	for _, name := range names {
		our, their, err := socketpair(name)
		if err != nil {
			s.closePorts()
			return nil, err
		}
		s.ports[name] = our
		theirs = append(theirs, their)
	}
	s.qemu.ExtraFiles = theirs
	if err := s.qemu.Start(); err != nil {
		s.closePorts()
		return nil, fmt.Errorf("start %s: %w", qemu, err)
	}
	go func() { s.exited <- s.qemu.Wait() }()
	s.readers.Go(s.readControl)
	out, errOut := sharedWriters(opts.Stdout, opts.Stderr)
	if opts.CutPower != nil {
		out = &lineWatcher{w: out, see: opts.CutPower, hit: func(line string) { s.cut <- line }}
	}
	s.readers.Go(func() { s.copyStream("stdout", out, mark) })
	s.readers.Go(func() { s.copyStream("stderr", errOut, mark) })
	s.readers.Go(func() { s.takeFiles(mark) })
	return s, nil
}

func (s *session) readControl() {
	defer close(s.reports)
	rows := bufio.NewScanner(s.ports["control"])
	for rows.Scan() {
		if r, err := parseReport(rows.Text()); err == nil {
			s.reports <- r
		} else {
			s.reports <- report{word: "failed", text: err.Error()}
		}
	}
}

func (s *session) copyStream(name string, w io.Writer, mark string) {
	_, err := io.Copy(w, newMarkReader(s.ports[name], mark))
	s.streams <- streamEnd{name, err}
}

func (s *session) takeFiles(mark string) {
	r := newMarkReader(s.ports["files"], mark)
	var err error
	if s.opts.OutDir != "" {
		err = unpackFiles(r, s.opts.OutDir, s.opts.MaxOut)
	}
	// The guest must be able to send all of it, even if it can't be kept.
	if _, discardErr := io.Copy(io.Discard, r); err == nil && discardErr != nil {
		err = discardErr
	}
	s.streams <- streamEnd{"files", err}
}

// verdict is what is known of a run.
type verdict struct {
	state    string // what the guest is doing
	result   Result
	exited   bool  // the payload's status is known
	ended    int   // streams that were read to their mark
	filesErr error // a FilesError or one of the host's disk
	err      error // ends the run
}

// wait follows the machine to its end.
func (s *session) wait(ctx context.Context) (Result, error) {
	defer s.end()
	v := verdict{state: "booting"}
	timeout := s.opts.expired
	if timeout == nil {
		timeout = time.After(s.opts.Timeout - time.Since(s.start))
	}
	var hung <-chan time.Time
	if s.impatient {
		hung = time.After(s.opts.patience)
	}
	var bye <-chan time.Time // set when all is done
	reports := s.reports
	for {
		select {
		case line := <-s.cut:
			return Result{}, s.powerCut(line)
		case <-ctx.Done():
			return Result{}, fmt.Errorf("run the virtual machine: while %s: %w", v.state, context.Cause(ctx))
		case <-timeout:
			s.stop(reports)
			return Result{}, &TimeoutError{s.opts.Timeout, v.state, s.console.tail()}
		case <-hung:
			return Result{}, errNoBoot
		case r, ok := <-reports:
			if !ok {
				reports = nil
				continue
			}
			s.apply(&v, r)
			hung = nil
		case e := <-s.streams:
			s.applyStream(&v, e)
		case <-bye:
			return s.done(&v)
		case err := <-s.exited:
			s.exited <- err // for end
			return s.final(&v, reports, err)
		}
		if v.err != nil {
			return Result{}, v.err
		}
		if bye == nil && v.exited && v.ended == len(portNames)-1 {
			v.result.Total = time.Since(s.start)
			s.order("bye")
			bye = time.After(byeGrace)
		}
	}
}

// powerCut kills the machine as it is.
func (s *session) powerCut(line string) error {
	after := time.Since(s.start)
	s.kill()
	return &PowerCutError{line, after}
}

// apply takes in a report of the guest.
func (s *session) apply(v *verdict, r report) {
	switch r.word {
	case "booted":
		if s.opts.Port != nil && v.result.Booted == 0 {
			s.readers.Go(func() { s.opts.Port(s.ports[hostPort]) })
		}
		v.state, v.result.Booted = "loading ZFS", r.uptime
	case "started":
		v.state, v.result.Started = "running the payload", r.uptime
	case "exit":
		v.state, v.exited = "sending its output", true
		v.result.ExitCode, v.result.Payload = r.status, r.uptime-v.result.Started
	case "failed":
		v.err = &GuestError{s.opts.Variant, r.text, s.console.tail()}
	}
}

// applyStream takes in the end of a stream. A stream that just breaks off is left to the end of QEMU, which explains it.
func (s *session) applyStream(v *verdict, e streamEnd) {
	switch {
	case e.err == nil:
		v.ended++
	case errors.Is(e.err, io.ErrUnexpectedEOF):
	case e.name == "files":
		v.ended++
		v.filesErr = e.err
	default:
		v.err = fmt.Errorf("pass on the payload's %s: %w", e.name, e.err)
	}
}

// final decides when QEMU has ended: all that it had to say is in the sockets.
func (s *session) final(v *verdict, reports chan report, qemuErr error) (Result, error) {
	if reports != nil {
		for r := range reports {
			s.apply(v, r)
		}
	}
	s.readers.Wait()
	for range len(s.streams) {
		s.applyStream(v, <-s.streams)
	}
	if reason := s.console.death(); reason != "" {
		return Result{}, &PanicError{reason, s.console.tail()}
	}
	if v.err != nil {
		return Result{}, v.err
	}
	if !v.exited || v.ended < len(portNames)-1 {
		return Result{}, &NoVerdictError{v.state, string(bytes.TrimSpace(s.stderr.Bytes())), qemuErr, s.console.tail()}
	}
	if v.result.Total == 0 {
		v.result.Total = time.Since(s.start)
	}
	return s.done(v)
}

// done returns what a run that came to its end returns.
func (s *session) done(v *verdict) (Result, error) {
	select {
	case line := <-s.cut: // it was the last that the payload wrote
		return Result{}, s.powerCut(line)
	default:
	}
	return v.result, errors.Join(v.filesErr, s.console.writeError())
}

// order sends a word to the guest's init. It can't block: the socket has room for it.
func (s *session) order(word string) {
	_, _ = io.WriteString(s.ports["control"], word+"\n") // a guest that is gone is noticed by QEMU's end
}

// stop has the guest print the stacks of blocked tasks and send its files, as far as it still can.
func (s *session) stop(reports chan report) {
	grace := time.After(stopGrace)
	s.order("stop")
	stopped := reports == nil
	for files := false; !stopped || !files; {
		select {
		case r, ok := <-reports:
			if !ok {
				reports = nil
			}
			stopped = stopped || !ok || r.word == "stopped"
		case e := <-s.streams:
			files = files || e.name == "files"
		case err := <-s.exited:
			s.exited <- err
			return
		case <-grace:
			return
		}
	}
}

// end kills what is left of QEMU and waits for all goroutines.
func (s *session) end() {
	s.kill()
	s.closePorts()
	drained := make(chan struct{})
	go func() { // a full channel must not hold up the reader of the control port
		for range s.reports {
		}
		close(drained)
	}()
	s.readers.Wait()
	<-drained
}

// kill ends QEMU if it still runs. When it returns QEMU is gone, and its disks are as it left them.
func (s *session) kill() {
	select {
	case err := <-s.exited:
		s.exited <- err
	default:
		_ = s.qemu.Cancel()
		s.exited <- <-s.exited
	}
}

func (s *session) closePorts() {
	for _, f := range s.ports {
		f.Close()
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// socketpair returns two connected stream sockets: ours, which the runtime can wait for, and one for a child.
func socketpair(name string) (our, their *os.File, err error) {
	syscall.ForkLock.RLock() // no child may inherit them by chance
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		err = syscall.SetNonblock(fds[0], true)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make the machine's port %s: %w", name, err)
	}
	return os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name), nil
}

// sharedWriters makes two writers safe to be used by two goroutines even if they are the same, or share a target.
func sharedWriters(a, b io.Writer) (io.Writer, io.Writer) {
	var mu sync.Mutex
	wrap := func(w io.Writer) io.Writer {
		if w == nil {
			return io.Discard
		}
		return &lockedWriter{mu: &mu, w: w}
	}
	return wrap(a), wrap(b)
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
