package access

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Listen listens at HOST:PORT, on loopback if HOST is empty or localhost, whatever that may resolve to. It also returns the
// name in the address, if clients can call the server by that: it belongs to the Hosts of [Rules].
func Listen(addr string) (l net.Listener, host string, err error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, "", err
	}
	if host != "" && !strings.EqualFold(host, "localhost") {
		l, err := net.Listen("tcp", addr)
		if ip, ipErr := netip.ParseAddr(host); ipErr == nil && ip.IsUnspecified() {
			host = "" // nobody's name
		}
		return l, host, err
	}
	l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil && !inUse(err) && !errors.Is(err, os.ErrPermission) { // a host without IPv4
		if l6, err6 := net.Listen("tcp", net.JoinHostPort("::1", port)); err6 == nil {
			return l6, "", nil
		}
	}
	return l, "", err
}
