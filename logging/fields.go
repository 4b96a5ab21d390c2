package logging

import (
	"log/slog"
	"slices"
)

// A scope is what a logger was given by With or WithGroup: attributes, or a group for all that comes after.
type scope struct {
	outer   *scope
	attrs   []slog.Attr
	group   string
	grouped bool // it or an outer one is a group
}

// append appends the scope's and the record's attributes to dst.
func (s *scope) append(dst []slog.Attr, r *slog.Record) []slog.Attr {
	if s == nil || !s.grouped {
		dst = s.appendFlat(dst)
		r.Attrs(func(a slog.Attr) bool {
			dst = append(dst, a)
			return true
		})
		return dst
	}
	inner := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		inner = append(inner, a)
		return true
	})
	return s.wrap(dst, inner)
}

// wrap appends the scope's attributes to dst, and inner ones within the scope's groups.
func (s *scope) wrap(dst, inner []slog.Attr) []slog.Attr {
	for ; s != nil; s = s.outer {
		switch {
		case s.group == "":
			inner = append(s.attrs[:len(s.attrs):len(s.attrs)], inner...)
		case len(inner) > 0:
			inner = []slog.Attr{{Key: s.group, Value: slog.GroupValue(inner...)}}
		}
	}
	return append(dst, inner...)
}

func (s *scope) appendFlat(dst []slog.Attr) []slog.Attr {
	if s == nil {
		return dst
	}
	return append(s.outer.appendFlat(dst), s.attrs...)
}

// unique returns attrs with each name once. It returns attrs itself if they are so already, which is nearly always and
// found out with a small Bloom filter.
func unique(attrs []slog.Attr) []slog.Attr {
	var seen uint64
	for i := range attrs {
		a := &attrs[i]
		bit := uint64(1)
		if n := len(a.Key); n > 0 {
			bit <<= (uint(n)*7 + uint(a.Key[0])*5 + uint(a.Key[n-1])) & 63
		} else if a.Value.Kind() == slog.KindGroup {
			return merge(nil, attrs) // its members belong to this level
		}
		if seen&bit != 0 && has(attrs[:i], a.Key) {
			return merge(nil, attrs)
		}
		seen |= bit
	}
	return attrs
}

func has(attrs []slog.Attr, key string) bool {
	for i := range attrs {
		if attrs[i].Key == key {
			return true
		}
	}
	return false
}

// merge adds attrs to into: those that exist there already replace them in place, and groups become one.
func merge(into, attrs []slog.Attr) []slog.Attr {
next:
	for _, a := range attrs {
		a.Value = a.Value.Resolve()
		group := a.Value.Kind() == slog.KindGroup
		if group && a.Key == "" {
			into = merge(into, a.Value.Group())
			continue
		}
		if a.Equal(slog.Attr{}) || group && len(a.Value.Group()) == 0 {
			continue // slog's rules: the zero Attr and empty groups are ignored
		}
		for i := range into {
			if into[i].Key != a.Key {
				continue
			}
			if old := into[i].Value; group && old.Kind() == slog.KindGroup {
				a.Value = slog.GroupValue(merge(merge(nil, old.Group()), a.Value.Group())...)
			}
			into[i] = a
			continue next
		}
		into = append(into, a)
	}
	return into
}

// resolve gives attributes, which it changes, the values of their LogValuers.
func resolve(attrs []slog.Attr) []slog.Attr {
	for i := range attrs {
		if attrs[i].Value.Kind() == slog.KindLogValuer {
			attrs[i].Value = attrs[i].Value.Resolve()
		}
	}
	return attrs
}

// ownNames returns attrs, which it may change, with each name once and none that is one of ours.
func ownNames(attrs []slog.Attr) []slog.Attr {
	attrs = unique(attrs)
	renamed := false
	for i := range attrs {
		if isReserved(attrs[i].Key) {
			attrs[i].Key, renamed = otherName(attrs[i].Key), true
		}
	}
	if renamed {
		return unique(attrs)
	}
	return attrs
}

// otherName is the name that an attribute gets which has one of ours.
func otherName(key string) string { return "fields." + key }

// withoutOTelNames returns attrs without the names of OTel's IDs, which are ours only where they are asked for. It
// doesn't change them, since other handlers may have them, too.
func withoutOTelNames(attrs []slog.Attr) []slog.Attr {
	ours := func(a slog.Attr) bool { return a.Key == TraceIDKey || a.Key == SpanIDKey }
	if !slices.ContainsFunc(attrs, ours) {
		return attrs
	}
	renamed := append([]slog.Attr(nil), attrs...)
	for i := range renamed {
		if ours(renamed[i]) {
			renamed[i].Key = otherName(renamed[i].Key)
		}
	}
	return unique(renamed)
}

func isReserved(key string) bool {
	switch key {
	case slog.TimeKey, slog.LevelKey, slog.MessageKey, SubsystemKey, TraceKey, EndedKey, RepeatedKey, droppedKey:
		return true
	}
	return false
}
