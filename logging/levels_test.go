package logging_test

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/logging"
)

func TestLevels(t *testing.T) {
	l, err := logging.ParseLevels(" warn , zfs=debug,zfs.cmd = ERROR,job=info+2")
	if err != nil {
		t.Fatal(err)
	}
	for subsystem, want := range map[string]slog.Level{
		"": slog.LevelWarn, "net": slog.LevelWarn, "zfsx": slog.LevelWarn, "zfs": slog.LevelDebug, "zfs.send": slog.LevelDebug,
		"zfs.cmd": slog.LevelError, "zfs.cmd.list": slog.LevelError, "job": slog.LevelInfo + 2, ".": slog.LevelWarn,
	} {
		if !l.Enabled(subsystem, want) || l.Enabled(subsystem, want-1) {
			t.Errorf("level of %q is not %v", subsystem, want)
		}
	}
	text := l.String()
	if text != "warn,job=info+2,zfs=debug,zfs.cmd=error" {
		t.Errorf("String: %s", text)
	}
	if again, err := logging.ParseLevels(text); err != nil || again.String() != text {
		t.Errorf("%q becomes %v, %v", text, again, err)
	}
	if l, err := logging.ParseLevels("zfs=debug"); err != nil || l.String() != "info,zfs=debug" {
		t.Errorf("%v, %v", l, err)
	}
}

func TestLevelOff(t *testing.T) {
	l, err := logging.ParseLevels("OFF, zfs=debug,zfs.cmd=off")
	if err != nil {
		t.Fatal(err)
	}
	v := logging.NewLevelVar(l)
	for subsystem, want := range map[string]bool{"": false, "net": false, "zfs": true, "zfs.send": true, "zfs.cmd": false, "zfs.cmd.list": false} {
		for _, enabled := range []bool{l.Enabled(subsystem, slog.LevelError+100), v.Enabled(subsystem, slog.LevelError+100)} {
			if enabled != want {
				t.Errorf("%q is enabled: %v", subsystem, enabled)
			}
		}
	}
	text, err := l.MarshalText()
	if err != nil || string(text) != "off,zfs=debug,zfs.cmd=off" {
		t.Errorf("MarshalText: %s, %v", text, err)
	}
	var again logging.Levels
	if err := again.UnmarshalText(text); err != nil || !reflect.DeepEqual(again, l) {
		t.Errorf("%s becomes %v, %v", text, again, err)
	}

	var b strings.Builder
	log := slog.New(logging.NewHandler(&b, logging.Options{Levels: logging.Levels{Default: logging.LevelOff}}))
	log.Error("nothing")
	if b.Len() > 0 {
		t.Errorf("written: %s", b.String())
	}
}

func TestTextErrors(t *testing.T) {
	levels := "want debug, info, warn, error or off"
	for _, c := range []struct{ text, want string }{
		{"", `unknown level "": ` + levels},
		{"loud", `unknown level "loud": ` + levels},
		{"off+1", `unknown level "off+1": ` + levels},
		{"info,zfs=loud", `unknown level "loud": ` + levels},
		{"info,warn", `two default levels in "info,warn": want one, and subsystem=level for the others`},
		{"=info", `no subsystem before the = in "=info"`},
	} {
		l := logging.Levels{Default: slog.LevelError}
		err := l.UnmarshalText([]byte(c.text))
		if err == nil || err.Error() != c.want || l.Default != slog.LevelError {
			t.Errorf("%q: %v, %v", c.text, err, l)
		}
	}
	var f logging.Format
	if err := f.UnmarshalText([]byte("xml")); err == nil || err.Error() != `unknown format "xml": want human, logfmt or json` {
		t.Error(err)
	}
	if err := f.UnmarshalText([]byte("JSON")); err != nil || f != logging.FormatJSON {
		t.Error(f, err)
	}
	if got := logging.Format(9).String(); got != "unknown(9)" {
		t.Error(got)
	}
}
