package trigger

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spanstack/spanstack/trace"
)

// A Trigger says what has to happen for a dump to be written. [Slow], [Failed], [Cancelled], [Anomaly], [When] and
// [Signal] make them, [AnyOf], [AllOf], [Nth] and [Every] combine them. It is a description: one trigger may be given
// to several watchers, each of which begins to count on its own. The zero Trigger never fires.
type Trigger struct {
	needs   needs
	signals []os.Signal
	start   func() detector
}

// needs says what a watcher has to look at for a trigger, so that it looks at nothing else.
type needs uint8

const (
	needRecords needs = 1 << iota // what the recorder records
	needOpen                      // what is open
)

// A detector is a trigger at work in one watcher, whose goroutine alone calls it. It returns why it fires.
type detector func(*batch) []Cause

// A batch is something that a watcher saw. The parts that it is not about are empty.
type batch struct {
	now     int64
	records []trace.Record
	open    []trace.Record // of a look at all that is open: the begins
	looked  bool           // open is such a look, though maybe an empty one
	signal  os.Signal
}

// A Cause is why a dump is written. The dump shows it as an instant of the category [Category] on the task or span that
// it is about.
type Cause struct {
	Trigger string   // "slow", "failed", "cancelled", "anomaly", "signal", "panic", "http", "manual" or a name of yours
	Reason  string   // what happened
	Span    trace.ID // the task or span that it happened to; 0 if to none
	Time    int64    // ns on the recorder's clock: for what ended its end, else when it was noticed

	stack string // of the goroutine that panicked
}

// String returns the trigger's name and the reason, as one line: reasons may come from outside.
func (c Cause) String() string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, c.Trigger+": "+c.Reason)
}

// A Match chooses among tasks, spans and other records. It is called on the watcher's goroutine, and may not change or
// keep the record. If it panics, that is reported as an error, and what it looked at has no effect.
type Match func(*trace.Record) bool

func (m Match) matches(r *trace.Record) bool { return m == nil || m(r) }

// Named returns a Match for the tasks and spans whose name is one of the patterns. In a pattern, "*" stands for any
// text, slashes included, and everything else for itself.
func Named(patterns ...string) Match {
	return func(r *trace.Record) bool {
		for _, p := range patterns {
			if matchName(p, r.Name) {
				return true
			}
		}
		return false
	}
}

func matchName(pattern, name string) bool {
	first, rest, stars := strings.Cut(pattern, "*")
	if !stars {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	parts := strings.Split(rest, "*")
	last := len(parts) - 1
	for _, part := range parts[:last] {
		i := strings.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return strings.HasSuffix(name, parts[last])
}

// Slow fires for each task, span or async span that m chooses and that takes d or longer: while it is open, so that one
// that hangs is seen, else when it ends. It fires once for each. A nil m chooses all, which is rarely wanted: the task
// that main opens is open as long as the program runs.
//
// What is open is looked at every Config.Poll, with the attributes that are known by then.
func Slow(d time.Duration, m Match) Trigger {
	return Trigger{needs: needRecords | needOpen, start: func() detector {
		s := slow{limit: int64(d), match: m, fired: map[trace.ID]int{}}
		return s.detect
	}}
}

type slow struct {
	limit int64
	match Match
	fired map[trace.ID]int // what fired while it was open, with the number of the look that saw it last
	looks int
}

func (s *slow) detect(b *batch) (causes []Cause) {
	for i := range b.records {
		r := &b.records[i]
		if !ended(r) {
			continue
		}
		_, known := s.fired[r.ID]
		delete(s.fired, r.ID)
		if took := r.End - r.Start; !known && took >= s.limit && s.match.matches(r) {
			causes = append(causes, causeOf("slow", r, r.End, "took "+duration(took)))
		}
	}
	if !b.looked {
		return causes
	}
	s.looks++
	for i := range b.open {
		r := &b.open[i]
		if _, known := s.fired[r.ID]; known {
			s.fired[r.ID] = s.looks
		} else if age := b.now - r.Start; age >= s.limit && r.Name != trace.StartedWhileOff && s.match.matches(r) {
			s.fired[r.ID] = s.looks
			causes = append(causes, causeOf("slow", r, b.now, "is open for "+duration(age)))
		}
	}
	for id, look := range s.fired {
		if look < s.looks-1 { // it ended, and its record was lost, or there never was one
			delete(s.fired, id)
		}
	}
	return causes
}

// ended reports whether r is of a task or span that has ended.
func ended(r *trace.Record) bool {
	return r.Kind <= trace.KindAsync && (r.Phase == trace.PhaseComplete || r.Phase == trace.PhaseEnd)
}

// Failed fires for each task or span that m chooses and that ended with an error. A nil m chooses all. The record has
// the error's text as Err.
func Failed(m Match) Trigger { return outcome("failed", "failed: ", trace.StatusError, m) }

// Cancelled fires for each task or span that m chooses and that ended because its context was cancelled. A nil m
// chooses all. The record has the cause of the cancellation as Err.
func Cancelled(m Match) Trigger {
	return outcome("cancelled", "was cancelled: ", trace.StatusCancelled, m)
}

func outcome(name, verb string, status trace.Status, m Match) Trigger {
	return records(func(r *trace.Record) (Cause, bool) {
		if !ended(r) || r.Status != status || !m.matches(r) {
			return Cause{}, false
		}
		return causeOf(name, r, r.End, verb+r.Err), true
	})
}

// Anomaly fires for each misuse of package trace that is recorded: see [trace.Anomaly].
func Anomaly() Trigger {
	return records(func(r *trace.Record) (Cause, bool) {
		if r.Kind != trace.KindAnomaly {
			return Cause{}, false
		}
		reason := r.Name
		for _, a := range r.Attrs {
			reason += fmt.Sprintf(", %s %q", a.Key, a.Value)
		}
		return Cause{Trigger: "anomaly", Reason: reason, Span: r.Parent, Time: r.Start}, true
	})
}

// When fires for each record that m chooses: an event, a line of the log, a counter, the end of a task or span. name
// names the trigger in files' names and in dumps: letters, digits and dashes.
func When(name string, m Match) Trigger {
	return records(func(r *trace.Record) (Cause, bool) {
		switch {
		case r.Kind <= trace.KindAsync && !ended(r), m == nil, !m(r):
			return Cause{}, false
		case r.Kind <= trace.KindAsync:
			return causeOf(name, r, r.End, "ended"), true
		case r.Kind == trace.KindLog:
			return Cause{Trigger: name, Reason: fmt.Sprintf("log line %q", r.Name), Span: r.Parent, Time: r.Start}, true
		}
		return Cause{Trigger: name, Reason: fmt.Sprintf("%v %q", r.Kind, r.Name), Span: r.Parent, Time: r.Start}, true
	})
}

// LogLine returns a Match, for [When], of the lines of the log at a level or above.
func LogLine(level slog.Level) Match {
	return func(r *trace.Record) bool { return r.Kind == trace.KindLog && r.Level >= level }
}

// records returns a trigger that looks at one record at a time.
func records(f func(*trace.Record) (Cause, bool)) Trigger {
	detect := func(b *batch) (causes []Cause) {
		for i := range b.records {
			if c, ok := f(&b.records[i]); ok {
				causes = append(causes, c)
			}
		}
		return causes
	}
	return Trigger{needs: needRecords, start: func() detector { return detect }}
}

// Signal fires when the process gets one of the signals; without any it is SIGUSR2, where there is one. They don't end
// the program as long as a watcher waits for them.
func Signal(signals ...os.Signal) Trigger {
	if len(signals) == 0 {
		signals = defaultSignals
	}
	return Trigger{signals: signals, start: func() detector {
		return func(b *batch) []Cause {
			for _, s := range signals {
				if b.signal == s {
					return []Cause{{Trigger: "signal", Reason: s.String(), Time: b.now}}
				}
			}
			return nil
		}
	}}
}

func causeOf(name string, r *trace.Record, at int64, what string) Cause {
	return Cause{Trigger: name, Reason: fmt.Sprintf("%v %q %s", r.Kind, r.Name, what), Span: r.ID, Time: at}
}

// duration renders ns for people.
func duration(ns int64) string {
	d := time.Duration(ns)
	return d.Round(max(1, d.Truncate(time.Second)/1000, time.Duration(1))).String()
}
