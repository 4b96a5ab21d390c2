package viewer_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
)

// TestParams: parameters that are wrong are told in a sentence.
func TestParams(t *testing.T) {
	_, c := view(t, write(t, "perfetto", fmttest.Sample()))
	for target, want := range map[string]string{
		"trace?trace=1":                          `400 trace="1": want a whole number from 0 to 0`,
		"trace?trace=-1":                         `400 trace="-1": want`,
		"trace?trace=NaN":                        `400 trace="NaN": want`,
		"trace?x=1":                              `400 unknown parameter "x": want trace`,
		"trace?trace=0&trace=0":                  `400 the parameter trace is there 2 times`,
		"trace?%zz":                              `400 the parameters can't be read`,
		"nothing":                                `404 there is no request "nothing"`,
		"trace/":                                 `404 there is no request`,
		"tracks?since=-1":                        `400 since="-1": want a whole number from 0`,
		"tracks?since=99999999999999999999":      `400 since=`,
		"kinds?from=1e3":                         `400 from="1e3": want`,
		"slice":                                  `400 want one track, not 0`,
		"slice?track=1":                          `400 want a key, a track with pos, or a track with row and at`,
		"slice?track=1&pos=99":                   `404 there is no such slice`,
		"slice?track=99&pos=0":                   `404 there is no such slice`,
		"slice?track=x&pos=0":                    `400 track="x": want the number of a track`,
		"slice?track=1&track=2&pos=0":            `400 want one track, not 2`,
		"slice?key=1:2":                          `404 there is no slice "1:2"`,
		"slice?key=" + strings.Repeat("9", 5000): `400 key: want 4096 bytes at most, not 5000`,
		"slice?track=3&row=4294967296&at=0":      `400 row="4294967296"`,
		"slice?track=3&row=0&at=NaN":             `400 at="NaN": want a time in nanoseconds`,
		"slice?track=3&row=0&at=1e308":           `400 at="1e308": want a time`,
		"slice?track=3&row=0&at=-1e308":          `400 at="-1e308": want a time`,
		"slice?track=3&row=200&at=0":             `404 there is no slice at 0 ns in row 200 of track 3`,
		"logs?from=Inf":                          `400 from="Inf": want a time`,
		"logs?from=5&to=4":                       `400 from=5 is later than to=4`,
		"logs?min=25":                            `400 min="25": want a whole number from 0 to 24`,
		"logs?limit=0":                           `400 limit="0": want a whole number from 1 to 1000`,
		"logs?limit=1001":                        `400 limit="1001"`,
		"logs?before=x":                          `400 cursor "x"`,
		"logs?before=1:1:1&after=":               `400 before and after exclude each other`,
		"logs?track=77":                          `400 there is no track 77`,
		"logs?track=" + strings.Repeat("1&track=", 5001) + "1": `400 there are 5002 tracks: want 5000 at most`,
		"logs?slice=0:0:0":                      `404 there is no slice "0:0:0"`,
		"search?q=" + strings.Repeat("x", 5000): `400 q: want 4096 bytes at most`,
		"search?q=(&regexp=1":                   `400 `,
		"search?q=a&regexp=2":                   `400 regexp="2": want 0 or 1`,
		"search?q=a&in=everything":              `400 in="everything"`,
		"search?q=a&limit=-5":                   `400 limit="-5"`,
		"search?q=":                             `400 q=: want a text`,
		"aggregate?by=weight":                   `400 by="weight": want name or path`,
		"aggregate?to=1e19":                     `400 to="1e19": want a time`,
		"flows?slice=":                          `404 there is no slice ""`,
		"critical":                              `404 there is no slice ""`,
		"diff?a=0":                              `400 want the numbers of two traces, a and b`,
		"diff?a=0&b=9":                          `400 b="9": want a whole number from 0 to 0`,
		"diff?a=0&b=0&normalize=maybe":          `400 normalize="maybe": want 0 or 1`,
		"download":                              `400 format="": want one of api/formats`,
		"download?format=gotrace":               `400 format="gotrace": want one of api/formats`,
		"download?format=../x":                  `400 format="../x"`,
	} {
		w := c.ask("GET", "/api/"+target, "")
		refused(t, target, w.Code, w.Header(), w.Body.String(), want)
	}
	for body, want := range map[string]string{
		``:                                     `400 the body can't be read: EOF: want {`,
		`{`:                                    `400 the body can't be read`,
		`[]`:                                   `400 the body can't be read`,
		`{"level":1,"tiles":[],"more":1}`:      `400 the body can't be read: json: unknown field`,
		`{"tiles":[]}`:                         `400 level: want a number from 0 to 55`,
		`{"level":-1,"tiles":[]}`:              `400 level: want`,
		`{"level":56,"tiles":[]}`:              `400 level: want`,
		`{"level":1e99,"tiles":[]}`:            `400 the body can't be read`,
		`{"level":1,"tiles":[[1]]}`:            `400 tiles: want pairs of a track and an index, not [1]`,
		`{"level":1,"tiles":[[1,2,3]]}`:        `400 tiles: want pairs`,
		`{"level":1,"tiles":[[-1,0]]}`:         `400 tiles: want pairs`,
		`{"level":1,"tiles":[[4294967296,0]]}`: `400 tiles: want pairs`,
		`{"level":1,"tiles":[[1,0.5]]}`:        `400 the body can't be read`,
		`{"level":1,"tiles":[[99,0]]}`:         `400 there is no track 99`,
		`{"level":1,"tiles":[` + strings.Repeat("[1,0],", 4096) + `[1,0]]}`: `400 there are 4097 tiles: want 4096 at most`,
		`{"level":1,"tiles":[` + strings.Repeat(" ", 2<<20) + `]}`:          `413 the body is too large`,
	} {
		w := c.ask("POST", "/api/tiles", body, "Content-Type", "application/json; charset=utf-8")
		refused(t, body[:min(len(body), 100)], w.Code, w.Header(), w.Body.String(), want)
	}
	if w := c.ask("POST", "/api/live?do=pause", "{}", "Content-Type", "application/json"); w.Code != 400 || !strings.Contains(w.Body.String(), "is no live trace") {
		t.Errorf("a file is paused: %d %s", w.Code, w.Body)
	}
}

