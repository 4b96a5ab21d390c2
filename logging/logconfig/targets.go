package logconfig

import (
	"cmp"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/journald"
	"github.com/spanstack/spanstack/logging/logfile"
	"github.com/spanstack/spanstack/logging/syslog"
)

// Stderr is the program's standard error output.
type Stderr struct {
	Format *logging.Format `yaml:"format"` // nil: the common one
}

// Stdout is its standard output.
type Stdout struct {
	Format *logging.Format `yaml:"format"` // nil: the common one
}

func (Stderr) place() string { return "stderr" }
func (Stdout) place() string { return "stdout" }

func (Stderr) validate(func(string, string, ...any)) {}
func (Stdout) validate(func(string, string, ...any)) {}

func (t Stderr) open(s settings) (*logging.Handler, error) { return openStd(os.Stderr, t.Format, s) }
func (t Stdout) open(s settings) (*logging.Handler, error) { return openStd(os.Stdout, t.Format, s) }

func openStd(std *os.File, format *logging.Format, s settings) (*logging.Handler, error) {
	f, err := logging.DupStd(std)
	if err != nil {
		return nil, err
	}
	return logging.NewFileHandler(f, s.formatted(format), s.queue), nil
}

// formatted returns the options with an outlet's own format, if it has one.
func (s *settings) formatted(format *logging.Format) logging.Options {
	o := s.options
	if format != nil {
		o.Format = *format
	}
	return o
}

// File is a file that lines are appended to, and that is rotated if it has a MaxSize or an Every: see package logfile.
// A FIFO or a terminal will do, too.
type File struct {
	Path     string          `yaml:"path"`
	Format   *logging.Format `yaml:"format"`   // nil: the common one
	Mode     Mode            `yaml:"mode"`     // of new files; 0: 0600
	MaxSize  Size            `yaml:"max_size"` // 1kB or more; 0: no limit
	Every    time.Duration   `yaml:"every"`    // 1m or more; 0: never
	Keep     int             `yaml:"keep"`     // how many rotated files; 0: all
	Compress bool            `yaml:"compress"` // rotated files
	// SIGHUP opens the file anew at that signal, which then doesn't end the program any more. It is only needed by who
	// can't wait for the second within which a file that was moved away is noticed anyway.
	SIGHUP bool `yaml:"sighup"`
}

func (t File) place() string { return "file " + absolute(t.Path) }

func (t File) validate(wrong func(field, format string, args ...any)) {
	switch t.Path {
	case "":
		wrong("path", "there is none")
	case "-":
		wrong("path", `"-" is no file: there are outlets of the types stderr and stdout`)
	}
	if t.MaxSize != 0 && t.MaxSize < KB {
		wrong("max_size", "%v is too small: want %v or more", t.MaxSize, KB)
	}
	if t.Every != 0 && t.Every < time.Minute {
		wrong("every", "%s is too often: want 1m or more", durationText(t.Every))
	}
	if t.MaxSize != 0 || t.Every != 0 {
		return
	}
	if t.Keep != 0 {
		wrong("keep", "no file is rotated without max_size or every")
	}
	if t.Compress {
		wrong("compress", "no file is rotated without max_size or every")
	}
}

func (t File) open(s settings) (*logging.Handler, error) {
	mode := cmp.Or(fs.FileMode(t.Mode), 0o600)
	if info, err := os.Stat(t.Path); err == nil && !info.Mode().IsRegular() { // nothing that can be rotated
		f, err := logging.OpenFile(t.Path, mode)
		if err != nil {
			return nil, err
		}
		return logging.NewFileHandler(f, s.formatted(t.Format), s.queue), nil
	}
	return logfile.Open(logfile.Config{
		Path: t.Path, Mode: mode, MaxBytes: int64(t.MaxSize), Every: t.Every, Keep: t.Keep, Compress: t.Compress, SIGHUP: t.SIGHUP,
		Options: s.formatted(t.Format), Queue: s.queue,
	})
}

