package syslog

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/internal/names"
	"github.com/spanstack/spanstack/logging/internal/redial"
)

// Config says where lines go. The zero value is this host's daemon.
type Config struct {
	Network Network
	// Address is the path of a local socket, "" for the usual ones; or else host:port, where the port is 514 for UDP,
	// 601 for TCP and 6514 for TLS if there is none.
	Address string
	TLS     *tls.Config // nil: this host's certificate authorities, and the name in Address

	Format   Format
	Facility Facility
	App      string // "": the program's name
	Host     string // "": this host's name
	ID       string // of the structured data; "": spanstack@32473
	// MaxMessage is how many bytes of a message the daemon takes: 2048 for UDP, as RFC 5426 wants of all receivers,
	// else 8192. It may be 480 to 65507 for UDP, else 480 to 1048576.
	MaxMessage int

	Options logging.Options     // of what concerns the format, only Stack is used; the name is "syslog" if there is none
	Queue   logging.QueueConfig // where lines wait
}

// Network is how a daemon is reached.
type Network uint8

const (
	Local Network = iota // a Unix socket, of datagrams or a stream
	UDP                  // RFC 5426
	TCP                  // RFC 6587, with octet counting
	TLS                  // RFC 5425
)

// Format is what messages look like.
type Format uint8

const (
	FormatAuto    Format = iota // FormatLocal on a local socket, else FormatRFC5424
	FormatRFC5424               // with structured data
	FormatLocal                 // as the C library has it, with logfmt pairs
)

// Facility is the kind of program that logs: RFC 5424, section 6.2.1.
type Facility uint8

const (
	Daemon Facility = iota
	Auth
	AuthPriv
	Cron
	FTP
	Kern
	LPR
	Mail
	News
	Syslog
	User
	UUCP
	Local0
	Local1
	Local2
	Local3
	Local4
	Local5
	Local6
	Local7
)

var (
	networkNames  = []string{Local: "local", UDP: "udp", TCP: "tcp", TLS: "tls"}
	formatNames   = []string{FormatAuto: "auto", FormatRFC5424: "rfc5424", FormatLocal: "local"}
	defaultPorts  = []string{UDP: "514", TCP: "601", TLS: "6514"}
	facilityNames = []string{"daemon", "auth", "authpriv", "cron", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}
	facilityCodes = []uint8{3, 4, 10, 9, 11, 0, 6, 2, 7, 5, 1, 8, 16, 17, 18, 19, 20, 21, 22, 23}
)

func (f Facility) code() uint8 {
	if int(f) < len(facilityCodes) {
		return facilityCodes[f]
	}
	return facilityCodes[0]
}

// String returns the network's name.
func (n Network) String() string { return names.Of(n, networkNames) }

// MarshalText implements encoding.TextMarshaler.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: local, udp, tcp or tls.
func (n *Network) UnmarshalText(text []byte) error {
	return names.Parse(n, text, "network", networkNames)
}

// String returns the format's name.
func (f Format) String() string { return names.Of(f, formatNames) }

// MarshalText implements encoding.TextMarshaler.
func (f Format) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: auto, rfc5424 or local.
func (f *Format) UnmarshalText(text []byte) error {
	return names.Parse(f, text, "syslog format", formatNames)
}

// String returns the facility's name, as syslog.conf(5) has it.
func (f Facility) String() string { return names.Of(f, facilityNames) }

// MarshalText implements encoding.TextMarshaler.
func (f Facility) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: daemon, user, local0 and so on.
func (f *Facility) UnmarshalText(text []byte) error {
	return names.Parse(f, text, "facility", facilityNames)
}

// Limits of a message. RFC 5424, section 6.1, wants receivers to take 480 bytes.
const (
	minMessage     = 480
	maxMessage     = 1 << 20
	defaultMessage = 8192 // rsyslog's and others' limit, if nothing else is configured
	defaultUDP     = 2048
	maxUDP         = 65507 // what an IPv4 datagram holds: a larger one would be tried for ever
)

// Open returns a handler whose lines go to a syslog daemon, which needn't be there yet. It must be closed, lest the
// last lines are lost.
func Open(c Config) (*logging.Handler, error) {
	dial, err := dialer(c)
	if err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	e, err := newEncoder(c)
	if err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	o := c.Options
	o.Name, o.Encoder = cmp.Or(o.Name, "syslog"), e
	return logging.NewHandler(redial.New(dial, c.Queue), o), nil
}

// Validate returns the error that Open would return. It connects to nothing.
func (c Config) Validate() error {
	if _, err := c.target(); err != nil {
		return err
	}
	_, err := newEncoder(c)
	return err
}

func newEncoder(c Config) (logging.Encoder, error) {
	limit, most := defaultMessage, maxMessage
	if c.Network == UDP {
		limit, most = defaultUDP, maxUDP
	}
	limit = cmp.Or(c.MaxMessage, limit)
	if limit < minMessage || limit > most {
		return nil, fmt.Errorf("messages of %d bytes at most: want %d to %d", limit, minMessage, most)
	}
	app, pid := cmp.Or(c.App, filepath.Base(os.Args[0])), strconv.Itoa(os.Getpid())
	if c.Format == FormatLocal || c.Format == FormatAuto && c.Network == Local {
		tag := strings.Map(func(r rune) rune {
			if strings.ContainsRune("[]:", r) { // they end a tag
				return '_'
			}
			return r
		}, string(appendName(nil, app, maxApp)))
		return &localEncoder{facility: c.Facility, tag: tag + "[" + pid + "]", max: limit}, nil
	}
	id := cmp.Or(c.ID, "spanstack@32473")
	if !isParamName(id) || strings.Count(id, "@") != 1 {
		return nil, fmt.Errorf("%q is no ID of structured data: want name@number, at most %d characters (RFC 5424, section 6.3.2)", id, maxParamName)
	}
	host := c.Host
	if host == "" {
		host, _ = os.Hostname() // else "-"
	}
	header := append(appendName(nil, host, maxHostname), ' ')
	header = append(appendName(header, app, maxApp), ' ')
	return &encoder{facility: c.Facility, header: string(append(header, pid...)), id: id, max: limit}, nil
}

// target returns the address to dial; "" for the usual local sockets.
func (c *Config) target() (string, error) {
	if int(c.Network) >= len(networkNames) {
		return "", fmt.Errorf("unknown network %d", c.Network)
	}
	if c.Network == Local {
		return c.Address, nil
	}
	if c.Address == "" {
		return "", fmt.Errorf("no address: %v needs host:port", c.Network)
	}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		host, port = strings.Trim(c.Address, "[]"), defaultPorts[c.Network]
		if strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return "", fmt.Errorf("address %q: want host:port", c.Address)
		}
	}
	if host == "" {
		return "", fmt.Errorf("address %q has no host", c.Address)
	}
	return net.JoinHostPort(host, port), nil
}
