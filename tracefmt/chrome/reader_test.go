package chrome_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

func readText(t *testing.T, text string) []tracefmt.Event {
	t.Helper()
	events, err := fmttest.ReadAll(chrome.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return events
}

// last returns the last event that a text has, as the comparison of package fmttest writes it.
func last(t *testing.T, text string) string {
	t.Helper()
	timed := fmttest.ContentOf(readText(t, text), tracefmt.KeepsAll).Timed
	if len(timed) == 0 {
		return "nothing"
	}
	return timed[len(timed)-1]
}

func TestReader(t *testing.T) {
	const p = `"pid":1,"tid":2,"ts":3`
	for _, c := range []struct{ name, text, want string }{
		{"string numbers", `{"ph":"X","ts":"1.5","dur":"2","pid":"1","tid":"2","name":"n"}`,
			`complete on 1/2 at 1500 "n" cat "" id "" parent "" dur 2000 { }`},
		{"string pid and tid", `{"ph":"X","ts":0,"pid":"zrepl","tid":"main","name":"n"}`,
			`complete on zrepl/main at 0 "n" cat "" id "" parent "" dur -1 { }`},
		{"no tid", `{"ph":"B","ts":0,"pid":7,"name":"n"}`, `begin on 7/7 at 0 "n" cat "" id "" parent "" { }`},
		{"no pid", `{"ph":"B","ts":0,"tid":7,"name":"n"}`, `begin on 0/7 at 0 "n" cat "" id "" parent "" { }`},
		{"fields in any order", `{"args":{"a":1},"dur":1,"name":"n","tid":2,"ts":3,"pid":1,"ph":"X"}`,
			`complete on 1/2 at 3000 "n" cat "" id "" parent "" dur 1000 { "a":2:"1" }`},
		{"escapes", `{"ph":"B",` + p + `,"name":"\u0000\"\\\/\b\u20ac\ud83d\ude00\ud800x\udc00"}`,
			`begin on 1/2 at 3000 "\x00\"\\/\b€😀�x�" cat "" id "" parent "" { }`},
		{"not UTF-8", `{"ph":"B",` + p + `,"name":"a` + "\xff" + `b"}`, `begin on 1/2 at 3000 "a�b" cat "" id "" parent "" { }`},
		{"kinds of values", `{"ph":"i",` + p + `,"args":{"t":true,"n":null,"i":-5,"u":18446744073709551615,"f":1.50,"e":1e2,"h":1e400,"big":123456789012345678901234567890,"o":{ "a" : [ 1 , "x y" ] },"s":"v"}}`,
			`instant on 1/2 at 3000 "" cat "" id "" parent "" { "t":1:"true" "n":6:"null" "i":2:"-5" "u":3:"18446744073709551615" "f":4:"1.5" "e":4:"100" "h":6:"1e400" "big":6:"123456789012345678901234567890" "o":6:"{\"a\":[1,\"x y\"]}" "s":5:"v" }`},
		{"args that are no object", `{"ph":"i",` + p + `,"args":[1, 2]}`, `instant on 1/2 at 3000 "" cat "" id "" parent "" { "args":6:"[1,2]" }`},
		{"unknown members", `{"ph":"X",` + p + `,"dur":1,"tts":5,"cname":"good","args":{"a":1}}`,
			`complete on 1/2 at 3000 "" cat "" id "" parent "" dur 1000 { "a":2:"1" "chrome.tts":2:"5" "chrome.cname":5:"good" }`},
		{"our own args", `{"ph":"X",` + p + `,"dur":1,"args":{"spanstack.id":"i","spanstack.parent":"p","error":"e"}}`,
			`complete on 1/2 at 3000 "" cat "" id "i" parent "p" dur 1000 { "error":5:"e" }`},
		{"repeated arg of an end", `{"ph":"E",` + p + `,"args":{"spanstack.end.n":2,"m":3}}`, `end on 1/2 at 3000 { "n":2:"2" "m":2:"3" }`},
		{"older instants", `{"ph":"I",` + p + `,"name":"n"}`, `instant on 1/2 at 3000 "n" cat "" id "" parent "" { }`},
		{"instant of a process", `{"ph":"i",` + p + `,"s":"p"}`, `instant on 1 at 3000 "" cat "" id "" parent "" { }`},
		{"instant of everything", `{"ph":"i","ts":3,"s":"g"}`, `instant on whole at 3000 "" cat "" id "" parent "" { }`},
		{"log line", `{"ph":"i",` + p + `,"cat":"log","name":"m","args":{"level":"WARN2","x":1}}`,
			`log on 1/2 at 3000 "m" cat "" id "" parent "" severity WARN2 { "x":2:"1" }`},
		{"counter", `{"ph":"C",` + p + `,"name":"c","id":5,"args":{"a":"12","b":1.5}}`,
			`counter on 1/2 at 3000 "c" cat "" id "" parent "" key "5" { "a":2:"12" "b":4:"1.5" }`},
		{"flow end at the next slice", `{"ph":"f",` + p + `,"id":"0x1","cat":"c","name":"n"}`,
			`flow end on 1/2 at 3000 "n" cat "c" id "" parent "" key "0x1" next true { }`},
		{"flow end in this slice", `{"ph":"f",` + p + `,"id":1,"bp":"e"}`, `flow end on 1/2 at 3000 "" cat "" id "" parent "" key "1" next false { }`},
		{"flow of a slice", `{"ph":"X",` + p + `,"dur":1,"bind_id":"0x9","flow_in":true,"flow_out":1}`,
			`flow step on 1/2 at 3000 "" cat "" id "" parent "" key "0x9" { }`},
		{"older async phases", `{"ph":"S",` + p + `,"id":1,"cat":"c","name":"n"}`, `async begin on 1/2 at 3000 "n" cat "c" id "" parent "" key "1" { }`},
		{"id2", `{"ph":"b",` + p + `,"id2":{"local":"0x1"},"cat":"c","name":"n"}`, `async begin on 1/2 at 3000 "n" cat "c" id "" parent "" key "local:0x1" { }`},
		{"open async slice of ours", `{"ph":"e",` + p + `,"id":1,"args":{"spanstack.open":true}}`, `nothing`},
		{"clock", `{"ph":"M","pid":1,"name":"process_name","args":{"spanstack.unix_ns":"1700000000000000001"}}`, `clock at 0 unix 1700000000000000001`},
		{"filler", `{}`, `nothing`},
	} {
		for _, container := range []string{"[%s]", "[%s", "[%s,\n", ` [ %s , ] `, `{"traceEvents":[%s]}`, "\ufeff{\"a\":{\"b\":[\"]\"]},\"traceEvents\":[{},%s,],\"z\":\"\\\"}\"}\n"} {
			if got := last(t, fmt.Sprintf(container, c.text)); got != c.want {
				t.Errorf("%s in %q:\n got %s\nwant %s", c.name, container, got, c.want)
			}
		}
	}
}

func TestReaderMetadata(t *testing.T) {
	events := readText(t, `[{"ph":"M","name":"hz","args":{"hz": 1000}},
		{"ph":"M","name":"process_name","pid":1,"args":{"name":"p","x":1}},
		{"ph":"M","name":"process_labels","pid":1,"args":{"labels":"a,b"}},
		{"ph":"M","name":"process_sort_index","pid":1,"args":{"sort_index":-5}},
		{"ph":"M","name":"thread_name","pid":1,"tid":2,"args":{"name":"t"}},
		{"ph":"M","name":"thread_sort_index","pid":1,"tid":2,"args":{"sort_index":"7"}}]`)
	got := strings.Join(fmttest.ContentOf(events, tracefmt.KeepsAll).Meta, "\n")
	want := `process 0 "" order 0 { "hz":6:"{\"hz\":1000}" }
process 1 "p" order -5 { "x":2:"1" "labels":5:"a,b" }
track 1/2 "t" order 7 { }`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReaderLosses(t *testing.T) {
	for text, want := range map[string]string{
		`[{"ph":"P","ts":1}]`:                        "sample (phase P)",
		`[{"ph":"v","ts":1}]`:                        "process memory dump (phase v)",
		`[{"ph":"k","ts":1}]`:                        `event with unknown phase 'k'`,
		`[{"ph":"XX","ts":1}]`:                       "event with a phase of several letters",
		`[{"ts":1},{"ph":"i","ts":1}]`:               "event without a phase",
		`[{"ph":"C","ts":1,"tts":5,"args":{"a":1}}]`: "member of a counter beside its values (tts)",
		`[{"ph":"X","dur":1}]`:                       "event without a time",
		`[{"ph":"X","ts":"soon"}]`:                   "event with a bad time",
		`[{"ph":"X","ts":1,"dur":-1}]`:               "slice with a bad duration",
		`[1]`:                                        "array element that isn't an event",
		`{"traceEvents":[],"stackFrames":{"1":2}}`:   `stack frames of the file ("stackFrames")`,
		`{"traceEvents":[],"otherData":{"a":1}}`:     `remark about the file ("otherData")`,
	} {
		r := chrome.NewReader(strings.NewReader(text))
		if _, err := fmttest.ReadAll(r); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if l := r.Losses(); len(l) != 1 || l[0].What != want || l[0].Count != 1 {
			t.Errorf("%s: losses %v, want one %s", text, l, want)
		}
	}
	r := chrome.NewReader(strings.NewReader(`{"displayTimeUnit":"ns","samples":[],"stackFrames":{},"traceEvents":[{}]}`))
	if _, err := fmttest.ReadAll(r); err != nil || len(r.Losses()) > 0 {
		t.Errorf("nothing is lost here, but: %v, %v", err, r.Losses())
	}
}

func TestReaderErrors(t *testing.T) {
	const good = `{"ph":"i","ts":1}`
	for _, c := range []struct {
		text   string
		event  int64
		offset int64
		what   string
	}{
		{`hello`, 0, 0, "unexpected 'h': neither an array nor an object"},
		{`[{"traceId":"1","id":"2"}]`, 0, 26, `no trace events in it: none has a phase ("ph")`},
		{`{"a":1}`, 0, 6, `no "traceEvents" in it`},
		{`[` + good + `,{"ph"}]`, 2, 24, "unexpected '}'"},
		{`[` + good + `,{"ts":01}]`, 2, 25, "bad number"},
		{`[` + good + `,{"args":{"a":tru}}]`, 2, 32, "unexpected 't'"},
		{`[` + good + `,nonsense]`, 2, 19, "unexpected 'n'"},
		{`[` + good + `]]`, 0, 19, "more text after the end of the trace"},
		{``, 0, 0, "input is cut short"},
		{`[` + good + `,{`, 2, 20, "input is cut short"},
		{`[` + good + `,{"ts":1`, 2, 26, "input is cut short"},
		{`{"traceEvents":[` + good, 1, 33, "input is cut short"},
		{`{"traceEvents":[` + good + `]`, 0, 34, "input is cut short"},
		{`{"a":[1`, 0, 7, "input is cut short"},
		{`[{"args":` + strings.Repeat(`{"a":`, 600), 1, 9 + 5*513, "nested deeper than 512"},
	} {
		_, err := fmttest.ReadAll(chrome.NewReader(strings.NewReader(c.text)))
		syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
		if !ok || syntax.Event != c.event || syntax.Offset != c.offset || syntax.Err.Error() != c.what {
			t.Errorf("%.60s: %v, want event %d at byte %d: %s", c.text, err, c.event, c.offset, c.what)
		}
	}
}

func TestMaxEvent(t *testing.T) {
	long := `[{"ph":"i","ts":1,"name":"` + strings.Repeat("x", 1<<20) + `"}]`
	r := chrome.NewReader(strings.NewReader(long))
	r.MaxEvent = 1 << 19
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "event 1 at byte 1: longer than 524288 bytes") {
		t.Errorf("got %.200v", err)
	}
	if events := readText(t, long); len(events[len(events)-1].Name) != 1<<20 {
		t.Error("an event of 1 MiB doesn't come through")
	}
}
