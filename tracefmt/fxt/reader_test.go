package fxt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/tracefmt/fxt"
)

// records are made by hand here, by the specification's bit numbers and without the package's constants.

func words(w ...uint64) []byte {
	var b []byte
	for _, v := range w {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// stream returns text as words.
func stream(text string) []uint64 {
	text += strings.Repeat("\x00", (8-len(text)%8)%8)
	var w []uint64
	for ; text != ""; text = text[8:] {
		w = append(w, binary.LittleEndian.Uint64([]byte(text)))
	}
	return w
}

// record returns a record with the bits from 16 on of its header, and what follows.
func record(kind int, bits uint64, rest ...[]uint64) []byte {
	var body []uint64
	for _, r := range rest {
		body = append(body, r...)
	}
	return words(append([]uint64{uint64(kind) | uint64(1+len(body))<<4 | bits<<16}, body...)...)
}

func one(w ...uint64) []uint64 { return w }

// inline returns the reference to an inline string.
func inline(s string) uint64 { return 0x8000 | uint64(len(s)) }

var magic = words(0x0016547846040010)

// trace joins records to a trace.
func trace(records ...[]byte) []byte { return append(bytes.Clone(magic), bytes.Join(records, nil)...) }

// event returns an event record with an inline thread, category and name.
func event(kind, time int, name string, nargs int, rest ...[]uint64) []byte {
	head := [][]uint64{one(uint64(time), 7, 8), stream("cat"), stream(name)}
	return record(4, uint64(kind)|uint64(nargs)<<4|inline("cat")<<16|inline(name)<<32, append(head, rest...)...)
}

// arg returns an argument with the bits from 32 on of its header.
func arg(kind int, name string, bits uint64, rest ...uint64) []uint64 {
	payload := append(stream(name), rest...)
	return append(one(uint64(kind)|uint64(1+len(payload))<<4|inline(name)<<16|bits<<32), payload...)
}

func blob(name, payload string) []byte {
	return record(5, inline(name)|uint64(len(payload))<<16|1<<32, stream(name), stream(payload))
}

func read(t testing.TB, data []byte) []tracefmt.Event {
	t.Helper()
	events, err := fmttest.ReadAll(fxt.NewReader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// text writes events in lines that can be compared.
func text(events []tracefmt.Event) string {
	return strings.TrimSpace(fmttest.ContentOf(events, tracefmt.KeepsAll).String())
}

func expect(t *testing.T, data []byte, losses string, want ...string) {
	t.Helper()
	r := fxt.NewReader(bytes.NewReader(data))
	events, err := fmttest.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(events); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	var list []string
	for _, l := range r.Losses() {
		list = append(list, fmt.Sprintf("%s %d", l.What, l.Count))
	}
	if got := strings.Join(list, "; "); got != losses {
		t.Errorf("losses %q, want %q", got, losses)
	}
}

// TestJane reads what another program's writer writes; what its source says is in it is in the comments.
func TestJane(t *testing.T) {
	data, err := os.ReadFile("testdata/jane/demo.fxt")
	if err != nil {
		t.Fatal(err)
	}
	const async = `on 1/2 at %d "my_funct" cat "stuff" id "" parent "" key "%d" { "stuff":2:"%d" }`
	const counter = `counter on 1/2 at %d "my_funct" cat "stuff" id "" parent "" key "1" `
	expect(t, data, "counter's value that isn't a number 1", // a pointer
		`process 1 "myproc" order 0 { "provider":5:"jane_tracing" }`,
		`track 1/2 "mythread" order 0 { }`,
		``,
		`clock at 0 unix 1`, // its base_time
		`complete on 1/2 at 10000 "my_funct" cat "stuff" id "" parent "" dur 4990000 { "my_funct":5:"stuff" }`,
		`complete on 1/2 at 7000000 "my_funct" cat "stuff" id "" parent "" dur 8000000 `+
			`{ "my_funct":5:"wow" "stuff":5:"cool" }`,
		fmt.Sprintf(`async begin `+async, 23_000_000, 1, 2),
		`flow start on 1/2 at 2000000 "" cat "" id "" parent "" key "1" { }`,
		`instant on 1/2 at 17000000 "my_funct" cat "stuff" id "" parent "" { }`,
		fmt.Sprintf(`async begin `+async, 24_000_000, 2, 1),
		`begin on 1/2 at 20000000 "my_funct" cat "stuff" id "" parent "" { }`,
		`flow step on 1/2 at 15000000 "" cat "" id "" parent "" key "1" { }`,
		`end on 1/2 at 40000000 { "my_funct":2:"-4611686018427387904" "stuff":2:"-1" "myproc":4:"-1" }`, // 63 bits
		fmt.Sprintf(`async instant `+async, 25_000_000, 2, 1),
		fmt.Sprintf(`async instant `+async, 26_000_000, 1, 2),
		`flow end on 1/2 at 20000000 "" cat "" id "" parent "" key "1" next false { }`,
		fmt.Sprintf(counter+`{ "stuff":2:"1" }`, 7_000_000),
		fmt.Sprintf(`async end `+async, 29_000_000, 1, 2),
		fmt.Sprintf(`async end `+async, 31_000_000, 2, 1),
		fmt.Sprintf(counter+`{ "stuff":4:"2.5" }`, 20_000_000),
		fmt.Sprintf(counter+`{ "stuff":2:"9223372036854775807" }`, 20_000_000),
	)
}

func TestArguments(t *testing.T) {
	expect(t, trace(event(0, 5, "i", 12,
		arg(0, "null", 0), arg(1, "i32", 0xffffffff), arg(2, "u32", 0xffffffff), arg(3, "i64", 0, 1<<63),
		arg(4, "u64", 0, math.MaxUint64), arg(5, "f", 0, math.Float64bits(-0.5)),
		arg(6, "s", inline("text"), stream("text")...), arg(7, "p", 0, 0x7f00), arg(8, "k", 0, 9), arg(9, "b", 1),
		arg(10, "blob", 3, stream("abc")...), arg(11, "new", 0, 1, 2, 3))),
		"argument of unknown type 11 1",
		`process 7 "" order 0 { }`, `track 7/8 "" order 0 { }`, ``,
		`instant on 7/8 at 5 "i" cat "cat" id "" parent "" { "null":6:"null" "i32":2:"-1" "u32":2:"4294967295" `+
			`"i64":2:"-9223372036854775808" "u64":3:"18446744073709551615" "f":4:"-0.5" "s":5:"text" "p":5:"0x7f00" `+
			`"k":2:"9" "b":1:"true" "blob":5:"YWJj" }`)
}

// TestReservedNames checks that an argument of ours that is on another record, or of another type, is an attribute.
func TestReservedNames(t *testing.T) {
	expect(t, trace(event(0, 5, "i", 4, arg(8, "process", 0, 7), arg(1, "spanstack.order", 1), arg(1, "spanstack.id", 2),
		arg(6, "spanstack.json.j", inline("[ 1"), stream("[ 1")...))), "",
		`process 7 "" order 0 { }`, `track 7/8 "" order 0 { }`, ``,
		`instant on 7/8 at 5 "i" cat "cat" id "" parent "" { "process":2:"7" `+
			`"spanstack.order":2:"1" "spanstack.id":2:"2" "j":5:"[ 1" }`)
}

// TestTicks checks that ticks become nanoseconds exactly, with other rates than 10^9, and numbers beyond 64 bits on the
// way.
func TestTicks(t *testing.T) {
	for _, test := range []struct {
		perSecond, ticks uint64
		want             string
	}{
		{1e9, math.MaxInt64, "at 9223372036854775807 "},
		{19_200_000, 19_200_000*7 + 1, "at 7000000052 "}, // 52.08
		{3, 1, "at 333333333 "},
		{3, 9_223_372_036*3 + 2, "at 9223372036666666666 "},
		{math.MaxUint64, math.MaxInt64, "at 499999999 "},
		{24_000_000, 1 << 50, "at 46912496118442666 "},
	} {
		data := trace(record(1, 0, one(test.perSecond)), record(4, 0, one(test.ticks, 7, 8)))
		events, err := fmttest.ReadAll(fxt.NewReader(bytes.NewReader(data)))
		if err != nil {
			t.Fatal(err)
		}
		if got := text(events); !strings.Contains(got, test.want) {
			t.Errorf("%d ticks at %d a second: %s, want %s", test.ticks, test.perSecond, got, test.want)
		}
	}
	expect(t, trace(record(1, 0, one(1)), record(4, 0, one(1<<62, 7, 8)), record(1, 0, one(0))),
		"event with a time out of range, or beyond the first 2^20 threads 1; malformed initialization record 1",
		`process 7 "" order 0 { }`, `track 7/8 "" order 0 { }`)
}

// TestProviders checks that each provider has tables and ticks of its own.
func TestProviders(t *testing.T) {
	provider := func(id int, name string) []byte {
		return record(0, 1|uint64(id)<<4|uint64(len(name))<<36, stream(name))
	}
	section := func(id int) []byte { return record(0, 2|uint64(id)<<4) }
	str := func(index int, s string) []byte { return record(2, uint64(index)|uint64(len(s))<<16, stream(s)) }
	thread := func(index, process, id int) []byte { return record(3, uint64(index), one(uint64(process), uint64(id))) }
	instant := record(4, 1<<8|5<<32, one(1000))
	expect(t, trace(
		provider(1, "one"), str(5, "a"), thread(1, 10, 11), record(1, 0, one(1e6)),
		provider(2, "two"), str(5, "b"), thread(1, 20, 21), instant,
		section(1), instant, str(5, "c"), instant, record(0, 3|2<<4),
		section(3), instant, record(9, inline("")&0x7fff|1<<16, one(1)),
	), "reference to a string that isn't in the table 1; reference to a thread that isn't in the table 1",
		`process 0 "" order 0 { }`,
		`process 10 "" order 0 { "provider":5:"one" }`, `process 20 "" order 0 { "provider":5:"two" }`,
		`track 0/0 "" order 0 { }`, `track 10/11 "" order 0 { }`, `track 20/21 "" order 0 { }`, ``,
		`instant on 20/21 at 1000 "b" cat "" id "" parent "" { }`,
		`instant on 10/11 at 1000000 "a" cat "" id "" parent "" { }`,
		`instant on 10/11 at 1000000 "c" cat "" id "" parent "" { }`,
		`instant on whole at 1000000 "records lost" cat "loss" id "" parent "" { "provider":5:"two" }`,
		`instant on 0/0 at 1000 "" cat "" id "" parent "" { }`,
		`log on 0/0 at 1 "" cat "" id "" parent "" severity  { }`)
}

func TestKernelObjects(t *testing.T) {
	object := func(kind, koid int, name string, nargs int, args ...[]uint64) []byte {
		rest := append([][]uint64{one(uint64(koid)), stream(name)}, args...)
		return record(7, uint64(kind)|inline(name)<<8|uint64(nargs)<<24, rest...)
	}
	expect(t, trace(
		object(2, 8, "before", 0), event(0, 1, "i", 0), object(2, 8, "after", 0),
		object(1, 7, "p", 1, arg(6, "version", inline("1"), stream("1")...)),
		object(2, 9, "t", 1, arg(8, "process", 0, 7)), object(3, 10, "vmo", 0), object(2, 1, "nobody's", 0),
		object(1, 7, "bad\xff", 0),
	), "record of a kernel object that is no process or thread 1",
		`process 7 "bad`+"\ufffd"+`" order 0 { "version":5:"1" }`,
		`track 7/8 "after" order 0 { }`, `track 7/9 "t" order 0 { }`, ``,
		`instant on 7/8 at 1 "i" cat "cat" id "" parent "" { }`)
}

// TestSkipped checks what is passed over, and that what follows is read.
func TestSkipped(t *testing.T) {
	large := words(15|5<<4, 1, 2, 3, 4)
	last := event(4, 1, "s", 0, one(3))
	expect(t, trace(
		blob("b", "abc"), record(6, 1, one(0)), record(8, 0, one(0)),
		record(10, 0), large, record(12, 0), record(0, 9), record(4, 11, one(0, 7, 8)),
		record(4, 0|1<<4, one(0, 7, 8), one(6|1<<4|(0x8000|100)<<32)), // an argument that is longer than the record
		record(4, 0, one(0)), record(4, 1, one(0, 7, 8)), record(2, 1|100<<16), record(3, 1), record(9, 100, one(0, 7, 8)),
		event(4, 3, "backwards", 0, one(1)), last,
	), "blob record 1; event of unknown type 11 1; large record 1; malformed event record 3; malformed log record 1; "+
		"malformed string record 1; malformed thread record 1; metadata of unknown type 1; profiler record 1; "+
		"record of a userspace object 1; record of unknown type 12 1; scheduling record 1; slice with a bad duration 1",
		`process 7 "" order 0 { }`, `track 7/8 "" order 0 { }`, ``,
		`complete on 7/8 at 1 "s" cat "cat" id "" parent "" dur 2 { }`)
}

func TestBroken(t *testing.T) {
	for _, test := range []struct {
		name   string
		data   []byte
		offset int64
		want   string
	}{
		{"empty", nil, 0, "cut short"},
		{"text", []byte("hello, world"), 0, "neither"},
		{"big-endian", []byte("\x00\x16\x54\x78\x46\x04\x00\x10"), 0, "big-endian"},
		{"no length", trace(words(4)), 8, "without a length"},
		{"large without a length", trace(words(15)), 8, "without a length"},
		{"cut in a large record", trace(words(15|1<<35, 0)), 24, "cut short"},
		{"cut behind a blob", trace(blob("spanstack.event", "n\x01x")), 40, "cut short"},
		{"cut in a header", trace([]byte{1}), 9, "cut short"},
	} {
		_, err := fmttest.ReadAll(fxt.NewReader(bytes.NewReader(test.data)))
		syntax, ok := errors.AsType[*tracefmt.SyntaxError](err)
		if !ok || syntax.Offset != test.offset || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q at byte %d", test.name, err, test.want, test.offset)
		}
	}
	// Older producers begin with an initialization record.
	if events := read(t, bytes.Join([][]byte{record(1, 0, one(1000)), event(0, 1, "i", 0)}, nil)); events[2].Time != 1e6 {
		t.Errorf("without a magic number: %v", events)
	}
}
