package fxt

import (
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/spanstack/spanstack/tracefmt"
)

// provider is what the records of one provider build on ("Provider section metadata").
type provider struct {
	name      string
	perSecond uint64                                 // ticks
	strings   [(maxStrings + 1) / chunk]*[chunk]text // by index; a few records can't make it large
	threads   [maxThreads + 1]thread
}

const chunk = 256 // strings

// text is an entry of the string table.
type text struct {
	text  string
	own   own
	known bool
}

// thread is an entry of the thread table.
type thread struct {
	key     threadKey
	track   tracefmt.TrackID
	known   bool // there is such an entry
	located bool // track is that of the thread
}

func newProvider() *provider { return &provider{perSecond: nanosPerSecond} }

// nanos returns a time in ns. Ticks are taken as signed, since our own times may lie before 0.
func (p *provider) nanos(ticks uint64) (ns int64, ok bool) {
	if p.perSecond == nanosPerSecond {
		return int64(ticks), true
	}
	negative := int64(ticks) < 0
	if negative {
		ticks = -ticks
	}
	hi, lo := bits.Mul64(ticks, nanosPerSecond)
	if hi >= p.perSecond {
		return 0, false
	}
	n, _ := bits.Div64(hi, lo, p.perSecond)
	if n > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// metadata handles a metadata record.
func (r *Reader) metadata(header uint64, c cursor) {
	id := uint32(header >> 20)
	switch header >> 16 & 15 {
	case metaProvider:
		size := header >> 52 & 0xff
		name, ok := c.bytes(int(size))
		if !ok {
			r.losses.AddAt("malformed record of a provider", r.at)
			return
		}
		r.enter(id)
		r.current.name = r.intern(name)
	case metaSection:
		r.enter(id)
	case metaEvent:
		if header>>52&15 != 0 {
			r.losses.AddAt("provider event of unknown type", r.at)
			return
		}
		e := r.emit(tracefmt.Instant, 0) // a buffer was full
		e.Time, e.Name, e.Category = r.last, "records lost", tracefmt.CategoryLoss
		if p := r.providers[id]; p != nil && p.name != "" {
			e.Attrs = append(e.Attrs, tracefmt.Attr{Key: keyProvider, Value: tracefmt.String(p.name)})
		}
	case metaTrace:
		if header != magic { // that of another trace, which was joined to this one, too
			r.losses.AddAt("trace info of unknown type", r.at)
		}
	default:
		r.losses.AddAt("metadata of unknown type", r.at)
	}
}

// keyProvider is an attribute of processes: the provider that was the first to tell of them.
const keyProvider = "provider"

// enter makes a provider the one whose records follow.
func (r *Reader) enter(id uint32) {
	p := r.providers[id]
	if p == nil {
		p = newProvider()
		if len(r.providers) < maxProviders {
			r.providers[id] = p
		} else {
			r.losses.AddAt("provider beyond the first 256, of which no state is kept", r.at)
		}
	}
	r.current = p
}

// initialize handles an initialization record. That of github.com/janestreet/tracing, which magic-trace writes with,
// has two more words: a time in ticks, and the wall clock then in ns since 1970 UTC (Tick_translation of its writer).
func (r *Reader) initialize(c cursor) {
	perSecond, ok := c.word()
	if !ok || perSecond == 0 {
		r.losses.AddAt("malformed initialization record", r.at)
		return
	}
	r.current.perSecond = perSecond
	base, _ := c.word()
	unix, ok := c.word()
	if time, inRange := r.current.nanos(base); ok && inRange {
		e := r.emit(tracefmt.Clock, 0)
		e.Time, e.Unix = time, int64(unix)
	}
}

// addString handles a string record.
func (r *Reader) addString(header uint64, c cursor) {
	index := int(header >> 16 & maxStrings)
	b, ok := c.bytes(int(header >> 32 & maxStrings))
	if !ok {
		r.losses.AddAt("malformed string record", r.at)
		return
	}
	if index == 0 {
		return // it is that of the empty string; to be ignored
	}
	strings := &r.current.strings[index/chunk]
	if *strings == nil {
		*strings = new([chunk]text)
	}
	if entry := &(*strings)[index%chunk]; entry.text != string(b) || !entry.known {
		s := validString(b)
		*entry = text{s, ownOf(s), true}
	}
}

// addThread handles a thread record.
func (r *Reader) addThread(header uint64, c cursor) {
	process, _ := c.word()
	id, ok := c.word()
	if !ok {
		r.losses.AddAt("malformed thread record", r.at)
		return
	}
	if index := header >> 16 & maxThreads; index != 0 {
		r.current.threads[index] = thread{key: threadKey{process, id}, known: true}
	}
}

// cursor reads the words and streams of a record.
type cursor struct {
	b   []byte
	pos int
}

func (c *cursor) word() (v uint64, ok bool) {
	if c.pos+wordSize > len(c.b) {
		c.pos = len(c.b)
		return 0, false
	}
	b := c.b[c.pos : c.pos+wordSize]
	c.pos += wordSize
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56, true
}

// bytes reads a stream of n bytes.
func (c *cursor) bytes(n int) (b []byte, ok bool) {
	if padded(n) > len(c.b)-c.pos {
		return nil, false
	}
	b = c.b[c.pos : c.pos+n]
	c.pos += padded(n)
	return b, true
}

// text reads what a reference to a string means ("String references").
func (r *Reader) text(c *cursor, ref uint16) (t text, ok bool) {
	if ref&inlineText != 0 {
		b, ok := c.bytes(int(ref &^ inlineText))
		if !ok {
			return t, false
		}
		t.text = r.intern(b)
		t.own = ownOf(t.text)
		return t, true
	}
	if ref == 0 {
		return t, true
	}
	if strings := r.current.strings[ref/chunk]; strings != nil {
		t = strings[ref%chunk]
	}
	if !t.known {
		r.losses.AddAt("reference to a string that isn't in the table", r.at)
	}
	return t, true
}

// intern returns b as a string that is UTF-8.
func (r *Reader) intern(b []byte) string {
	if !utf8.Valid(b) {
		return validString(b)
	}
	return r.strings.Intern(b)
}

func validString(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }
