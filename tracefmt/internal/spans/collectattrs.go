package spans

import (
	"math"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// take takes those attributes out of a span's that it has fields for.
func (s *Span) take() (scope Scope) {
	lastError := -1
	for i := range s.Attrs {
		if s.Attrs[i].Key == tracefmt.AttrError {
			lastError = i
		}
	}
	rest := s.Attrs[:0]
	for i, a := range s.Attrs {
		if !(i == lastError && s.setError(a.Value)) && !s.set(a.Key, a.Value, &scope) {
			rest = append(rest, a)
		}
	}
	s.Attrs = rest
	return scope
}

func (c *Collector) take(s *Span) { s.Scope = c.scopeOf(s.take()) }

// scopeOf returns a pointer to a scope, the same for equal ones that follow each other.
func (c *Collector) scopeOf(scope Scope) *Scope {
	if scope == (Scope{}) {
		return nil
	}
	if c.scope == nil || *c.scope != scope {
		c.scope = &scope
	}
	return c.scope
}

// setError sets the status by the error of a slice. Errors that a status can't express stay attributes.
func (s *Span) setError(v tracefmt.Value) bool {
	if !(&tracefmt.Event{Attrs: []tracefmt.Attr{{Key: tracefmt.AttrError, Value: v}}}).Failed() {
		return false
	}
	s.Status = StatusError
	if v.Kind() == tracefmt.StringValue {
		s.Message = v.String()
		return true
	}
	return v.Kind() == tracefmt.BoolValue
}

// set sets the field that an attribute stands for, if it does.
func (s *Span) set(key string, v tracefmt.Value, scope *Scope) bool {
	if setScope(scope, key, v) {
		return true
	}
	switch key {
	case KeyKind:
		kind, ok := ParseKind(v.String())
		if ok = ok && v.Kind() == tracefmt.StringValue; ok {
			s.Kind = kind
		}
		return ok
	case KeyState:
		return setText(&s.State, v)
	case KeyStatus:
		if v == tracefmt.String("OK") && s.Status == StatusUnset {
			s.Status = StatusOK
			return true
		}
	case KeyFlags:
		return setCount(&s.Flags, v)
	case KeyDroppedAttrs:
		return setCount(&s.DroppedAttrs, v)
	case KeyDroppedEvents:
		return setCount(&s.DroppedEvents, v)
	case KeyDroppedLinks:
		return setCount(&s.DroppedLinks, v)
	}
	return false
}

func setScope(s *Scope, key string, v tracefmt.Value) bool {
	if len(key) < len(KeyScope) || !strings.HasPrefix(key, "otel.scope.") {
		return false
	}
	switch key {
	case KeyScope:
		return setText(&s.Name, v)
	case KeyScopeVersion:
		return setText(&s.Version, v)
	case KeyScopeSchema:
		return setText(&s.Schema, v)
	case KeyScopeAttrs:
		if v.Kind() == tracefmt.RawValue && s.Attrs == "" && strings.HasPrefix(v.String(), "{") {
			s.Attrs = v.String()
			return true
		}
	}
	return false
}

// setText sets a field to a string that isn't empty, once.
func setText(field *string, v tracefmt.Value) bool {
	if *field != "" || v.Kind() != tracefmt.StringValue || v.String() == "" {
		return false
	}
	*field = v.String()
	return true
}

// setCount sets a field to a number of 32 bits that isn't 0, once.
func setCount(field *uint32, v tracefmt.Value) bool {
	n, ok := v.Int64()
	if !ok || n <= 0 || n > math.MaxUint32 || *field != 0 {
		return false
	}
	*field = uint32(n)
	return true
}

// size returns roughly how much memory a span holds, in bytes.
func (s *Span) size() int {
	n := 200 + len(s.Name) + len(s.Message) + sizeOf(s.Attrs)
	for i := range s.Events {
		n += 64 + len(s.Events[i].Name) + sizeOf(s.Events[i].Attrs)
	}
	for i := range s.Links {
		n += 64 + sizeOf(s.Links[i].Attrs)
	}
	return n
}

func sizeOf(attrs []tracefmt.Attr) (n int) {
	for i := range attrs {
		n += 48 + len(attrs[i].Key)
		if k := attrs[i].Value.Kind(); k == tracefmt.StringValue || k == tracefmt.RawValue {
			n += len(attrs[i].Value.String())
		}
	}
	return n
}
