package machine

import (
	"bufio"
	"io"
	"strings"
	"testing"
)

// TestBootPort: what is said through the channel arrives, in both directions and while the payload runs, and its end is seen on this host.
func TestBootPort(t *testing.T) {
	t.Parallel()
	const long = 64 << 10
	var heard string
	var zeros, left int64
	talk := func(port io.ReadWriteCloser) {
		in := bufio.NewReader(port)
		heard, _ = in.ReadString('\n')
		zeros, _ = io.Copy(io.Discard, io.LimitReader(in, long))
		io.WriteString(port, "and hello to you\n"+strings.Repeat("x", long)+"\n")
		left, _ = io.Copy(io.Discard, in)
	}
	stdout, stderr, r, err := boot(t, bootImage(t), RunOptions{Port: talk, Payload: script(`set -e
		exec 5<>/dev/host
		echo "hello from $(hostname)" >&5
		head -c 65536 /dev/zero >&5
		read -r answer <&5
		echo "$answer"
		read -r long <&5
		echo ${#long}
	`)})
	if err != nil || r.ExitCode != 0 || stderr != "" {
		t.Fatalf("%v, exit code %d, stderr %q", err, r.ExitCode, stderr)
	}
	if want := "and hello to you\n65536\n"; stdout != want {
		t.Errorf("the guest heard %q, want %q", stdout, want)
	}
	if heard != "hello from zfsvm\n" || zeros != long || left != 0 {
		t.Errorf("this host heard %q, %d bytes, and %d more", heard, zeros, left)
	}
}

// TestBootNoPort: without a channel, there is none in the guest.
func TestBootNoPort(t *testing.T) {
	t.Parallel()
	if stdout, _, r, err := boot(t, bootImage(t), RunOptions{Payload: script("ls /dev/host && exit 3; exit 4")}); err != nil || r.ExitCode != 4 {
		t.Errorf("%v, exit code %d, %q", err, r.ExitCode, stdout)
	}
}
