// Package access keeps web pages and other users away from servers for people on this host: those of package capture, and
// the viewer.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Rules say who gets an answer. Those of the zero value keep out web pages: a browser on this host can reach what listens on
// loopback, and a page of any site could, by letting its name resolve to 127.0.0.1 (DNS rebinding), if nobody looked at
// the names in requests.
type Rules struct {
	// Hosts are names and addresses, without ports, by which clients may call this server, beyond localhost (and names
	// that end with .localhost), loopback addresses, and the address at which the connection arrived. "*" is any. Over
	// Unix sockets, any name is right.
	Hosts []string

	// Token, if not empty, has to be in each request: as "Authorization: Bearer TOKEN", or as the password of any user.
	Token string
}

// Wrap returns h for requests that may be answered. Others get 403 or, without the token, 401.
func (a Rules) Wrap(h http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, reason := http.StatusForbidden, a.forbidden(r)
		if reason == "" && sameOrigin.Check(r) != nil {
			reason = "a page of another site may not change anything here"
		}
		if reason == "" && !a.hasToken(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="debug", Basic realm="debug"`)
			status, reason = http.StatusUnauthorized, `want the token, as "Authorization: Bearer TOKEN" or as a password`
		}
		if reason != "" {
			SetSafe(w.Header())
			http.Error(w, reason, status)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// SetSafe sets the headers that all answers have.
func SetSafe(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// forbidden returns why a request isn't answered.
func (a Rules) forbidden(r *http.Request) string {
	if !a.knows(r) {
		return fmt.Sprintf("this server isn't known by the name %.100q: "+
			"want localhost, a loopback address, or a name that its configuration allows", r.Host)
	}
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return "a page of another site may not look in here"
	}
	return ""
}

// knows reports whether the Host of a request is a name of ours.
func (a Rules) knows(r *http.Request) bool {
	if slices.Contains(a.Hosts, "*") {
		return true
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if _, ok := local.(*net.UnixAddr); ok {
		return true
	}
	host := hostname(r.Host)
	if slices.ContainsFunc(a.Hosts, func(h string) bool { return host != "" && hostname(h) == host }) {
		return true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		tcp, ok := local.(*net.TCPAddr)
		return ip.IsLoopback() || ok && tcp.AddrPort().Addr().Unmap().WithZone("") == ip.WithZone("")
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// hostname returns the host in lower case, without port, brackets and final dot.
func hostname(hostport string) string {
	host := hostport
	if h, port, err := net.SplitHostPort(hostport); err == nil && strings.Trim(port, "0123456789") == "" {
		host = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func (a Rules) hasToken(r *http.Request) bool {
	if a.Token == "" {
		return true
	}
	_, got, ok := r.BasicAuth()
	scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " ")
	if found && strings.EqualFold(scheme, "Bearer") {
		got, ok = strings.TrimSpace(token), true
	}
	return ok && Same(got, a.Token)
}

// Same reports whether two secrets are the same, in a time that tells nothing of them.
func Same(got, want string) bool {
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want)) // of one length
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
