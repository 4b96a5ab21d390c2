// Package captureflag gives a command the flags with which its users get traces of it:
//
//	--trace FILE           write a trace, from the start to the end: see [capture.ParseFile]
//	--debug-listen ADDR    show by HTTP what the program does: see [capture.Listen]
//
// A program with flags of its own kind needs no more than package capture.
//
//	var observe captureflag.Flags
//	observe.AddFlags(cmd.Flags())
//	…                                                   // parse
//	observed, err := observe.Start(capture.Config{})
//	…
//	defer func() { err = errors.Join(err, observed.Stop()) }()
package captureflag

import (
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
)

// Flags are the values of the flags. The zero value is none.
type Flags struct {
	Trace  capture.FileConfig // of --trace; without a Path, SPANSTACK_TRACE counts
	Listen string             // of --debug-listen
}

// AddFlags adds flags that set f.
func (f *Flags) AddFlags(flags *pflag.FlagSet) {
	flags.Var(&fileValue{&f.Trace, ""}, "trace", "write a trace to `FILE`, in the format that its name says ("+extensions()+"); FILE,max_size=100MB,keep=5 bounds it")
	flags.StringVar(&f.Listen, "debug-listen", f.Listen, "show at `ADDR` by HTTP what is going on: localhost:6060, or unix:PATH for a socket")
}

// extensions lists those of the formats that the program imports and that can be streamed.
func extensions() string {
	var list []string
	for _, f := range tracefmt.Formats() {
		if f.NewWriter == nil || f.Mode != tracefmt.Streaming {
			continue
		}
		if list = append(list, f.Extensions[0]); !f.Packed {
			list = append(list, f.Extensions[0]+".gz")
		}
	}
	return strings.Join(list, ", ")
}

// fileValue is a FileConfig as a flag.
type fileValue struct {
	config *capture.FileConfig
	text   string
}

func (v *fileValue) String() string { return v.text }
func (v *fileValue) Type() string   { return "FILE" }

func (v *fileValue) Set(text string) error {
	config, err := capture.ParseFile(text)
	if err != nil {
		return err
	}
	*v.config, v.text = config, text
	return nil
}

// Running is what flags have started.
type Running struct {
	// Server is that of --debug-listen, nil without it. Handlers may be added to it.
	Server *capture.Server

	file    *capture.File
	fromEnv func()
}

// Start starts what the flags say: the trace of config.Recorder, and the listener with config. Without --trace, the file
// that SPANSTACK_TRACE names is written, whose errors are told on stderr and are none of ours: see [capture.FromEnv].
func (f *Flags) Start(config capture.Config) (*Running, error) {
	r := &Running{fromEnv: func() {}}
	rec := config.Recorder
	if rec == nil {
		rec = trace.Default()
	}
	var err error
	if f.Trace.Path == "" {
		r.fromEnv = capture.FromEnv()
	} else if r.file, err = f.Trace.Start(rec); err != nil {
		return nil, err
	}
	if f.Listen != "" {
		if r.Server, err = capture.Listen(f.Listen, config); err != nil {
			return nil, errors.Join(err, r.Stop())
		}
	}
	return r, nil
}

// Stop ends the listener, and completes the trace. Only the first call does anything; it returns what went wrong.
func (r *Running) Stop() error {
	err := r.Server.Stop()
	r.fromEnv()
	return errors.Join(err, r.file.Stop())
}
