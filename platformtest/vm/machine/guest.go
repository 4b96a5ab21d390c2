package machine

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// The protocol between Run and the guest's init, over four virtio-serial ports.
//
//   - control, guest to host, a line each: "booted SECONDS" (user space runs), "started SECONDS" (ZFS is loaded and is
//     the right variant; the payload starts), "exit STATUS SECONDS", "failed REASON", "stopped". Seconds are since the
//     kernel's start.
//   - control, host to guest: "stop" (show blocked tasks, send the files), "bye" (end). End of file means bye.
//   - stdout, stderr: what the payload writes.
//   - files: /out as a tar stream.
//   - host, if there is a [RunOptions.Port]: whatever the payload and Port say to each other.
//
// Stdout, stderr and files end with a mark that the host chose for this run. The host says bye when it has seen all three, so
// nothing is lost that QEMU still holds when the guest resets.

//go:embed init.sh
var initScript []byte

// A report is one line of the control port.
type report struct {
	word   string
	status int           // of exit
	uptime time.Duration // of booted, started and exit
	text   string        // of failed
}

func parseReport(row string) (report, error) {
	bad := func() (report, error) { return report{}, fmt.Errorf("read the guest's report: %q", row) }
	word, rest, _ := strings.Cut(row, " ")
	r := report{word: word, text: rest}
	f := strings.Fields(rest)
	switch word {
	case "booted", "started":
	case "exit":
		if len(f) != 2 {
			return bad()
		}
		n, err := strconv.ParseUint(f[0], 10, 8)
		if err != nil {
			return bad()
		}
		r.status, f = int(n), f[1:]
	case "failed", "stopped":
		return r, nil
	default:
		return bad()
	}
	if len(f) != 1 {
		return bad()
	}
	seconds, err := strconv.ParseFloat(f[0], 64)
	if err != nil || !(seconds >= 0 && seconds <= 1e9) { // NaN is neither
		return bad()
	}
	r.uptime = time.Duration(math.Round(seconds*1000)) * time.Millisecond // /proc/uptime has two decimals
	return r, nil
}

// guestConfig is the file that init reads first, and command the script that it runs as the payload.
func guestConfig(opts RunOptions, mark string, shell bool) string {
	return shellVars([][2]string{{"variant", string(opts.Variant)}, {"symbol", taskqSymbol},
		{"symbol_wanted", flag(opts.Variant == TaskQ)}, {"end", mark}, {"shell", flag(shell)},
		{"disks", flag(len(opts.Disks) > 0)}, {"channel", flag(opts.Port != nil)}})
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// guestCommand is the script that becomes the payload.
func guestCommand(command, env []string) (string, error) {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, kv := range env {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || !isShellName(name) {
			return "", fmt.Errorf("set the payload's environment: %q is not NAME=value", kv)
		}
		fmt.Fprintf(&b, "export %s=%s\n", name, shellQuote(value))
	}
	b.WriteString("exec")
	for _, arg := range command {
		b.WriteString(" " + shellQuote(arg))
	}
	b.WriteString("\n")
	if strings.ContainsRune(b.String(), 0) {
		return "", fmt.Errorf("run %q: an argument or variable has a NUL byte", command)
	}
	return b.String(), nil
}

func shellVars(vars [][2]string) string {
	var b strings.Builder
	for _, kv := range vars {
		fmt.Fprintf(&b, "%s=%s\n", kv[0], shellQuote(kv[1]))
	}
	return b.String()
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func isShellName(s string) bool {
	for i, c := range s {
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', i > 0 && '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return s != ""
}

// markReader passes on what comes before the first mark in r, as soon as it comes, and then returns io.EOF. If r ends
// first it returns io.ErrUnexpectedEOF.
type markReader struct {
	r    io.Reader
	mark []byte
	buf  []byte // read, not yet passed on
	err  error  // of r, after buf
}

func newMarkReader(r io.Reader, mark string) *markReader {
	return &markReader{r: r, mark: []byte(mark)}
}

func (m *markReader) Read(p []byte) (int, error) {
	for {
		ready := len(m.buf)
		found := false
		if i := bytes.Index(m.buf, m.mark); i >= 0 {
			ready, found = i, true
		} else if m.err == nil {
			ready -= m.partial()
		}
		switch {
		case ready > 0 && len(p) > 0:
			n := copy(p, m.buf[:ready])
			m.buf = m.buf[n:]
			return n, nil
		case len(p) == 0:
			return 0, nil
		case found:
			return 0, io.EOF
		case m.err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case m.err != nil:
			return 0, m.err
		}
		chunk := make([]byte, 32<<10)
		n, err := m.r.Read(chunk)
		m.buf, m.err = append(m.buf, chunk[:n]...), err
	}
}

// partial returns how many bytes at the end of the buffer may be the start of the mark.
func (m *markReader) partial() int {
	for n := min(len(m.mark)-1, len(m.buf)); n > 0; n-- {
		if bytes.HasSuffix(m.buf, m.mark[:n]) {
			return n
		}
	}
	return 0
}
