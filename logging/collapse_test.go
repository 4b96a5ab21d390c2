package logging_test

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/logging"
)

func TestCollapse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		o := logfmt(logging.Levels{})
		o.Collapse = 10 * time.Second
		h := logging.NewHandler(&b, o)
		log := logging.GetLogger(logging.WithHandler(t.Context(), h), "net")
		for i := range 25 {
			log.Warn("refused", "peer", "a")
			if i == 3 {
				log.Warn("refused", "peer", "b")
				log.Info("refused", "peer", "a")
			}
			time.Sleep(900 * time.Millisecond)
		}
		refused := `WARN subsystem=net msg=refused peer=a`
		want := []string{refused, `WARN subsystem=net msg=refused peer=b`, `INFO subsystem=net msg=refused peer=a`, refused + " repeated=11", refused + " repeated=11"}
		wantLines(t, "the log", b.lines(), want...)
		if err := h.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		want = append(want, refused+" repeated=2")
		wantLines(t, "the flushed log", b.lines(), want...)
		time.Sleep(20 * time.Second)
		log.Warn("refused", "peer", "a")
		log.Warn("refused", "peer", "a")
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		wantLines(t, "the closed log", b.lines(), append(want, refused, refused+" repeated=1")...)
		if got := fmt.Sprint(h.Counts()); got != "[{net INFO 1} {net WARN 28}]" {
			t.Errorf("counted %s", got)
		}
	})
}

// TestCollapseKeepsNothingOfTheProgram wants a counted line to have the values of its time, and the race detector to
// agree.
func TestCollapseKeepsNothingOfTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		o := logfmt(logging.Levels{})
		o.Collapse = time.Second
		h := logging.NewHandler(&b, o)
		log := logging.GetLogger(logging.WithHandler(t.Context(), h), "net")
		value := []int{1, 2}
		log.Info("x", "v", value, slog.Group("g", "w", &value))
		log.Info("x", "v", value, slog.Group("g", "w", &value))
		value[0] = 5
		time.Sleep(2 * time.Second)
		wantLines(t, "the log", b.lines(), `INFO subsystem=net msg=x v="[1 2]" g.w="&[1 2]"`, `INFO subsystem=net msg=x v="[1 2]" g.w="&[1 2]" repeated=1`)
		h.Close()
	})
}

// TestCollapseIsBounded: too many different lines are all written.
func TestCollapseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b syncBuffer
		o := logfmt(logging.Levels{})
		o.Collapse = time.Hour
		h := logging.NewHandler(&b, o)
		log := logging.GetLogger(logging.WithHandler(t.Context(), h), "net")
		for range 2 {
			for i := range 1000 {
				log.Info("line", "i", i)
			}
		}
		if n := len(b.lines()); n != 2000-256 {
			t.Errorf("%d lines", n)
		}
		h.Close()
		if n := len(b.lines()); n != 2000 {
			t.Errorf("%d lines after Close", n)
		}
	})
}

func TestCounts(t *testing.T) {
	var b syncBuffer
	h := logging.NewHandler(&b, logfmt(logging.Levels{Default: slog.LevelDebug - 10}))
	ctx := logging.WithHandler(t.Context(), h)
	for level := slog.LevelDebug - 5; level < slog.LevelError+5; level++ {
		logging.GetLogger(ctx, "b").Log(ctx, level, "x")
	}
	logging.GetLogger(ctx, "a").Info("x")
	if got := fmt.Sprint(h.Counts()); got != "[{a INFO 1} {b DEBUG 9} {b INFO 4} {b WARN 4} {b ERROR 5}]" {
		t.Errorf("counted %s", got)
	}
}
