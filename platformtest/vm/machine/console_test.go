package machine

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestConsoleDeath(t *testing.T) {
	const trace = "[    3.1] CPU: 0 PID: 1 Comm: init\r\n[    3.1] Call Trace:\r\n"
	for name, c := range map[string]struct{ console, want string }{
		"panic": {"[    3.1] Kernel panic - not syncing: sysrq triggered crash\r\n" + trace,
			"Kernel panic - not syncing: sysrq triggered crash"},
		"oops": {"[    3.0] BUG: kernel NULL pointer dereference, address: 0000000000000000\r\n" + trace +
			"[    3.2] Kernel panic - not syncing: Fatal exception\r\n",
			"BUG: kernel NULL pointer dereference, address: 0000000000000000 (Kernel panic - not syncing: Fatal exception)"},
		"assertion of ZFS": {"[    9.9] VERIFY3(0 == dmu_object_free()) failed (0 == 2)\n[    9.9] PANIC at dnode.c:1:f()\n" +
			"[    9.9] Kernel panic - not syncing: PANIC at dnode.c:1:f()\n",
			"VERIFY3(0 == dmu_object_free()) failed (0 == 2) (Kernel panic - not syncing: PANIC at dnode.c:1:f())"},
		"end in the middle of a line": {"[    3.1] Kernel panic - not sync", ""},
		"healthy":                     {"[    0.1] Linux version\r\n[    3.1] reboot: Restarting system\r\n", ""},
		"a fault alone kills nobody":  {"[    3.0] BUG: soft lockup\r\n", ""},
	} {
		var con console
		for _, b := range []byte(c.console) { // QEMU writes a character at a time
			con.Write([]byte{b})
		}
		if got := con.death(); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestConsoleTail(t *testing.T) {
	var out bytes.Buffer
	con := console{out: &out}
	text := strings.Repeat("line\r\n", 10_000) + "last\r\n\r\nunfinished"
	con.Write([]byte(text))
	if out.String() != text {
		t.Error("what was written was not passed on as it is")
	}
	if got := con.tail(); !strings.HasSuffix(got, "\nline\nlast\nunfinished") || len(got) > 2000 {
		t.Errorf("tail is %d bytes, %q", len(got), got)
	}
	con.Write(bytes.Repeat([]byte("x"), 1<<20)) // a line without end must not be kept whole
	if got := len(con.tail()); got > (consoleLines+1)*(maxConsoleLine+1) {
		t.Errorf("tail is %d bytes", got)
	}
}

func TestConsoleWriterFails(t *testing.T) {
	con := console{out: failingWriter{}}
	n, err := con.Write([]byte("Kernel panic - not syncing: x\n"))
	if n != 30 || err != nil || con.death() == "" {
		t.Errorf("Write returned %d, %v: a broken log must not stop the machine", n, err)
	}
	if con.writeError() == nil {
		t.Error("the error is lost")
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }
