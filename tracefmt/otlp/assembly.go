package otlp

import (
	"fmt"
	"math"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
	"github.com/spanstack/spanstack/tracefmt/internal/spans"
)

const maxScopes = 1 << 10 // scopes that are remembered

// assembly puts spans together from what a reader finds, and keeps what is common to those of a resource and a scope.
type assembly struct {
	spans.Emitter
	span spans.Span
	log  spans.Log
	text jsontext.Decoder

	resource  spans.Resource // room for one
	process   tracefmt.TrackID
	described bool             // the resource of the process was found, or it is shared by those that have none
	unnamed   tracefmt.TrackID // the process of resources of which there is nothing
	known     map[string]tracefmt.TrackID
	schemas   map[tracefmt.TrackID]string // of processes
	scope     *spans.Scope
	scopes    map[spans.Scope]*spans.Scope
	scopeUsed bool
	value     []byte // room for a value as JSON
}

// enterResource begins a ResourceSpans.
func (a *assembly) enterResource() {
	a.process, a.described = 0, false
	a.enterScope()
}

// enterScope begins a ScopeSpans.
func (a *assembly) enterScope() { a.scope, a.scopeUsed = nil, false }

// setResource takes in a.resource, where raw is how the input wrote it.
func (a *assembly) setResource(raw []byte) {
	var id tracefmt.TrackID
	switch {
	case a.process != 0 && a.process != a.unnamed: // spans came before it
		a.Describe(a.process, &a.resource)
		a.described = true
		return
	case a.process != 0:
		a.Losses.Add("resource after its spans")
		fallthrough
	default:
		id = a.Process(&a.resource)
	}
	if a.known == nil || len(a.known) >= maxScopes {
		a.known = make(map[string]tracefmt.TrackID)
	}
	if len(raw) > 0 {
		a.known[string(raw)] = id
	}
	a.process, a.described = id, true
}

// knowsResource takes in a resource that was there before, in the same bytes.
func (a *assembly) knowsResource(raw []byte) bool {
	id := a.known[string(raw)]
	if id == 0 || a.process != 0 {
		return false
	}
	a.process, a.described = id, true
	return true
}

// setResourceSchema takes in the schema of a resource, which comes after its spans as a rule.
func (a *assembly) setResourceSchema(url string) {
	if url == "" || a.process == 0 || a.schemas[a.process] == url {
		return
	}
	if a.schemas == nil || len(a.schemas) >= maxScopes {
		a.schemas = make(map[tracefmt.TrackID]string)
	}
	a.schemas[a.process] = url
	a.Describe(a.process, &spans.Resource{Schema: url})
}

// leaveResource ends a ResourceSpans.
func (a *assembly) leaveResource() {
	if a.process != 0 && !a.described {
		a.unnamed = a.process
	}
}

func (a *assembly) processOf() tracefmt.TrackID {
	if a.process == 0 {
		if a.unnamed == 0 {
			a.process = a.Anonymous()
		} else {
			a.process = a.unnamed
		}
	}
	return a.process
}

// setScope takes in a scope, or what is found of it later.
func (a *assembly) setScope(s spans.Scope) {
	if s == (spans.Scope{}) {
		a.scope = nil
		return
	}
	known := a.scopes[s]
	if known == nil {
		if a.scopes == nil || len(a.scopes) >= maxScopes {
			a.scopes = make(map[spans.Scope]*spans.Scope)
		}
		known = &s
		a.scopes[s] = known
	}
	a.scope = known
}

// findScope takes in a scope that is found at a byte of the input. It has the schema that was found before.
func (a *assembly) findScope(s spans.Scope, offset int64) {
	if a.scope != nil {
		s.Schema = a.scope.Schema
		if s == *a.scope {
			return
		}
	}
	if a.scopeUsed && s != (spans.Scope{}) {
		a.Losses.AddAt("scope after its spans", offset)
	}
	a.setScope(s)
}

// setScopeSchema takes in the schema of a scope.
func (a *assembly) setScopeSchema(url string, offset int64) {
	switch {
	case url == "" || a.scope != nil && a.scope.Schema == url:
	case a.scopeUsed:
		a.Losses.AddAt("schema of a scope after its spans", offset)
	default:
		var s spans.Scope
		if a.scope != nil {
			s = *a.scope
		}
		s.Schema = url
		a.setScope(s)
	}
}

// emitSpan hands out a.span, which began and ended at ns since 1970.
func (a *assembly) emitSpan(start, end uint64, offset int64) {
	s := &a.span
	if start > math.MaxInt64 || end > math.MaxInt64 {
		a.Losses.AddAt("span whose time is out of range", offset)
		return
	}
	s.Start = int64(start)
	switch s.Dur = int64(end) - int64(start); {
	case end == 0 && start != 0:
		s.Dur = tracefmt.Open
	case s.Dur < 0:
		a.Losses.AddAt("span that ends before it starts, made to end at once", offset)
		s.Dur = 0
	}
	s.Process, s.Scope = a.processOf(), a.scope
	a.scopeUsed = true
	a.Span(s)
}

// emitLog hands out a.log, of a moment in ns since 1970.
func (a *assembly) emitLog(at, observed uint64, offset int64) {
	l := &a.log
	if at == 0 {
		at = observed
	}
	if at > math.MaxInt64 {
		a.Losses.AddAt("log record whose time is out of range", offset)
		return
	}
	if l.SeverityText == l.Severity.String() {
		l.SeverityText = ""
	}
	l.Time, l.Process, l.Scope = int64(at), a.processOf(), a.scope
	a.scopeUsed = true
	a.Log(l)
}

// setBody takes in the body of a log record.
func (a *assembly) setBody(v tracefmt.Value) {
	if v.Kind() == tracefmt.StringValue {
		a.log.Text, a.log.Body = v.String(), tracefmt.Value{}
		return
	}
	a.log.Body = v
}

func severity(n uint64) tracefmt.Severity {
	if n > 24 {
		return 0
	}
	return tracefmt.Severity(n)
}

func status(n uint64) spans.Status {
	if n > uint64(spans.StatusError) {
		return spans.StatusUnset
	}
	return spans.Status(n)
}

func kind(n uint64) spans.Kind {
	if n > uint64(spans.KindConsumer) {
		return spans.KindUnspecified
	}
	return spans.Kind(n)
}

func syntax(format string, event, offset int64, err error) error {
	return &tracefmt.SyntaxError{Format: format, Event: event, Offset: offset, Err: err}
}

func failed(format string, offset int64, err error) error {
	return fmt.Errorf("read %s trace: at byte %d: %w", format, offset, err)
}
