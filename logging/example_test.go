package logging_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
)

// A command opens its log once; everything below logs by its context.
func Example() {
	path := os.TempDir() + "/spanstack-example.log"
	defer os.Remove(path)
	h, err := logging.Open(logging.Config{Format: logging.FormatLogfmt, File: path})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := logging.WithHandler(context.Background(), h)

	ctx, task := trace.WithTask(ctx, "replicate")
	ctx = logging.With(ctx, slog.String("dataset", "tank/home"))
	logging.GetLogger(ctx, "zfs").Info("sent snapshot", "bytes", 4096)
	task.End()
	h.Close()

	line, _ := os.ReadFile(path)
	fmt.Print(withoutTime(strings.ReplaceAll(string(line), task.Stack(), "/<id>/")))
	// Output:
	// level=INFO subsystem=zfs trace=/<id>/ msg="sent snapshot" dataset=tank/home bytes=4096
}

func ExampleGetLogger() {
	h := logging.NewHandler(os.Stdout, logging.Options{Format: logging.FormatJSON})
	ctx := logging.WithHandler(context.Background(), dropTime{h})

	log := logging.GetLogger(ctx, "zfs.cmd")
	log.Info("zfs exited", "status", 1)
	log.Debug("not at this level")
	// Output:
	// {"level":"INFO","subsystem":"zfs.cmd","trace":"none","msg":"zfs exited","status":1}
}

func ExampleWith() {
	h := slog.NewTextHandler(os.Stdout, nil)
	ctx := logging.WithHandler(context.Background(), dropTime{h})

	ctx = logging.With(ctx, slog.String("job", "nightly"), slog.String("dataset", "tank"))
	inner := logging.With(ctx, slog.String("dataset", "tank/home"))
	logging.GetLogger(inner, "job").Info("step")
	logging.GetLogger(ctx, "job").Info("done", "job", "all")
	// Output:
	// level=INFO msg=step subsystem=job trace=none job=nightly dataset=tank/home
	// level=INFO msg=done subsystem=job trace=none job=all dataset=tank
}

func ExampleParseLevels() {
	levels, err := logging.ParseLevels("warn,zfs=info,zfs.cmd=debug")
	fmt.Println(levels.Enabled("zfs.cmd", slog.LevelDebug), levels.Enabled("zfs.send", slog.LevelDebug), err)
	_, err = logging.ParseLevels("verbose")
	fmt.Println(err)
	// Output:
	// true false <nil>
	// unknown level "verbose": want debug, info, warn, error or off
}

var timeField = regexp.MustCompile(`(?m)^time=\S+ `)

func withoutTime(lines string) string { return timeField.ReplaceAllString(lines, "") }

// dropTime is a handler for examples, whose output must not change.
type dropTime struct{ slog.Handler }

func (h dropTime) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}
