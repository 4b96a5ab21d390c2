package journald_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/journald"
	"github.com/spanstack/spanstack/trace"
)

// listen opens a socket as the journal has one.
func listen(t testing.TB) (net.PacketConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	conn, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, path
}

func open(t testing.TB, c journald.Config) (context.Context, *logging.Handler) {
	t.Helper()
	h, err := journald.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return logging.WithHandler(context.Background(), h), h
}

type field struct{ name, value string }

// read reads a message and parses it by the Journal Native Protocol.
func read(t testing.TB, conn net.PacketConn) (fields []field) {
	t.Helper()
	b := make([]byte, 1<<20)
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, _, err := conn.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	if fields, err = parse(b[:n]); err != nil {
		t.Fatalf("%v in %q", err, b[:n])
	}
	return fields
}

func parse(b []byte) (fields []field, err error) {
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte{'\n'})
		if !ok {
			return nil, fmt.Errorf("no line feed behind %q", b)
		}
		name, value, short := bytes.Cut(line, []byte{'='})
		if !short {
			if len(rest) < 8 || uint64(len(rest)-8) < binary.LittleEndian.Uint64(rest)+1 {
				return nil, fmt.Errorf("the value of %q is cut off", line)
			}
			size := binary.LittleEndian.Uint64(rest)
			value, rest = rest[8:8+size], rest[8+size:]
			if rest[0] != '\n' {
				return nil, fmt.Errorf("no line feed behind the value of %q", line)
			}
			rest = rest[1:]
		}
		for i, c := range name {
			if (c < 'A' || c > 'Z') && (i == 0 || c != '_' && (c < '0' || c > '9')) || i > 63 {
				return nil, fmt.Errorf("a field %q", name)
			}
		}
		fields = append(fields, field{string(name), string(value)})
		b = rest
	}
	return fields, nil
}

func TestFields(t *testing.T) {
	conn, path := listen(t)
	ctx, _ := open(t, journald.Config{Socket: path, App: "zferry"})
	ctx = trace.WithRecorder(ctx, trace.NewRecorder(trace.Config{}))
	ctx, task := trace.WithTask(ctx, "replicate")
	task.End()
	before := time.Now()
	logging.GetLogger(ctx, "zfs").Warn("sent\nsnapshot", "bytes", 4096, "my key", "a \x00\\\n", "MESSAGE", "x", slog.Group("g", "d", time.Second))
	fields := read(t, conn)
	at, err := time.Parse(time.RFC3339Nano, fields[3].value)
	if err != nil || at.Before(before.Truncate(0)) || at.After(time.Now()) {
		t.Errorf("the time is %v, %v", fields[3], err)
	}
	fields[3].value = ""
	want := []field{{"MESSAGE", "sent\nsnapshot"}, {"PRIORITY", "4"}, {"SYSLOG_IDENTIFIER", "zferry"}, {"TIME", ""}, {"SUBSYSTEM", "zfs"},
		{"TRACE", task.Stack()}, {"SPAN_ENDED", "true"}, {"BYTES", "4096"}, {"ATTR", "my\\x20key=a \x00\\\n"}, {"ATTR", "MESSAGE=x"}, {"G_D", "1s"}}
	if fmt.Sprint(fields) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", fields, want)
	}
}

func TestTooManyAttributes(t *testing.T) {
	conn, path := listen(t)
	ctx, _ := open(t, journald.Config{Socket: path})
	var args []any
	for i := range 10 {
		args = append(args, fmt.Sprint("k", i), strings.Repeat("x", logging.MaxValue))
	}
	logging.GetLogger(ctx, "zfs").Info("much", args...)
	fields := read(t, conn)
	if last := fields[len(fields)-1]; last != (field{"ATTRS_DROPPED", "6"}) {
		t.Errorf("%d fields, at the end %+v", len(fields), last)
	}
}

func FuzzFields(f *testing.F) {
	f.Add("zfs", "message", "key", "value", []byte{0, 10, 255})
	f.Add("", "MESSAGE=\nPRIORITY=0\n", "a\nb=", "\\n\\0\\", []byte("\\"))
	f.Add("\n", "", "", "", []byte("\n"))
	f.Add("a", "b", "_KEY", "c", []byte(strings.Repeat("\n", 20)))
	f.Add("a", "b", strings.Repeat("k", 65), "c", []byte(strings.Repeat("=", 300)))
	conn, path := listen(f)
	ctx, _ := open(f, journald.Config{Socket: path})
	f.Fuzz(func(t *testing.T, subsystem, text, key, value string, any []byte) {
		for _, s := range []*string{&subsystem, &text, &key, &value} {
			*s = (*s)[:min(len(*s), 4<<10)] // what is longer is cut by other rules
		}
		any = any[:min(len(any), 4<<10)]
		logging.GetLogger(ctx, subsystem).Info(text, key, value, "any", any, "err", errors.New(value))
		fields := read(t, conn)
		has := func(name, value string) {
			t.Helper()
			for _, f := range fields {
				if f.name == name && f.value == value {
					return
				}
			}
			t.Errorf("no %s=%q in %q", name, value, fields)
		}
		has("MESSAGE", text)
		if subsystem != "" {
			has("SUBSYSTEM", subsystem)
		}
		if key != "any" && key != "err" {
			has("ANY", string(any))
			has("ERR", value)
			found := false
			for _, f := range fields {
				found = found || f.value == value && strings.EqualFold(f.name, strings.ReplaceAll(key, ".", "_")) || f.name == "ATTR" && strings.HasSuffix(f.value, "="+value)
			}
			if !found {
				t.Errorf("no %q=%q in %q", key, value, fields)
			}
		}
	})
}
