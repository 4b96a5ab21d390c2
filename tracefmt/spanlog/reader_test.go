package spanlog_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/spanlog"

	_ "github.com/spanstack/spanstack/tracefmt/all" // detection has to choose
)

const jsonLines = `{"time":"2026-01-31T09:05:00.000000001Z","level":"INFO","subsystem":"zfs","trace":"/aaaaaaaaaaaaa.bbbbbbbbbbbbb/","msg":"sent","n":5,"ratio":0.25,"big":18446744073709551615,"ok":true,"none":null,"group":{"a":[1,{"b":"c d"}]},"text":"\"\u00e9\n"}
{"time":"2026-01-31T09:05:00.000000101Z","level":"WARN","subsystem":"logging","trace":"none","msg":"log lines were lost","lines":3}
{"time":"2026-01-31T09:05:00.000000050Z","level":"DEBUG-4","subsystem":"zfs","trace":"/aaaaaaaaaaaaa.bbbbbbbbbbbbb/ccccccccccccc/","span_ended":true,"msg":""}
`

const logfmtLines = `time=2026-01-31T09:05:00.000000001Z level=INFO subsystem=zfs trace=/aaaaaaaaaaaaa.bbbbbbbbbbbbb/ msg=sent n=5 ratio=0.25 ok=true group.a="[1 2]" text="\"é\n"
time=2026-01-31T09:05:00.000000101Z level=WARN subsystem=logging trace=none msg="log lines were lost" lines=3
time=2026-01-31T09:05:00.000000050Z level=ERROR+2 subsystem="a b" trace=….bbbbbbbbbbbbb/ccccccccccccc/ span_ended=true msg=""
`

func TestConformance(t *testing.T) {
	fmttest.RunReader(t, spanlog.Format, map[string]fmttest.Input{
		"JSON":   {Data: []byte(jsonLines), More: []byte(jsonLines)},
		"logfmt": {Data: []byte(logfmtLines), More: []byte(strings.ReplaceAll(logfmtLines, "\n", "\r\n"))},
		"both":   {Data: []byte(jsonLines + logfmtLines), More: []byte("panic: oh\n\ngoroutine 1 [running]:\n" + jsonLines)},
	})
}

