package syslog_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"github.com/spanstack/spanstack/logging/syslog"
)

// TestSlog: what reaches a daemon is what log/slog wants of handlers.
func TestSlog(t *testing.T) {
	s := listen(t)
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		h, err := syslog.Open(syslog.Config{Address: s.path, Format: syslog.FormatRFC5424})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		return h
	}, func(t *testing.T) map[string]any {
		got := s.message(t)
		m := map[string]any{slog.MessageKey: got.text, slog.LevelKey: got.severity}
		if !got.time.IsZero() {
			m[slog.TimeKey] = got.time
		}
		for _, p := range got.params {
			nest(m, strings.Split(p.name, "."), p.value)
		}
		return m
	})
}

// nest puts a parameter into its groups.
func nest(m map[string]any, path []string, value string) {
	for ; len(path) > 1; path = path[1:] {
		inner, ok := m[path[0]].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[path[0]] = inner
		}
		m = inner
	}
	m[path[0]] = value
}