// Syslog is a syslog daemon: see package syslog.
type Syslog struct {
	// Address is udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT, where the port may be left out, or the path of a
	// local socket. "" are the usual ones of this host.
	Address    string          `yaml:"address"`
	Format     syslog.Format   `yaml:"format"`
	Facility   syslog.Facility `yaml:"facility"`
	App        string          `yaml:"app"`         // "": the program's name
	Host       string          `yaml:"host"`        // "": this host's name
	ID         string          `yaml:"id"`          // of structured data; "": spanstack@32473
	MaxMessage Size            `yaml:"max_message"` // what the daemon takes; 0: 2KiB for UDP, else 8KiB

	// These are for tls:// only. They are files in PEM format, which are read when the outlet is opened.
	CA         string `yaml:"ca"`          // authorities of the daemon's certificate; "": this host's
	Cert       string `yaml:"cert"`        // our certificate, if the daemon wants one
	Key        string `yaml:"key"`         // its key
	ServerName string `yaml:"server_name"` // in the daemon's certificate; "": the host in Address
}

// config returns the part of the outlet's configuration that can be checked.
func (t *Syslog) config() (syslog.Config, error) {
	c := syslog.Config{
		Address: t.Address, Format: t.Format, Facility: t.Facility, App: t.App, Host: t.Host, ID: t.ID, MaxMessage: int(t.MaxMessage),
	}
	if t.Address == "" || t.Address[0] == '/' {
		return c, nil
	}
	network, address, ok := strings.Cut(t.Address, "://")
	if !ok {
		return c, errSyslogAddress
	}
	c.Address = address
	switch network {
	case "udp":
		c.Network = syslog.UDP
	case "tcp":
		c.Network = syslog.TCP
	case "tls":
		c.Network = syslog.TLS
	default:
		return c, errSyslogAddress
	}
	if u, err := url.Parse(t.Address); err != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return c, errSyslogAddress
	}
	return c, nil
}

var errSyslogAddress = errors.New("want udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT, or the path of a socket")

func (t Syslog) place() string { return "syslog " + t.Address }

func (t Syslog) validate(wrong func(field, format string, args ...any)) {
	c, err := t.config()
	if err == nil {
		err = syslog.Config{Network: c.Network, Address: c.Address}.Validate()
	}
	if err != nil {
		wrong("address", "%q: %w", t.Address, err)
		c.Network, c.Address = syslog.Local, ""
	}
	if err := (syslog.Config{Network: c.Network, Address: c.Address, MaxMessage: int(min(t.MaxMessage, GiB))}).Validate(); err != nil {
		wrong("max_message", "%w", err)
	}
	if err := (syslog.Config{Format: syslog.FormatRFC5424, ID: t.ID}).Validate(); err != nil {
		wrong("id", "%w", err)
	}
	without := "only an address with tls:// has certificates"
	if c.Network == syslog.TLS || err != nil {
		without = ""
	}
	t.certificates().validate(wrong, without)
}

func (t Syslog) open(s settings) (*logging.Handler, error) {
	c, err := t.config()
	if err != nil {
		return nil, err
	}
	if c.Network == syslog.TLS {
		if c.TLS, err = t.certificates().config(); err != nil {
			return nil, err
		}
	}
	c.Options, c.Queue = s.options, s.queue
	return syslog.Open(c)
}

func (t *Syslog) certificates() certificates { return certificates{t.CA, t.Cert, t.Key, t.ServerName} }

// Journald is systemd's journal: see package journald.
type Journald struct {
	Socket string `yaml:"socket"` // "": this host's journal
	App    string `yaml:"app"`    // "": the program's name
}

func (t Journald) place() string { return "journald " + cmp.Or(t.Socket, journald.Socket) }

func (t Journald) validate(func(string, string, ...any)) {}

func (t Journald) open(s settings) (*logging.Handler, error) {
	return journald.Open(journald.Config{Socket: t.Socket, App: t.App, Options: s.options, Queue: s.queue})
}
