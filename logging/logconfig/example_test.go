package logconfig_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logconfig"
	"github.com/spanstack/spanstack/logging/syslog"
)

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "log")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	all, zfs := filepath.Join(dir, "all"), filepath.Join(dir, "zfs")

	var config logconfig.Config
	flags := pflag.NewFlagSet("zferry", pflag.ContinueOnError)
	config.AddFlags(flags)
	err = flags.Parse([]string{"--log-format", "logfmt", "--log", "file:" + all, "--log", "file:" + zfs + `,level=off\,zfs=debug`})
	if err != nil {
		fmt.Println(err)
		return
	}
	log, err := logconfig.Open(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := logging.WithHandler(context.Background(), log.Handler)
	logging.GetLogger(ctx, "job").Info("replicating", "dataset", "tank/home")
	logging.GetLogger(ctx, "zfs").Debug("listing")
	if err := log.Close(); err != nil {
		fmt.Println(err)
	}

	for _, path := range []string{all, zfs} {
		lines, err := os.ReadFile(path)
		fmt.Print(filepath.Base(path), ": ", string(regexp.MustCompile(`(?m)^time=\S+ `).ReplaceAll(lines, nil)))
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// all: level=INFO subsystem=job trace=none msg=replicating dataset=tank/home
	// zfs: level=DEBUG subsystem=zfs trace=none msg=listing
}

// A configuration in Go, and the same in YAML and as flags.
func ExampleConfig() {
	config := logconfig.Config{
		Levels: logging.Levels{Default: slog.LevelWarn},
		Outlets: []logconfig.Outlet{
			{To: logconfig.Stderr{}},
			{To: logconfig.File{Path: "/var/log/a,b", Format: new(logging.FormatJSON), MaxSize: 100 * logconfig.MB, Compress: true}, Levels: &logging.Levels{}},
			{To: logconfig.Syslog{Address: "tls://logs.example.org", Facility: syslog.Local3}},
		},
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(string(text))
	for _, o := range config.Outlets {
		fmt.Println("--log", o)
	}
	// Output:
	// level: warn
	// outlets:
	// - type: stderr
	// - type: file
	//   path: "/var/log/a,b"
	//   format: json
	//   max_size: 100MB
	//   compress: true
	//   level: info
	// - type: syslog
	//   address: tls://logs.example.org
	//   facility: local3
	// --log stderr
	// --log file:/var/log/a\,b,format=json,max_size=100MB,compress,level=info
	// --log syslog:tls://logs.example.org,facility=local3
}

func ExampleConfig_AddFlags() {
	config := logconfig.Config{Format: logging.FormatLogfmt}
	flags := pflag.NewFlagSet("zferry", pflag.ContinueOnError)
	config.AddFlags(flags)
	fmt.Print("Flags:\n", flags.FlagUsages())
	// Output:
	// Flags:
	//       --log OUTLET          write log lines to OUTLET: stderr, stdout, file:PATH, syslog, syslog:ADDRESS, journald or otlp:URL, with fields behind it as in "file:/var/log/x,max_size=100MB,keep=7,level=debug"; may be repeated
	//       --log-config FILE     read where and how to log from FILE, in YAML; other flags replace what it says
	//       --log-file FILE       append log lines to FILE instead of writing them to stderr; short for --log file:FILE
	//       --log-format FORMAT   format of log lines: human, logfmt or json (default logfmt)
	//       --log-level LEVELS    write lines of this level and above: debug, info, warn, error or off; or per subsystem, as in "info,zfs=debug" (default info)
	//       --log-otel-ids        write OpenTelemetry's trace_id and span_id in log lines, too
	//       --log-stack STYLE     how much of the ID stack a line shows: full, short, off, or auto (short in human format, else full) (default auto)
}

// A program that has a file of its own.
func ExampleConfig_UnmarshalYAML() {
	var config struct {
		Pool string           `yaml:"pool"`
		Log  logconfig.Config `yaml:"log"`
	}
	text := `
pool: tank
log:
  level: info,zfs=debug
  outlets:
    - type: file
      path: /var/log/zferry.log
      max_size: 10 XB
      keep: many
`
	fmt.Println(yaml.UnmarshalWithOptions([]byte(text), &config, yaml.Strict()))
	// Output:
	// 8:7: log.outlets[0].max_size: "10 XB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB
	// 9:7: log.outlets[0].keep: "many" is no whole number
}
