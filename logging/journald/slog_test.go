package journald_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"github.com/spanstack/spanstack/logging/journald"
)

// TestSlog: what reaches the journal is what log/slog wants of handlers.
func TestSlog(t *testing.T) {
	conn, path := listen(t)
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		_, h := open(t, journald.Config{Socket: path})
		return h
	}, func(t *testing.T) map[string]any {
		m := map[string]any{}
		for _, f := range read(t, conn) {
			switch f.name {
			case "MESSAGE":
				m[slog.MessageKey] = f.value
			case "PRIORITY":
				m[slog.LevelKey] = f.value
			case "TIME":
				m[slog.TimeKey] = f.value
			default:
				nest(m, strings.Split(f.name, "_"), f.value)
			}
		}
		return m
	})
}

// nest puts a field into its groups. The test's groups have upper-case names, and its attributes lower-case ones.
func nest(m map[string]any, path []string, value string) {
	for ; len(path) > 1; path = path[1:] {
		inner, ok := m[path[0]].(map[string]any)
		if !ok {
			inner = map[string]any{}
			m[path[0]] = inner
		}
		m = inner
	}
	m[strings.ToLower(path[0])] = value
}
