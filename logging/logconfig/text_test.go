package logconfig_test

import (
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logconfig"
	"github.com/spanstack/spanstack/logging/otlp"
	"github.com/spanstack/spanstack/logging/syslog"
)

func TestParseOutlet(t *testing.T) {
	for text, want := range map[string]logconfig.Outlet{
		"stderr":                      {To: logconfig.Stderr{}},
		"stdout,format=json,name=out": {To: logconfig.Stdout{Format: new(logging.FormatJSON)}, Name: "out"},
		"file:/var/log/zferry.log,format=json,level=debug,max_size=100MB,keep=7": {
			To:     logconfig.File{Path: "/var/log/zferry.log", Format: new(logging.FormatJSON), MaxSize: 100 * logconfig.MB, Keep: 7},
			Levels: &logging.Levels{Default: slog.LevelDebug},
		},
		`file:/a\,b\\c=d:e,every=24h,compress,sighup=true,mode=0640,collapse=1.5s,queue_size=1 MiB`: {
			To:       logconfig.File{Path: `/a,b\c=d:e`, Every: 24 * time.Hour, Compress: true, SIGHUP: true, Mode: 0o640},
			Collapse: new(1500 * time.Millisecond), QueueSize: logconfig.MiB,
		},
		"file,path=x,compress=false": {To: logconfig.File{Path: "x"}},
		"syslog":                     {To: logconfig.Syslog{}},
		"syslog:/run/log":            {To: logconfig.Syslog{Address: "/run/log"}},
		"syslog:tls://logs.example:6514,facility=local3": {To: logconfig.Syslog{Address: "tls://logs.example:6514", Facility: syslog.Local3}},
		`journald,level=off\,zfs=debug`: {
			To:     logconfig.Journald{},
			Levels: &logging.Levels{Default: logging.LevelOff, Subsystems: map[string]slog.Level{"zfs": slog.LevelDebug}},
		},
		`otlp:https://c.example,protocol=grpc,headers=a=b\,c=d,compress`: {
			To: logconfig.OTLP{Endpoint: "https://c.example", Protocol: otlp.GRPC, Headers: "a=b,c=d", Compress: true}},
		"journald:/run/x,stack=full": {To: logconfig.Journald{Socket: "/run/x"}, Stack: new(logging.StackFull)},
	} {
		if got, err := logconfig.ParseOutlet(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestWrongOutlets(t *testing.T) {
	const kinds = "want stderr, stdout, file, syslog, journald or otlp"
	for text, want := range map[string]string{
		"":                              `unknown type "" of an outlet: ` + kinds,
		"File:/x":                       `unknown type "File" of an outlet: ` + kinds,
		"/var/log/x":                    `unknown type "/var/log/x" of an outlet: ` + kinds,
		"stderr:":                       "stderr is followed by a comma and fields, not by a colon",
		"file":                          "path: there is none",
		"file:":                         "path: there is none",
		"file:-":                        `path: "-" is no file: there are outlets of the types stderr and stdout`,
		"otlp:localhost:4318":           `endpoint: "localhost:4318": want a URL, http://HOST:PORT or https://HOST:PORT`,
		"otlp:http://a/x,protocol=grpc": `endpoint: "http://a/x": there is no path with gRPC`,
		"otlp,protocol=udp":             `protocol: unknown OTLP protocol "udp": want http or grpc`,
		"otlp,headers=secret":           "headers: number 1 is no header: want NAME=VALUE",
		"otlp:http://a,ca=/x,key=/y":    "ca: only an endpoint with https:// has certificates\nkey: only an endpoint with https:// has certificates\ncert: there is none for the key",
		"file:/x,path=/y":               "path: it is given twice",
		"file:/x,keep":                  "keep: it has no value",
		"file:/x,":                      `there is no such field: file has path, format, mode, max_size, every, keep, compress, sighup, name, level, stack, collapse and queue_size; a comma in a value is written \,`,
		"stderr,level=off,zfs=1":        `zfs: there is no such field: stderr has format, name, level, stack, collapse and queue_size; a comma in a value is written \,`,
		`file:C:\x`:                     `a backslash in "file:C:\\x" is neither before a comma nor before a backslash: write \\`,
		`file:x\`:                       `a backslash in "file:x\\" is neither before a comma nor before a backslash: write \\`,
		"file:/x,max_size=10 XB,keep=x": `max_size: "10 XB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB
keep: "x" is no whole number`,
		"file:/x,max_size=9223372036854775807kB": `max_size: "9223372036854775807kB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB`,
		"file:/x,compress=yes":                   `compress: "yes" is neither true nor false`,
		"syslog:udp://":                          `address: "udp://": no address: udp needs host:port`,
		"syslog:tcp://[::1":                      `address: "tcp://[::1": want udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, or the path of a socket`,
		"syslog:logs.example:514":                `address: "logs.example:514": want udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, or the path of a socket`,
		"stdout,name=a\x1b":                      `name: "a\x1b" has characters that can't be printed`,
		"stdout,na\x1bme=a":                      `na\x1bme: there is no such field: stdout has format, name, level, stack, collapse and queue_size; a comma in a value is written \,`,
	} {
		got, err := logconfig.ParseOutlet(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", text, err, want)
		}
		if got.To != nil {
			t.Errorf("%s: an error, but %+v", text, got)
		}
	}
}

// TestWrongValues are those that only a program can set.
func TestWrongValues(t *testing.T) {
	c := logconfig.Config{
		Levels: logging.Levels{Subsystems: map[string]slog.Level{"a,b": 0}}, Format: 9, Stack: 9, Collapse: -1, FlushTimeout: -time.Second,
		Outlets: []logconfig.Outlet{
			{},
			{To: &logconfig.File{Path: "x"}},
			{To: logconfig.File{Path: "x", Mode: 0o7777, MaxSize: -1, Keep: -1, Every: -1}, QueueSize: -5, Levels: &logging.Levels{Subsystems: map[string]slog.Level{" a": 0}}},
			{To: logconfig.Syslog{Facility: 99, Format: 99, MaxMessage: math.MaxInt64}, Stack: new(logging.StackStyle(9)), Collapse: new(time.Duration(-1))},
			{To: logconfig.Stderr{Format: new(logging.Format(9))}, Name: "a\xffb", Levels: &logging.Levels{Subsystems: map[string]slog.Level{"": 0}}},
		},
	}
	want := `level: unknown level "a": want debug, info, warn, error or off
format: unknown format "unknown(9)": want human, logfmt or json
stack: unknown stack style "unknown(9)": want auto, full, short or off
collapse: "-1ns" is no time: want a number with a unit, such as 24h, 90m, 1.5s or 100ms
flush_timeout: "-1s" is no time: want a number with a unit, such as 24h, 90m, 1.5s or 100ms
outlets[0].type: it has none: want stderr, stdout, file, syslog, journald or otlp
outlets[1].type: it has none: want stderr, stdout, file, syslog, journald or otlp
outlets[2].mode: "7777" is no mode: want octal permissions with which the owner can write, such as 0640
outlets[2].max_size: "-1B" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB
outlets[2].every: "-1ns" is no time: want a number with a unit, such as 24h, 90m, 1.5s or 100ms
outlets[2].keep: "-1" is no whole number
outlets[2].level: "info, a=info" can't be written
outlets[2].queue_size: "-5B" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB
outlets[3].format: unknown syslog format "unknown(99)": want auto, rfc5424 or local
outlets[3].facility: unknown facility "unknown(99)": want daemon, auth, authpriv, cron, ftp, kern, lpr, mail, news, syslog, user, uucp, local0, local1, local2, local3, local4, local5, local6 or local7
outlets[3].stack: unknown stack style "unknown(9)": want auto, full, short or off
outlets[3].collapse: "-1ns" is no time: want a number with a unit, such as 24h, 90m, 1.5s or 100ms
outlets[3].max_message: messages of 1073741824 bytes at most: want 480 to 1048576
outlets[4].format: unknown format "unknown(9)": want human, logfmt or json
outlets[4].name: "a\xffb" has characters that can't be printed
outlets[4].level: no subsystem before the = in "=info"`
	got := c.Validate()
	if got == nil {
		t.Fatal("valid")
	}
	if got.Error() != want {
		t.Errorf("%v\nwant\n%s", got, want)
	}
	if _, err := logconfig.Open(c); err == nil || !strings.HasPrefix(err.Error(), "configuration of the log: level: ") {
		t.Errorf("Open: %v", err)
	}
	if _, err := yaml.Marshal(c); err == nil {
		t.Error("an outlet without a type is written")
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]logconfig.Size{"0B": 0, "1B": 1, "1kB": 1000, "1KiB": 1024, "64 MiB": 64 << 20, "8000000kB": 8 * logconfig.GB, "1024MiB": logconfig.GiB, "1500MB": 1500 * logconfig.MB} {
		var s logconfig.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: %d, %v", text, s, err)
		}
	}
	for s, want := range map[logconfig.Size]string{0: "0B", 1: "1B", 1000: "1kB", 1024: "1KiB", 1500 * logconfig.MB: "1500MB", 8 * logconfig.GB: "8GB", math.MaxInt64: "9223372036854775807B"} {
		if s.String() != want {
			t.Errorf("%d: %s", s, s)
		}
	}
	for _, text := range []string{"", "B", "1", "1.5GB", "-1B", "1mb", "1M", "1GiBB", "10 XB", "9223372036854775808B", "8589934592GiB", "1 k B", " 1B"} {
		s := logconfig.Size(5)
		if err := s.UnmarshalText([]byte(text)); err == nil || s != 5 {
			t.Errorf("%q: %d, %v", text, s, err)
		}
	}
}

// optional generates a pointer, or nil.
func optional[T any](r *rapid.T, g *rapid.Generator[T], label string) *T {
	if rapid.Bool().Draw(r, "has "+label) {
		return new(g.Draw(r, label))
	}
	return nil
}

// words generates strings that can be printed, among them those that mean something in YAML or in the text form.
func words() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"a", "007", "0x1F", "0o7", "1_000", "1e3", ".inf", "true", "off", "null", "~", "- a", "? a", ": a", "a: b", "a #b", "#", "&a", "*a", "!a", "|", ">", "%", "@", "`",
			`"`, "'", `a"b'c`, `\`, `\\`, `\,`, ",", "a,b=c", "{a", "[a", "]", " a", "a ", " ", "<<", "=", "---", "...", "2001-01-01", "é", "日本", "a\\nb", "\ufffd", "yes", "a:", "-", "--", "'a'", "%YAML 1.2", "null\\", "12:30:45"}),
		rapid.StringMatching(`[ -~é]{1,20}`),
	)
}

func levels() *rapid.Generator[logging.Levels] {
	level := rapid.SampledFrom([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, logging.LevelOff, 2, -100})
	return rapid.Custom(func(r *rapid.T) logging.Levels {
		l := logging.Levels{Default: level.Draw(r, "default")}
		if m := rapid.MapOfN(rapid.StringMatching(`[a-z'"#:\\-]([a-z .]{0,5}[a-z.:#"'\\])?`), level, 0, 3).Draw(r, "subsystems"); len(m) > 0 {
			l.Subsystems = m
		}
		return l
	})
}

func times(min time.Duration) *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.Int64Range(int64(min), math.MaxInt64), func(n int64) time.Duration { return time.Duration(n) })
}

func sizes(min, max logconfig.Size) *rapid.Generator[logconfig.Size] {
	any := rapid.Map(rapid.Int64Range(int64(min), int64(max)), func(n int64) logconfig.Size { return logconfig.Size(n) })
	return rapid.OneOf(any, rapid.Just(min), rapid.Just(max), rapid.Just(logconfig.Size(0)))
}

func targets() *rapid.Generator[logconfig.Target] {
	formats := rapid.SampledFrom([]logging.Format{logging.FormatHuman, logging.FormatLogfmt, logging.FormatJSON})
	word := rapid.OneOf(rapid.Just(""), words())
	return rapid.Custom(func(r *rapid.T) logconfig.Target {
		switch rapid.IntRange(0, 5).Draw(r, "type") {
		case 0:
			return logconfig.Stderr{Format: optional(r, formats, "format")}
		case 1:
			return logconfig.Stdout{Format: optional(r, formats, "format")}
		case 2:
			f := logconfig.File{
				Path: words().Filter(func(s string) bool { return s != "-" }).Draw(r, "path"), Format: optional(r, formats, "format"),
				Mode: rapid.SampledFrom([]logconfig.Mode{0, 0o600, 0o640, 0o777, 0o200}).Draw(r, "mode"), SIGHUP: rapid.Bool().Draw(r, "sighup"),
				MaxSize: sizes(logconfig.KB, math.MaxInt64).Draw(r, "max_size"),
			}
			if rapid.Bool().Draw(r, "has every") {
				f.Every = times(time.Minute).Draw(r, "every")
			}
			if f.MaxSize != 0 || f.Every != 0 {
				f.Keep, f.Compress = rapid.IntRange(0, math.MaxInt32).Draw(r, "keep"), rapid.Bool().Draw(r, "compress")
			}
			return f
		case 3:
			s := logconfig.Syslog{
				Address:  rapid.SampledFrom([]string{"", "/run/log", "/a,b\\c://d: #e", "udp://a", "tcp://a:1", "tls://[::1]:1"}).Draw(r, "address"),
				Format:   rapid.SampledFrom([]syslog.Format{syslog.FormatAuto, syslog.FormatLocal, syslog.FormatRFC5424}).Draw(r, "format"),
				Facility: syslog.Facility(rapid.IntRange(0, int(syslog.Local7)).Draw(r, "facility")), App: word.Draw(r, "app"), Host: word.Draw(r, "host"),
				ID: rapid.SampledFrom([]string{"", "a@1", "1@2.50"}).Draw(r, "id"), MaxMessage: sizes(480, 65507).Draw(r, "max_message"),
			}
			if strings.HasPrefix(s.Address, "tls:") {
				s.CA, s.ServerName = word.Draw(r, "ca"), word.Draw(r, "server_name")
				if rapid.Bool().Draw(r, "has cert") {
					s.Cert, s.Key = words().Draw(r, "cert"), words().Draw(r, "key")
				}
			}
			return s
		case 4:
			return logconfig.Journald{Socket: word.Draw(r, "socket"), App: word.Draw(r, "app")}
		}
		o := logconfig.OTLP{
			Endpoint: rapid.SampledFrom([]string{"", "http://a", "https://[::1]:1", "https://a.example:4318"}).Draw(r, "endpoint"),
			Protocol: rapid.SampledFrom([]otlp.Protocol{otlp.HTTP, otlp.GRPC}).Draw(r, "protocol"), Compress: rapid.Bool().Draw(r, "compress"),
			Service: word.Draw(r, "service"), Headers: rapid.SampledFrom([]string{"", "a=b", "a=b,c=d=e", "x-token= 1"}).Draw(r, "headers"),
			HeaderFile: word.Draw(r, "header_file"),
		}
		if strings.HasPrefix(o.Endpoint, "https:") {
			o.CA, o.ServerName = word.Draw(r, "ca"), word.Draw(r, "server_name")
		}
		return o
	})
}

func outlets() *rapid.Generator[logconfig.Outlet] {
	stacks := rapid.SampledFrom([]logging.StackStyle{logging.StackAuto, logging.StackFull, logging.StackShort, logging.StackOff})
	return rapid.Custom(func(r *rapid.T) logconfig.Outlet {
		return logconfig.Outlet{
			To: targets().Draw(r, "to"), Name: rapid.OneOf(rapid.Just(""), words()).Draw(r, "name"), Levels: optional(r, levels(), "levels"),
			Stack: optional(r, stacks, "stack"), Collapse: optional(r, times(0), "collapse"), QueueSize: sizes(128*logconfig.KiB, logconfig.GiB).Draw(r, "queue_size"),
		}
	})
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		want := outlets().Draw(r, "outlet")
		got, err := logconfig.ParseOutlet(want.String())
		if err != nil || !reflect.DeepEqual(got, want) {
			r.Fatalf("%+v is written\n%v and read\n%+v, %v", want, want, got, err)
		}
	})
}

func configs() *rapid.Generator[logconfig.Config] {
	return rapid.Custom(func(r *rapid.T) logconfig.Config {
		c := logconfig.Config{
			Levels: levels().Draw(r, "level"), Format: rapid.SampledFrom([]logging.Format{0, 1, 2}).Draw(r, "format"),
			Stack: rapid.SampledFrom([]logging.StackStyle{0, 1, 2, 3}).Draw(r, "stack"), Collapse: times(0).Draw(r, "collapse"), FlushTimeout: times(0).Draw(r, "flush_timeout"),
		}
		for _, o := range rapid.SliceOfN(outlets(), 0, 4).Draw(r, "outlets") {
			c.Outlets = append(c.Outlets, o)
			if c.Validate() != nil { // it is there already
				c.Outlets = c.Outlets[:len(c.Outlets)-1]
			}
		}
		if len(c.Outlets) == 0 {
			c.Outlets = nil
		}
		return c
	})
}

func TestYAMLRoundTrip(t *testing.T) {
	type daemon struct {
		Log logconfig.Config `yaml:"log"`
	}
	rapid.Check(t, func(r *rapid.T) {
		want := daemon{configs().Draw(r, "config")}
		text, err := yaml.Marshal(want)
		if err != nil {
			r.Fatal(err)
		}
		var got daemon
		if err := yaml.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
			r.Fatalf("%+v is written\n%s and read\n%+v, %v", want, text, got, err)
		}
		var alone logconfig.Config
		if text, err = yaml.Marshal(want.Log); err != nil {
			r.Fatal(err)
		}
		if err := yaml.Unmarshal(text, &alone); err != nil || !reflect.DeepEqual(alone, want.Log) {
			r.Fatalf("%+v is written\n%s and read\n%+v, %v", want.Log, text, alone, err)
		}
	})
}