// TestMemory: neither roots, nor subsystems, nor keys, nor foreign lines add up.
func TestMemory(t *testing.T) {
	n := 0
	lines := readerFunc(func(p []byte) (int, error) {
		if n++; n > 300_000 {
			return 0, io.EOF
		}
		return copy(p, fmt.Sprintf(`{"time":"2026-01-31T09:05:00Z","level":"INFO","subsystem":"s%d","trace":"/r%d.x/","msg":"m%d","k%d":%d}`+"\nforeign %d\n", n, n, n, n, n, n)), nil
	})
	tracks := 0
	r := spanlog.NewReader(lines)
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == tracefmt.Track {
			tracks++
		}
	}
	if tracks != 2*spanlog.MaxTracks {
		t.Errorf("%d tracks, want %d for tasks and as many for subsystems", tracks, spanlog.MaxTracks)
	}
	if got := fmt.Sprint(r.Losses()); got != "[line that is no log line (300000x, first at byte 99)]" {
		t.Errorf("losses: %s", got)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// text writes events in a short form: times, severities, parents, messages and attributes of lines, names of tracks.
func text(events []tracefmt.Event) string {
	names := map[tracefmt.TrackID]string{}
	var lines []string
	for _, e := range events {
		switch e.Kind {
		case tracefmt.Process, tracefmt.Track:
			names[e.Track] = e.Name
		case tracefmt.Clock:
			lines = append(lines, fmt.Sprintf("clock %d", e.Unix))
		case tracefmt.Log:
			s := fmt.Sprintf("%d %v %s|%s|%s", e.Time, e.Severity, e.Parent, names[e.Track], e.Name)
			for _, a := range e.Attrs {
				s += fmt.Sprintf(" %s=%d:%s", a.Key, a.Value.Kind(), a.Value)
			}
			lines = append(lines, s)
		}
	}
	return strings.Join(lines, "\n")
}

func TestReader(t *testing.T) {
	const (
		when = "2026-01-31T09:05:00Z"
		unix = "clock 1769850300000000000\n"
	)
	for name, c := range map[string]struct{ in, want, losses string }{
		"JSON": {jsonLines, "clock 1769850300000000001\n" +
			`0 INFO bbbbbbbbbbbbb|task aaaaaaaaaaaaa: sent|sent subsystem=5:zfs trace=5:/aaaaaaaaaaaaa.bbbbbbbbbbbbb/ n=2:5 ratio=4:0.25 big=3:18446744073709551615 ok=1:true none=6:null group=6:{"a":[1,{"b":"c d"}]} text=5:"é` + "\n" +
			"\n100 WARN |log|log lines were lost subsystem=5:logging lines=2:3" +
			"\n49 TRACE ccccccccccccc|task aaaaaaaaaaaaa: sent| subsystem=5:zfs trace=5:/aaaaaaaaaaaaa.bbbbbbbbbbbbb/ccccccccccccc/ span_ended=1:true", ""},
		"logfmt": {logfmtLines, "clock 1769850300000000001\n" +
			`0 INFO bbbbbbbbbbbbb|task aaaaaaaaaaaaa: sent|sent subsystem=5:zfs trace=5:/aaaaaaaaaaaaa.bbbbbbbbbbbbb/ n=2:5 ratio=4:0.25 ok=1:true group.a=5:[1 2] text=5:"é` + "\n" +
			"\n100 WARN |log|log lines were lost subsystem=5:logging lines=2:3" +
			"\n49 ERROR3 ccccccccccccc|subsystem a b| subsystem=5:a b trace=5:….bbbbbbbbbbbbb/ccccccccccccc/ span_ended=1:true", ""},
		"CRLF and blank lines": {"\r\n" + `{"time":"` + when + `","level":"INFO","msg":"a"}` + "\r\n\r\n \t\ntime=" + when + " level=info msg=b\r\n",
			unix + "0 INFO |log|a\n0 INFO |log|b", ""},
		"byte order mark, zeros after a loss of power": {"\ufefftime=" + when + " level=INFO msg=a\n\x00\x00\x00\x00time=" + when + " level=INFO msg=b\n\x00\x00\n",
			unix + "0 INFO |log|a\n0 INFO |log|b", ""},
		"zones": {`{"time":"2026-01-31T10:05:00.5+01:00","level":"INFO","msg":"a"}` + "\n" + `{"time":"2026-01-31T04:35:00,123456789123-04:30","level":"INFO","msg":"b"}` + "\n",
			"clock 1769850300500000000\n0 INFO |log|a\n-376543211 INFO |log|b", ""},
		"foreign lines": {"starting\n{}\n[1]\n\"x\"\n" + `{"time":"` + when + `","level":"INFO","msg":"a"}` + "\npanic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1d\nk=v\n{\"level\":\"INFO\"}\n{\"time\":5,\"level\":\"INFO\"}\n" +
			`{"time":"2026-02-29T09:05:00Z","level":"INFO","msg":"no such day"}` + "\n" + `{"time":"` + when + `","level":"INFO","msg":"b"} x` + "\n" + `{"time":"` + when + `","level":"INFO","msg":"c"` + "\n" +
			"time=" + when + " level=INFO msg=\"cut " + "time=" + when + " level=INFO msg=d\n" + "time=" + when + " msg=e flag\n",
			unix + "0 INFO |log|a", "line that is no log line (16x, first at byte 0)"},
		"names that pose": {`{"time":"` + when + `","level":"INFO","trace":"/a.b/","msg":"m","msg":"n","level":"ERROR","time":"1999-01-01T00:00:00Z","trace":"/x/","span_ended":true,"span_ended":false,"subsystem":"s","subsystem":"t","k":1,"k":2}` + "\n",
			unix + "0 INFO b|task a: m|m trace=5:/a.b/ fields.msg=5:n fields.level=5:ERROR fields.time=5:1999-01-01T00:00:00Z fields.trace=5:/x/ span_ended=1:true fields.span_ended=1:false subsystem=5:s fields.subsystem=5:t k=2:2", ""},
		"names that pose, in logfmt": {"time=" + when + " level=INFO trace=/a.b/ msg=m msg=n level=ERROR time=x trace=/x/ k=1 k=2\n",
			unix + "0 INFO b|task a: m|m trace=5:/a.b/ fields.msg=5:n fields.level=5:ERROR fields.time=5:x fields.trace=5:/x/ k=2:2", ""},
		"no stacks": {`{"time":"` + when + `","level":"INFO","msg":"a","trace":"usr/lib"}` + "\n" + `{"time":"` + when + `","level":"INFO","msg":"b","trace":5}` + "\n",
			unix + "0 INFO |log|a trace=5:usr/lib\n0 INFO |log|b trace=2:5", ""},
		"stacks in turn": {"time=" + when + " level=INFO trace=/a.b/ msg=1\ntime=" + when + " level=INFO trace=….c/ msg=2\ntime=" + when + " level=INFO trace=/a.b/ msg=3\n" +
			"time=" + when + " level=INFO subsystem=s trace=….c/ msg=4\ntime=" + when + " level=INFO msg=5\ntime=" + when + " level=INFO trace=/a.d/ msg=6\n",
			unix + "0 INFO b|task a: 1|1 trace=5:/a.b/\n0 INFO c|log|2 trace=5:….c/\n0 INFO b|task a: 1|3 trace=5:/a.b/\n" +
				"0 INFO c|subsystem s|4 subsystem=5:s trace=5:….c/\n0 INFO |log|5\n0 INFO d|task a: 1|6 trace=5:/a.d/", ""},
		"deep stack": {"time=" + when + " level=INFO trace=/a/+17/b~c/ msg=m\n", unix + "0 INFO c|task a: m|m trace=5:/a/+17/b~c/", ""},
		"levels": {"time=" + when + " level=FATAL msg=a\ntime=" + when + " level=notice msg=b\ntime=" + when + " level=ERROR+9223372036854775807 msg=c\ntime=" + when + " msg=d\ntime=" + when + " level=INFO+100 msg=e\n",
			unix + "0 FATAL |log|a\n0  |log|b level=5:notice\n0  |log|c level=5:ERROR+9223372036854775807\n0  |log|d\n0 FATAL4 |log|e", ""},
		"no times": {"level=INFO msg=a\ntime=" + when + " level=INFO msg=b\nlevel=WARN msg=c\n", unix + "0 INFO |log|b\n0 WARN |log|c",
			"line without a time, before all that have one (1x, first at byte 0)\nline without a time, put where the one before it is (1x, first at byte 60)"},
		"words that look like numbers": {"time=" + when + ` level=INFO msg=5 a=1.10 b=12345e7 c=007 d=1.2345e+11 e=-0 f=-5 g=1e400 h=18446744073709551616 i="5" j=NaN k= l=a=b \x20\=é=\` + "\n",
			unix + `0 INFO |log|5 a=5:1.10 b=5:12345e7 c=5:007 d=4:1.2345e+11 e=4:-0 f=2:-5 g=5:1e400 h=5:18446744073709551616 i=5:5 j=5:NaN k=5: l=5:a=b \x20\=5:é=\`, ""},
		"keys with escapes": {"time=" + when + ` level=INFO msg="a" a\x20b\x3d=1 ` + "\n", unix + "0 INFO |log|a a b==2:1", ""},
		"invalid UTF-8": {`{"time":"` + when + `","level":"INFO","msg":"a` + "\xff" + `b","k` + "\xc3" + `":"\ud800"}` + "\n" + "time=" + when + ` level=INFO msg="a\xffb" k=` + "\xff\n",
			unix + "0 INFO |log|a\ufffdb k\ufffd=5:\ufffd\n0 INFO |log|a\xffb k=5:\xff", ""},
		"many names": {"time=" + when + " level=INFO msg=m" + strings.Repeat(" a=1 b=2", 50) + manyNames(40) + manyNames(40) + " trace=/a/\n",
			unix + "0 INFO a|task a: m|m a=2:1 b=2:2" + strings.ReplaceAll(manyNames(40), "=", "=2:") + " trace=5:/a/", ""},
	} {
		r := spanlog.NewReader(strings.NewReader(c.in))
		events, err := fmttest.ReadAll(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := text(events); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
		var losses []string
		for _, l := range r.Losses() {
			losses = append(losses, l.String())
		}
		if got := strings.Join(losses, "\n"); got != c.losses {
			t.Errorf("%s: losses\n%s\nwant\n%s", name, got, c.losses)
		}
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " k%d=%d", i, i)
	}
	return b.String()
}

func TestLongLines(t *testing.T) {
	good := "time=2026-01-31T09:05:00Z level=INFO msg=a\n"
	for _, length := range []int{1000, 1001, 300_000, 3_000_000} {
		r := spanlog.NewReader(strings.NewReader(good + strings.Repeat("x", length) + "\n" + good))
		r.MaxLine = 1000
		events, err := fmttest.ReadAll(r)
		if err != nil || len(events) != 4 {
			t.Errorf("%d bytes: %d events, %v", length, len(events), err)
		}
		want := "[line longer than 1000 bytes (1x, first at byte 43)]"
		if length == 1000 {
			want = "[line that is no log line (1x, first at byte 43)]"
		}
		if got := fmt.Sprint(r.Losses()); got != want {
			t.Errorf("%d bytes: losses %s", length, got)
		}
	}
	r := spanlog.NewReader(strings.NewReader(good + strings.Repeat("x", 2_000_000)))
	r.MaxLine = 1000
	if _, err := fmttest.ReadAll(r); !errors.Is(err, tracefmt.ErrTruncated) {
		t.Errorf("a long line that is cut short: %v", err)
	}
}

// TestEnd: the last line may do without its line feed if nothing can be missing.
func TestEnd(t *testing.T) {
	for in, want := range map[string]string{
		strings.TrimSuffix(jsonLines, "\n"):         "",
		strings.TrimSuffix(jsonLines, "\n") + "\r ": "",
		strings.TrimSuffix(logfmtLines, "\n"):       "event 3",
		jsonLines + "{":                             "event 4",
	} {
		if want != "" {
			want = fmt.Sprintf("read spanlog trace: %s at byte %d: input is cut short", want, len(in))
		}
		if _, err := fmttest.ReadAll(spanlog.NewReader(strings.NewReader(in))); fmt.Sprint(err) != want && (err != nil || want != "") {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestHuman(t *testing.T) {
	const human = "2026-01-31 09:05:00.123456 INFO  zfs        sent snapshot                            bytes=4096 trace=/aaaaaaaaaaaaa/\n"
	for _, in := range []string{human, "starting\n" + human, "\x1b[2m2026-01-31 09:05:00.123456\x1b[0m \x1b[32mINFO\x1b[0m  zfs\n"} {
		if got := tracefmt.Detect([]byte(in)); got != spanlog.Format {
			t.Errorf("%q is taken for %v", in, got)
		}
		if _, err := fmttest.ReadAll(spanlog.NewReader(strings.NewReader(in))); !errors.Is(err, spanlog.ErrHuman) {
			t.Errorf("%q: %v, want ErrHuman", in, err)
		}
	}
	events, err := fmttest.ReadAll(spanlog.NewReader(strings.NewReader(logfmtLines + human)))
	if err != nil || len(events) != 3+2+2 {
		t.Errorf("a human line after others: %d events, %v", len(events), err)
	}
}

func TestDetect(t *testing.T) {
	long := strings.Repeat("x", 2*tracefmt.DetectBytes)
	for in, want := range map[string]bool{
		jsonLines:   true,
		logfmtLines: true,
		`{"time":"2026-01-31T09:05:00Z","level":"INFO","msg":"` + long: true,
		`time=2026-01-31T09:05:00Z level=INFO msg="` + long:            true,
		"panic: x\n\n" + logfmtLines:                                   true,
		`{"level":"INFO","msg":"no time"}` + "\n":                      false,
		`{"traceEvents":[]}`:                                           false,
		`[{"ph":"X","time":"2026-01-31T09:05:00Z"}]`:                   false,
		"a;b 5\n":                          false,
		"time=now level=INFO\n":            false,
		"Dear diary,\n":                    false,
		"2026-01-31 09:05:00.12345 INFO\n": false,
	} {
		if got := tracefmt.Detect([]byte(in)) == spanlog.Format; got != want {
			t.Errorf("%.60q: taken for log lines: %v", in, got)
		}
	}
}

func TestLine(t *testing.T) {
	r := spanlog.NewReader(strings.NewReader("x\n  " + logfmtLines[:len(logfmtLines)-1] + "\r\n" + jsonLines))
	var got []string
	for {
		e, err := r.Next()
		if err != nil {
			break
		}
		if e.Kind == tracefmt.Log {
			got = append(got, string(r.Line()))
		}
	}
	if text := strings.Join(got, "\n") + "\n"; text != "  "+logfmtLines[:len(logfmtLines)-1]+"\r\n"+jsonLines {
		t.Errorf("got\n%s", text)
	}
	if r.Line() != nil {
		t.Error("there is a line after the end")
	}
}
