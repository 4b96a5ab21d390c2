package logrbridge_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logrbridge"
	"github.com/spanstack/spanstack/trace"
)

func TestNew(t *testing.T) {
	var b bytes.Buffer
	h := logging.NewHandler(&b, logging.Options{Format: logging.FormatLogfmt, Stack: logging.StackFull, Levels: logging.Levels{Default: slog.LevelDebug}})
	ctx := logging.With(logging.WithHandler(t.Context(), h), slog.String("cluster", "c1"))
	ctx, task := trace.WithTask(ctx, "reconcile")
	defer task.End()
	log := logrbridge.New(ctx, "controller")
	log.Info("begun", "pod", "a b")
	log.V(4).Info("details\nof it")
	log.V(5).Info("too much")
	log.WithName("pods").WithName("gc").WithValues("n", 1).Error(errors.New("gone"), "failed", "m", 2)
	if log.V(5).Enabled() || !log.V(4).Enabled() {
		t.Error("V(4) is debug")
	}
	got := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i, line := range got {
		_, got[i], _ = strings.Cut(line, " ") // behind the time
	}
	place := " subsystem=controller trace=" + trace.Stack(ctx)
	want := []string{
		"level=INFO" + place + ` msg=begun cluster=c1 pod="a b"`,
		"level=DEBUG" + place + ` msg="details\nof it" cluster=c1`,
		"level=ERROR" + place + ` msg=failed cluster=c1 n=1 logger=pods/gc err=gone m=2`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
