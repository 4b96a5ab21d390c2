package zfstest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
)

// Scripts holds what the fake does for each subcommand, or for longer beginnings of a command line, such as
// "list -Hp -t snapshot": the longest one counts. It fails on those that aren't in it.
type Scripts map[string][]Action

func (s Scripts) find(line string) (script []Action, ok bool) {
	longest := -1
	for beginning, actions := range s {
		if strings.HasPrefix(line, beginning) && len(beginning) > longest {
			script, longest = actions, len(beginning)
		}
	}
	return script, longest >= 0
}

// Action is one thing that the fake does. The last one is followed by exit 0.
type Action struct {
	Do   string
	N    int64  `json:",omitempty"`
	Text string `json:",omitempty"`
}

// Write writes n bytes of Pattern to stdout.
func Write(n int64) Action { return Action{Do: "write", N: n} }

// Cat writes a file to stdout, in pieces as zfs send does: a record's header, and then blocks.
func Cat(name string) Action { return Action{Do: "cat", Text: name} }

// CatByChild lets a child of the fake's write a file to stdout, as a kernel thread does for zfs send where it writes from a taskq.
func CatByChild(name string) Action { return Action{Do: "catbychild", Text: name} }

// Print writes text to stdout.
func Print(text string) Action { return Action{Do: "print", Text: text} }

// Stderr writes text to stderr.
func Stderr(text string) Action { return Action{Do: "stderr", Text: text} }

// Flood writes n numbered lines to stderr.
func Flood(n int64) Action { return Action{Do: "flood", N: n} }

// Block does nothing until a signal ends the process.
func Block() Action { return Action{Do: "block"} }

// AwaitFile waits until there is a file of that name, or its directory is gone, as when the test has ended.
func AwaitFile(name string) Action { return Action{Do: "await", Text: name} }

// Exit exits.
func Exit(code int64) Action { return Action{Do: "exit", N: code} }

// Signal sends a signal to the process itself.
func Signal(s syscall.Signal) Action { return Action{Do: "signal", N: int64(s)} }

// IgnoreSIGPIPE makes writing to a closed pipe an error, which the fake reports as zfs does: "signal received".
func IgnoreSIGPIPE() Action { return Action{Do: "ignore"} }

// CloseStdout closes stdout.
func CloseStdout() Action { return Action{Do: "closestdout"} }

// CloseStdin closes stdin.
func CloseStdin() Action { return Action{Do: "closestdin"} }

// Read reads n bytes from stdin.
func Read(n int64) Action { return Action{Do: "read", N: n} }

// Save reads stdin to its end and then, and only then, writes it to a file.
func Save(name string) Action { return Action{Do: "save", Text: name} }

// Touch makes an empty file, for the test to see that the fake has come so far.
func Touch(name string) Action { return Action{Do: "touch", Text: name} }

// Grandchild starts a daemon that holds stderr until there is a file of that name: see AwaitFile. It is an orphan at once,
// in a session of its own, so that who looks for the fake's children doesn't find it.
func Grandchild(name string) Action { return Action{Do: "grandchild", Text: name} }

// Fake returns the command line of a fake zfs, for zfssend.Client.Command: one word.
func Fake(scripts Scripts) []string {
	text, err := json.Marshal(scripts)
	if err != nil {
		panic(err) // it holds nothing but strings and numbers
	}
	command, err := standIn(fakeFile, string(text))
	if err != nil {
		panic(err) // a test can't go on
	}
	return command
}

// Main runs the tests, or the fake or model in a process that is to be one. It doesn't return.
func Main(m *testing.M) {
	StandIn()
	os.Exit(Wrap(m).Run())
}

// StandIn runs the fake or model in a process that is to be one, and doesn't return then. It is for those who can't use Main:
// first in their TestMain, which then runs the tests by [Wrap].
func StandIn() {
	switch file, text := role(); file {
	case fakeFile:
		os.Exit(runFake(text, strings.Join(os.Args[1:], " ")))
	case modelFile:
		os.Exit(zfsmodel.Run(text, os.Args[1:]))
	}
}

// Wrap returns what runs the tests and removes the stand-ins afterwards.
func Wrap(m interface{ Run() int }) interface{ Run() int } { return withStandIns{m} }

type withStandIns struct{ m interface{ Run() int } }

func (w withStandIns) Run() int {
	// The fake is as this test binary is, and one built with -race takes a second to exit unless told otherwise.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	code := w.m.Run()
	if dir := os.Getenv(standInsVariable); dir != "" {
		os.RemoveAll(dir)
	}
	return code
}

func runFake(text, line string) int {
	var scripts Scripts
	if err := json.Unmarshal([]byte(text), &scripts); err != nil {
		return fail(err)
	}
	script, ok := scripts.find(line)
	if !ok {
		return fail(fmt.Errorf("no script for %q", line))
	}
	for _, a := range script {
		if a.Do == "exit" {
			return int(a.N)
		}
		if err := a.run(); err != nil {
			return fail(err)
		}
	}
	return 0
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "fake zfs:", err)
	return 99
}

func (a Action) run() error {
	switch a.Do {
	case "write":
		_, err := io.Copy(os.Stdout, io.LimitReader(&Pattern{}, a.N))
		if err != nil {
			return fmt.Errorf("signal received (%v)", err)
		}
	case "cat":
		data, err := os.ReadFile(a.Text)
		for piece := 312; err == nil && len(data) > 0; piece = 128 << 10 {
			piece = min(piece, len(data))
			_, err = os.Stdout.Write(data[:piece])
			data = data[piece:]
		}
		return err
	case "catbychild":
		child := another(Cat(a.Text))
		child.Stdout = os.Stdout
		return child.Run()
	case "print":
		_, err := os.Stdout.WriteString(a.Text)
		return err
	case "stderr":
		_, err := os.Stderr.WriteString(a.Text)
		return err
	case "flood":
		for i := range a.N {
			fmt.Fprintf(os.Stderr, "line %d\n", i)
		}
	case "block":
		for {
			time.Sleep(time.Hour)
		}
	case "await":
		for !exists(a.Text) && exists(filepath.Dir(a.Text)) {
			time.Sleep(time.Millisecond)
		}
	case "signal":
		if err := syscall.Kill(os.Getpid(), syscall.Signal(a.N)); err != nil {
			return err
		}
		return Block().run()
	case "ignore":
		signal.Ignore(syscall.SIGPIPE)
	case "closestdout":
		return os.Stdout.Close()
	case "closestdin":
		return os.Stdin.Close()
	case "read":
		_, err := io.CopyN(io.Discard, os.Stdin, a.N)
		return err
	case "save":
		data, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return os.WriteFile(a.Text, data, 0o600)
	case "touch":
		return os.WriteFile(a.Text, nil, 0o600)
	case "grandchild":
		return another(Action{Do: "fork", Text: a.Text}).Run()
	case "fork":
		daemon := another(AwaitFile(a.Text))
		daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return daemon.Start()
	default:
		return fmt.Errorf("unknown action %q", a.Do)
	}
	return nil
}

// another returns a process that does one thing and shares stderr.
func another(a Action) *exec.Cmd {
	command := append(Fake(Scripts{"do": {a}}), "do")
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	return cmd
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// Pattern is an endless reader of bytes that depend on their position with a period of 251, a prime: whatever is lost,
// doubled or swapped shows.
type Pattern struct{ pos int64 }

// Read never fails.
func (p *Pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte((p.pos + int64(i)) % 251)
	}
	p.pos += int64(len(b))
	return len(b), nil
}
