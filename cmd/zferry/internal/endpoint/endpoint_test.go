package endpoint_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]endpoint.Endpoint{
		"tank/home":               {Dataset: "tank/home"},
		"nas:tank/home":           {Host: "nas", Dataset: "tank/home"},
		"joe@nas.lan:tank":        {Host: "joe@nas.lan", Dataset: "tank"},
		"joe@corp.org@nas:tank":   {Host: "joe@corp.org@nas", Dataset: "tank"},
		"tls://nas:8700/tank/a":   {Host: "tls://nas:8700", Dataset: "tank/a"},
		"tls://[fe80::1]:87/tank": {Host: "tls://[fe80::1]:87", Dataset: "tank"},
		"tank/a:b":                {Dataset: "tank/a:b"},
		":pool:a/b":               {Dataset: "pool:a/b"},
		"nas:pool:a/b":            {Host: "nas", Dataset: "pool:a/b"},
		"-oProxyCommand=x:tank":   {},
		"a@-oProxyCommand=x:tank": {},
		"-l@nas:tank":             {},
		"a b:tank":                {},
		"nas;id:tank":             {},
		"tls://nas/tank":          {},
		"tls://:87/tank":          {},
		"tls://nas:8700":          {},
		"tank@mon":                {},
		"nas:tank#mon":            {},
		"":                        {},
		":":                       {},
		"nas:":                    {},
	} {
		e, err := endpoint.Parse(text)
		if (want == endpoint.Endpoint{}) != (err != nil) || err == nil && (e != want || e.String() != text) {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
		if err == nil && e.Here() != (want.Host == "") {
			t.Errorf("%q: Here is %v", text, e.Here())
		}
	}
}

func TestParseName(t *testing.T) {
	if e, err := endpoint.ParseName("root@nas:tank/a@mon"); err != nil || e.Dataset != "tank/a@mon" || e.HostName() != "root@nas" {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := endpoint.ParseName("tank/a#mon"); err == nil {
		t.Errorf("a bookmark is %+v", e)
	}
	if e, _ := endpoint.Parse("tls://nas:87/tank"); e.HostName() != "nas:87" {
		t.Errorf("the name of the host is %q", e.HostName())
	}
}

// TestText: what is written is read as the same, whatever the pool is called.
func TestText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := endpoint.Endpoint{Host: rapid.SampledFrom([]string{"", "nas", "root@nas", "tls://nas:87"}).Draw(t, "host"),
			Dataset: rapid.StringMatching(`[a-z][a-z0-9_.:-]{0,8}(/[a-z0-9_.:-]{1,4})?`).Draw(t, "dataset")}
		if strings.Contains(e.Dataset, "/.") { // "." and ".." are no names
			return
		}
		text, err := e.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again endpoint.Endpoint
		if err := again.UnmarshalText(text); err != nil || again != e {
			t.Fatalf("%+v is %s, which is %+v, %v", e, text, again, err)
		}
	})
}

func TestOr(t *testing.T) {
	all := endpoint.Connection{SSHOptions: []string{"-p22"}, Agent: "all", TLS: endpoint.TLS{Cert: "a", Key: "b", CA: "c"}}
	if got := (endpoint.Connection{}).Or(all); got.Agent != "all" || got.SSHOptions[0] != "-p22" || got.TLS != all.TLS {
		t.Errorf("%+v", got)
	}
	own := endpoint.Connection{SSHOptions: []string{}, Agent: "own", TLS: endpoint.TLS{Cert: "x"}}
	if got := own.Or(all); got.Agent != "own" || len(got.SSHOptions) != 0 || got.TLS != own.TLS {
		t.Errorf("%+v", got)
	}
	e := endpoint.Endpoint{Host: "tls://nas:87", Dataset: "tank"}
	if all.Check(e) != nil || own.Check(e) != endpoint.ErrNoCertificates || own.Check(endpoint.Endpoint{Dataset: "tank"}) != nil {
		t.Error("certificates are missed, or not")
	}
}
