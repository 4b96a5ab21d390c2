package capture

import (
	"net/http"

	"github.com/spanstack/spanstack/internal/access"
)

// Access says who gets an answer from debug endpoints. The zero value keeps out web pages: a browser on this host can
// reach what listens on loopback, and a page of any site could, by letting its name resolve to 127.0.0.1 (DNS
// rebinding), if nobody looked at the names in requests.
type Access struct {
	// Hosts are names and addresses, without ports, by which clients may call this server, beyond localhost (and names
	// that end with .localhost), loopback addresses, and the address at which the connection arrived. "*" is any; it is
	// for servers that have their own ways to keep others out. Over Unix sockets, any name is right.
	Hosts []string

	// Token, if not empty, has to be in each request: as "Authorization: Bearer TOKEN", or as the password of any user
	// (for browsers, and for tools that only know http://user:TOKEN@host/).
	Token string
}

// Wrap returns h for requests that may be answered. Others get 403 or, without the token, 401.
func (a Access) Wrap(h http.Handler) http.Handler { return access.Rules(a).Wrap(h) }
