package endpoint

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
)

// Help explains the forms of an endpoint.
const Help = `[user@]host:pool/dataset is a dataset of another host: zferry starts "zferry agent" there, over ssh.
tls://host:port/pool/dataset is one of a host where "zferry agent --listen" runs. A dataset of this host whose pool has a colon in
its name is written with one in front: :pool:a/dataset.`

// Endpoint is a dataset of this host, "tank/home", or of another one: "root@nas:tank/home" by ssh, or "tls://nas:7443/tank/home".
// Two that are written in the same way are equal.
type Endpoint struct {
	Host    string // "", "[user@]host", or "tls://host:port"
	Dataset string
}

const scheme = "tls://"

// Parse parses an endpoint. A host is what stands before the first colon, unless there is a slash before that.
func Parse(text string) (Endpoint, error) {
	e, err := split(text)
	if err != nil {
		return Endpoint{}, err
	}
	return e, e.check(text, "")
}

// ParseName is Parse, but for a dataset or a snapshot.
func ParseName(text string) (Endpoint, error) {
	e, err := split(text)
	if err != nil {
		return Endpoint{}, err
	}
	return e, e.check(text, "@")
}

// split parts the host from the rest.
func split(text string) (e Endpoint, err error) {
	if rest, ok := strings.CutPrefix(text, scheme); ok {
		addr, dataset, ok := strings.Cut(rest, "/")
		if host, port, err := net.SplitHostPort(addr); err != nil || !ok || host == "" || port == "" {
			return e, fmt.Errorf("%s: want tls://host:port/pool/dataset", text)
		}
		return Endpoint{scheme + addr, dataset}, nil
	}
	host, dataset, ok := strings.Cut(text, ":")
	if !ok || strings.Contains(host, "/") {
		return Endpoint{Dataset: text}, nil
	}
	if host != "" && !sshHost.MatchString(host) {
		return e, fmt.Errorf("%s: %q is no host: want host or user@host", text, host)
	}
	return Endpoint{host, dataset}, nil
}

// sshHost are hosts for ssh. None can be taken for an option, nor can its user.
var sshHost = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9_.@+\\-]*@)?[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// check checks the dataset, which may have one of the sigils.
func (e Endpoint) check(text, sigils string) error {
	name, err := zfssend.ParseName(e.Dataset)
	if err == nil && name.Sigil != 0 && !strings.ContainsRune(sigils, rune(name.Sigil)) {
		err = fmt.Errorf("%s: want a dataset, not a snapshot or bookmark of it", text)
	}
	return err
}

// Here reports whether it is on this host.
func (e Endpoint) Here() bool { return e.Host == "" }

// HostName returns the host as messages name it: "root@nas", or "nas:7443"; "" if it is this one.
func (e Endpoint) HostName() string { return strings.TrimPrefix(e.Host, scheme) }

// With returns another dataset of the same host.
func (e Endpoint) With(dataset string) Endpoint { return Endpoint{e.Host, dataset} }

// String returns the endpoint as it is written.
func (e Endpoint) String() string {
	switch {
	case e.viaTLS():
		return e.Host + "/" + e.Dataset
	case e.Host != "":
		return e.Host + ":" + e.Dataset
	}
	pool, _, _ := strings.Cut(e.Dataset, "/")
	if strings.Contains(pool, ":") {
		return ":" + e.Dataset
	}
	return e.Dataset
}

func (e Endpoint) viaTLS() bool { return strings.HasPrefix(e.Host, scheme) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (e *Endpoint) UnmarshalText(text []byte) (err error) {
	*e, err = Parse(string(text))
	if err != nil {
		*e = Endpoint{}
	}
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (e Endpoint) MarshalText() ([]byte, error) { return []byte(e.String()), nil }
