package logmetrics_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logmetrics"
)

// lossy is an outlet that has lost lines.
type lossy struct {
	io.Writer
	lines uint64
}

func (lossy) Flush(context.Context) error { return nil }
func (lossy) Close() error                { return errors.New("lines are lost") }
func (l lossy) Dropped() uint64           { return l.lines }
func (lossy) OnLoss(func(uint64, error))  {}

func TestCollector(t *testing.T) {
	outlet := func(name string, lost uint64) *logging.Handler {
		return logging.NewHandler(lossy{io.Discard, lost}, logging.Options{Name: name})
	}
	plain := logging.NewHandler(io.Discard, logging.Options{Name: "stderr"})
	h := logging.Join(plain, outlet("syslog", 3), outlet("file", 0), outlet("syslog", 4))
	ctx := logging.WithHandler(t.Context(), h)
	zfs := logging.GetLogger(ctx, "zfs")
	for range 3 {
		zfs.Info("sent")
	}
	zfs.Error("failed")
	zfs.Debug("not at this level")
	logging.GetLogger(ctx, "a \"b\"\n\xff").Warn("strange")
	logging.GetLogger(ctx, "a \"b\"\n\xfe").Warn("strange")

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(logmetrics.NewCollector(h))
	const want = `
# HELP log_lines_lost_total Log lines that an outlet has lost.
# TYPE log_lines_lost_total counter
log_lines_lost_total{outlet="file"} 0
log_lines_lost_total{outlet="syslog"} 7
# HELP log_lines_total Log lines that were written or lost, by subsystem and level.
# TYPE log_lines_total counter
log_lines_total{level="error",subsystem="zfs"} 1
log_lines_total{level="info",subsystem="zfs"} 3
log_lines_total{level="warn",subsystem="a \"b\"\n\uFFFD"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(strings.ReplaceAll(want, `\uFFFD`, "\uFFFD"))); err != nil {
		t.Error(err)
	}
}
