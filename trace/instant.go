package trace

import (
	"log/slog"
	"time"
)

// Event records an instant on the task or span.
func (s *Span) Event(name string, attrs ...slog.Attr) {
	s.runtimeLog("event", name)
	if !s.recordsInstants() {
		return
	}
	s.instant(instant{kind: KindEvent, name: name}, attrs)
}

// Log records a log line on the task or span, so that captures show it there. at is the line's time; its monotonic
// reading is used if it has one, and the zero time means now. Package logging calls it for every line; few others need to.
func (s *Span) Log(at time.Time, level slog.Level, message string, attrs ...slog.Attr) {
	s.runtimeLog("log", message)
	if !s.recordsInstants() {
		return
	}
	if at.IsZero() {
		at = time.Now()
	}
	s.instant(instant{kind: KindLog, level: level, name: message, at: s.host.rec.timeOf(at)}, attrs)
}

// Counter records the value of a counter of the process, such as the length of a queue or the bytes sent so far.
// Captures draw the values of one name as a curve. name should be a constant.
func (s *Span) Counter(name string, value int64) {
	if s.recordsInstants() {
		s.instant(instant{kind: KindCounter, name: name}, []slog.Attr{slog.Int64(valueKey, value)})
	}
}

// CounterFloat is like [Span.Counter] for values that aren't whole numbers.
func (s *Span) CounterFloat(name string, value float64) {
	if s.recordsInstants() {
		s.instant(instant{kind: KindCounter, name: name}, []slog.Attr{slog.Float64(valueKey, value)})
	}
}

// Link records that the task or span has to do with another one, which is not its parent: the one that it waits for,
// that requested it, or whose work it goes on with. The other one may be of another process.
func (s *Span) Link(to Ref, attrs ...slog.Attr) {
	if s.recordsInstants() {
		s.instant(instant{kind: KindLink, link: to}, attrs)
	}
}

func (s *Span) recordsInstants() bool {
	return s != nil && s.host.rec.mode.load().level() == LevelRecording
}

// An instant is a record without duration.
type instant struct {
	kind  Kind
	level slog.Level
	name  string
	at    int64 // 0: when it is recorded
	link  Ref
}

func (s *Span) instant(i instant, attrs []slog.Attr) {
	var buf [256]byte
	s.writeInstant(i, attrList{first: attrs}.append(buf[:0]))
}

// maxSkew bounds how far a line's time may differ from the shard's clock only because that is another one.
const maxSkew = int64(time.Microsecond)

// writeInstant records i on s, or, if s ended at a level without records, on its innermost ancestor that has one.
func (s *Span) writeInstant(i instant, tail []byte) {
	sh := s.host.shard
	sh.mu.Lock()
	on := s
	if s.flags&flagRecorded == 0 {
		sh.mu.Unlock()
		on = keep(s)
		sh.mu.Lock()
	}
	if i.at == 0 {
		i.at = sh.clock.now()
	}
	if early := s.start - i.at; 0 < early && early < maxSkew {
		i.at = s.start
	}
	if i.kind == KindLog {
		sh.logs.writeInstant(on, &i, tail)
	} else {
		sh.spans.writeInstant(on, &i, tail)
	}
	sh.mu.Unlock()
}
