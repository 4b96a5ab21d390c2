package fxt

import (
	"encoding/binary"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// The specification is https://fuchsia.dev/fuchsia-src/reference/tracing/trace-format; sections are named in comments.
// All words have 64 bits and are little-endian.

const (
	wordSize = 8

	// magic is the first record of a trace ("Magic number record"), and swapped what it is with the other byte order.
	magic   = 0x0016547846040010
	swapped = 0x1000044678541600

	maxWords   = 1<<12 - 1 // of a record ("Record header")
	maxText    = 32000     // bytes of a string ("String references")
	maxArgs    = 15        // of a record ("Arguments")
	maxStrings = 1<<15 - 1 // of the string table
	maxThreads = 1<<8 - 1  // of the thread table
	inlineText = 1 << 15   // in a reference to a string: it is inline, and has as many bytes as the rest says

	nanosPerSecond = 1e9 // ticks, where no initialization record says otherwise ("Timestamps")
)

// Types of records ("Record types").
const (
	recordMetadata  = 0
	recordInit      = 1
	recordString    = 2
	recordThread    = 3
	recordEvent     = 4
	recordBlob      = 5
	recordUserspace = 6
	recordKernel    = 7
	recordSchedule  = 8
	recordLog       = 9
	recordProfiler  = 10
	recordLarge     = 15
)

// Types of metadata ("Metadata record").
const (
	metaProvider = 1
	metaSection  = 2
	metaEvent    = 3
	metaTrace    = 4
)

// Types of events ("Event record").
const (
	eventInstant      = 0
	eventCounter      = 1
	eventBegin        = 2
	eventEnd          = 3
	eventComplete     = 4
	eventAsyncBegin   = 5
	eventAsyncInstant = 6
	eventAsyncEnd     = 7
	eventFlowBegin    = 8
	eventFlowStep     = 9
	eventFlowEnd      = 10
)

// kinds are the model's kinds of events, by type.
var kinds = [...]tracefmt.Kind{
	eventInstant: tracefmt.Instant, eventCounter: tracefmt.Counter,
	eventBegin: tracefmt.Begin, eventEnd: tracefmt.End, eventComplete: tracefmt.Complete,
	eventAsyncBegin: tracefmt.AsyncBegin, eventAsyncInstant: tracefmt.AsyncInstant, eventAsyncEnd: tracefmt.AsyncEnd,
	eventFlowBegin: tracefmt.FlowStart, eventFlowStep: tracefmt.FlowStep, eventFlowEnd: tracefmt.FlowEnd,
}

// eventTypes is the reverse of kinds.
var eventTypes = func() (types [256]uint64) {
	for t, kind := range kinds {
		types[kind] = uint64(t)
	}
	return types
}()

// Types of arguments ("Argument types").
const (
	argNull    = 0
	argInt32   = 1
	argUint32  = 2
	argInt64   = 3
	argUint64  = 4
	argDouble  = 5
	argString  = 6
	argPointer = 7
	argKoid    = 8
	argBool    = 9
	argBlob    = 10
)

// Types of kernel objects (ZX_OBJ_TYPE_PROCESS and _THREAD of zircon/syscalls/types.h), and the argument by which the
// record of a thread says which process it is of ("Kernel object record").
const (
	objectProcess = 1
	objectThread  = 2
	keyProcess    = "process"
)

const blobData = 1 // a type of blobs: data that nobody but their writer knows ("BLOB record")

// Names of arguments and blobs that carry what the format has no place for.
const (
	ownPrefix = "spanstack."
	keyID     = ownPrefix + "id"      // Event.ID
	keyParent = ownPrefix + "parent"  // Event.Parent
	keyKey    = ownPrefix + "key"     // Event.Key, where it isn't the decimal text of the correlation ID
	keyOpen   = ownPrefix + "open"    // of a duration begin: it is a Complete slice whose end isn't known
	keyNext   = ownPrefix + "next"    // of a flow end: Event.BindNext
	keyJSON   = ownPrefix + "json."   // before the name of an attribute that is JSON, written as a string
	keyOrder  = ownPrefix + "order"   // of a kernel object: Event.Order
	keySource = ownPrefix + "source"  // of a kernel object: Event.SourceID, where it isn't the koid
	keyScope  = ownPrefix + "scope"   // of a thread: it stands for its process, or for the whole trace
	keyLaneOf = ownPrefix + "lane_of" // of a thread: the koid of the one whose overlapping slices it has

	scopeProcess = "process"
	scopeTrace   = "trace"

	blobEvent = ownPrefix + "event" // what the record that follows has no room for, see appendExtra
	blobClock = ownPrefix + "clock" // two words: a time in ticks, and the wall clock then in ns since 1970 UTC
)

// catLane is the category of arrows to slices that aren't on their parent's thread.
const catLane = ownPrefix + "lane"

// own says which of our arguments a name is that of.
type own uint8

const (
	notOwn own = iota
	ownID
	ownParent
	ownKey
	ownOpen
	ownNext
	ownJSON
	ownOrder
	ownSource
	ownScope
	ownLaneOf
	ownProcess // the format's own
)

var ownNames = map[string]own{
	keyID: ownID, keyParent: ownParent, keyKey: ownKey, keyOpen: ownOpen, keyNext: ownNext,
	keyOrder: ownOrder, keySource: ownSource, keyScope: ownScope, keyLaneOf: ownLaneOf,
}

func ownOf(name string) own {
	switch {
	case name == keyProcess:
		return ownProcess
	case !strings.HasPrefix(name, ownPrefix):
		return notOwn
	case strings.HasPrefix(name, keyJSON):
		return ownJSON
	}
	return ownNames[name]
}

// Format describes this format.
var Format = &tracefmt.Format{
	Name:        "fxt",
	Description: "Fuchsia's trace format: compact records that can be cut off anywhere (Perfetto, Fuchsia, magic-trace)",
	Extensions:  []string{".fxt", ".ftf"},
	MIMEType:    "application/octet-stream",
	Detect:      detect,
	NewReader:   func(r io.Reader) tracefmt.Reader { return NewReader(r) },
	NewWriter:   func(w io.Writer) tracefmt.Writer { return NewWriter(w) },
	Mode:        tracefmt.Streaming,
	Keeps:       tracefmt.KeepsAll,
}

func init() { tracefmt.Register(Format) }

// detect wants the magic number. That of the other byte order is taken, too, so that the Reader can tell why it doesn't
// read it.
func detect(prefix []byte) int {
	if len(prefix) < wordSize {
		return 0
	}
	switch binary.LittleEndian.Uint64(prefix) {
	case magic:
		return 100
	case swapped:
		return tracefmt.Certain
	}
	return 0
}

// padded returns the length of a stream of n bytes ("Atoms").
func padded(n int) int { return (n + wordSize - 1) &^ (wordSize - 1) }

// correlation returns the number that joins the points of a flow or of an async slice, or tells the instances of a
// counter apart: key as a number if it is the decimal text of one, so that the numbers of other programs come back as
// they are, and else a hash. isNumber says which.
func correlation(key, category, name string) (id uint64, isNumber bool) {
	if id, ok := decimal(key); ok {
		return id, true
	}
	return hash(hash(hash(hashSeed, key), category), name), false
}

// decimal returns the number that text is the usual decimal text of.
func decimal(text string) (n uint64, ok bool) {
	if text == "" || len(text) > 19 || text[0] == '0' && len(text) > 1 { // 19 digits always fit
		return 0, false
	}
	for i := range len(text) {
		d := text[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}

const hashSeed = 0x9e3779b97f4a7c15

// hash mixes a string into h, by words. It need not withstand anybody: what joins points in our own files is the key.
func hash(h uint64, s string) uint64 {
	mix := func(v uint64) {
		h = (h ^ v) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	mix(uint64(len(s)))
	for ; len(s) >= wordSize; s = s[wordSize:] {
		mix(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
	}
	var rest uint64
	for i := range len(s) {
		rest |= uint64(s[i]) << (8 * i)
	}
	mix(rest)
	return h
}