// refused checks an answer that is an error.
func refused(t *testing.T, what string, status int, header http.Header, body, want string) {
	t.Helper()
	var doc struct{ Error string }
	if err := json.Unmarshal([]byte(body), &doc); err != nil || header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: the answer isn't an error in JSON: %q", what, body)
	}
	code, text, _ := strings.Cut(want, " ")
	if http.StatusText(status) == "" || code != strings.Fields(want)[0] || !strings.HasPrefix(doc.Error, text) || code != itoa(status) {
		t.Errorf("%.200s: got %d %s, want %s", what, status, doc.Error, want)
	}
}

func itoa(n int) string {
	return string(rune('0'+n/100)) + string(rune('0'+n/10%10)) + string(rune('0'+n%10))
}

// TestMethods: what changes something, or has a body, comes from our own page.
func TestMethods(t *testing.T) {
	_, c := view(t, write(t, "perfetto", fmttest.Sample()))
	for _, each := range []struct{ method, target, kind, want string }{
		{"POST", "/api/trace", "application/json", "405 method not allowed: want GET"},
		{"HEAD", "/api/trace", "", "405 "},
		{"GET", "/api/tiles", "", "405 method not allowed: want POST"},
		{"PUT", "/api/tiles", "application/json", "405 "},
		{"POST", "/", "application/json", "405 method not allowed: want GET"},
		{"DELETE", "/pprof/", "", "404 "},
		{"POST", "/api/tiles", "text/plain", "415 want the Content-Type application/json"},
		{"POST", "/api/tiles", "application/x-www-form-urlencoded", "415 "},
		{"POST", "/api/live?do=stop", "text/plain", "415 "},
		{"GET", "/nothing", "", "404 there is no such page"},
		{"GET", "/assets/", "", "404 there is no such page"},
		{"GET", "/../../etc/passwd", "", "404 there is no such page"},
	} {
		w := c.ask(each.method, each.target, "x", "Content-Type", each.kind)
		code, text, _ := strings.Cut(each.want, " ")
		if itoa(w.Code) != code || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%s %s: %d %s, want %s", each.method, each.target, w.Code, w.Body, each.want)
		}
	}
}

// TestHeaders: all answers have the headers that keep a page of ours from being used by others, and our own from doing what it shouldn't.
func TestHeaders(t *testing.T) {
	_, c := view(t, write(t, "perfetto", fmttest.Sample()))
	for _, target := range []string{"/", "/nothing", "/api/trace", "/api/nothing", "/api/download?format=chrome", "/api/kinds?from=x", "/pprof/"} {
		h := c.ask("GET", target, "").Header()
		for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "DENY"} {
			if h.Get(key) != want {
				t.Errorf("%s: %s is %q", target, key, h.Get(key))
			}
		}
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; ") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
			t.Errorf("%s: the policy is %s", target, csp)
		}
		if h.Get("Access-Control-Allow-Origin") != "" || h.Get("Content-Type") == "" {
			t.Errorf("%s: %v", target, h)
		}
	}
}
