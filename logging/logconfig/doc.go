// Package logconfig is the configuration of a whole program's log: where its lines go, which, and how. It is a Go struct
// that has the same fields in YAML and in flags.
//
//	var config logconfig.Config
//	config.AddFlags(flags)
//	…                                 // parse
//	log, err := logconfig.Open(config)
//	…
//	defer log.Close()
//	ctx = logging.WithHandler(ctx, log.Handler)
//	mux.Handle("/debug/log/levels", log.Levels)
//
// # Outlets
//
// Each outlet has a type and what belongs to it, and levels, a stack style, a time to collapse lines and a queue of its
// own, or the common ones:
//
//	Config{
//		Levels: logging.Levels{Default: slog.LevelWarn},
//		Outlets: []Outlet{
//			{To: Stderr{}},
//			{To: File{Path: "/var/log/zferry.log", Format: new(logging.FormatJSON), MaxSize: 100 * MB, Keep: 7}, Levels: &all},
//			{To: Syslog{Address: "tls://logs.example.org", Facility: syslog.Local3}},
//		},
//	}
//
// # YAML
//
//	level: warn
//	outlets:
//	  - type: stderr
//	  - type: file
//	    path: /var/log/zferry.log
//	    level: debug
//	    format: json
//	    max_size: 100MB
//	    keep: 7
//	  - type: syslog
//	    address: tls://logs.example.org
//	    facility: local3
//
// docs/logging.md has a file with all fields. A value is what is written there, whatever YAML takes it for: the mode 0640
// is octal, and "off" is a level. Unknown fields are errors, aliases and tags too. All that is wrong is reported at once,
// with line, column and path:
//
//	log.yaml:8:5: outlets[1].max_size: "10 XB" is no size: want a whole number with B, kB, MB, GB, KiB, MiB or GiB
//
// A program that has a file of its own makes Config a field of its configuration, and decodes that with
// github.com/goccy/go-yaml. The path then begins with the field's.
//
// # Flags
//
// [Config.AddFlags] has the usual few for one outlet, one that may be repeated for several, and one for a file:
//
//	zferry --log-level debug --log-file zferry.log
//	zferry --log stderr,level=warn --log file:/var/log/zferry.log,format=json,max_size=100MB,keep=7 --log journald
//	zferry --log-config /etc/zferry/log.yaml --log-level debug
package logconfig
