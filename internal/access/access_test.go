package access_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/internal/access"
)

// TestRules has what package capture's tests leave: they go through all that there is to Hosts and tokens.
func TestRules(t *testing.T) {
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		rules          access.Rules
		method, host   string
		header, value  string
		status         int
		wantInResponse string
	}{
		{access.Rules{}, "GET", "localhost:1", "", "", 200, ""},
		{access.Rules{}, "GET", "viewer.localhost", "", "", 200, ""},
		{access.Rules{}, "GET", "[::1]:8080", "", "", 200, ""},
		{access.Rules{}, "GET", "evil.example", "", "", 403, "isn't known by the name"},
		{access.Rules{Hosts: []string{"Box.example"}}, "GET", "box.example.:80", "", "", 200, ""},
		{access.Rules{}, "GET", "localhost", "Sec-Fetch-Site", "cross-site", 403, "may not look in here"},
		{access.Rules{}, "POST", "localhost", "Sec-Fetch-Site", "same-site", 403, "may not change anything"},
		{access.Rules{Token: "secret"}, "GET", "localhost", "", "", 401, "want the token"},
		{access.Rules{Token: "secret"}, "GET", "localhost", "Authorization", "Bearer secre", 401, "want the token"},
		{access.Rules{Token: "secret"}, "GET", "localhost", "Authorization", "bearer secret", 200, ""},
	} {
		r := httptest.NewRequest(c.method, "/", nil)
		r.Host = c.host
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		c.rules.Wrap(ok).ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.wantInResponse) {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
		if c.status != 200 && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%+v: headers %v", c, w.Header())
		}
	}
}

func TestSame(t *testing.T) {
	if !access.Same("a", "a") || access.Same("a", "b") || access.Same("", "b") || access.Same("aa", "a") {
		t.Error("secrets are compared wrongly")
	}
}

func TestListen(t *testing.T) {
	for addr, want := range map[string]string{"localhost:0": "", ":0": "", "LocalHost:0": "", "127.0.0.1:0": "127.0.0.1", "[::1]:0": "::1"} {
		l, host, err := access.Listen(addr)
		if err != nil {
			if addr == "[::1]:0" {
				continue // a host without IPv6
			}
			t.Fatal(err)
		}
		if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() || host != want {
			t.Errorf("%s: it listens at %v, with the name %q", addr, ip, host)
		}
		if _, _, err := access.Listen(l.Addr().String()); err == nil {
			t.Errorf("%s: two listen at one port", addr)
		}
		l.Close()
	}
	if _, _, err := access.Listen("8080"); err == nil {
		t.Error("an address without a port is taken")
	}
}
