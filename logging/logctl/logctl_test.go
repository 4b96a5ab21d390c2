package logctl_test

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/logctl"
)

func parse(t *testing.T, text string) logging.Levels {
	t.Helper()
	l, err := logging.ParseLevels(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestHTTP(t *testing.T) {
	levels := logctl.New()
	all, syslog := levels.Var("", parse(t, "warn,zfs=debug")), levels.Var("syslog", parse(t, "error"))
	for i, test := range []struct {
		method, query, body, accept string
		status                      int
		answer                      string
	}{
		{method: "GET", answer: "warn,zfs=debug"},
		{method: "GET", query: "?outlet=syslog", answer: "error"},
		{method: "GET", accept: "application/json", answer: `{"":"warn,zfs=debug","syslog":"error"}`},
		{method: "PUT", body: "info,net=error\n", answer: "info,net=error"},
		{method: "PATCH", body: "zfs=debug", answer: "info,net=error,zfs=debug"},
		{method: "PATCH", body: "warn", answer: "warn,net=error,zfs=debug"},
		{method: "PATCH", query: "?outlet=syslog", body: "x=warn", answer: "error,x=warn"},
		{method: "PUT", body: "off,net=debug", answer: "off,net=debug"},
		{method: "PATCH", body: "warn,net=error,zfs=debug", answer: "warn,net=error,zfs=debug"},
		{method: "PUT", body: "loud", status: 400, answer: `unknown level "loud": want debug, info, warn, error or off`},
		{method: "PUT", status: 400, answer: `unknown level "": want debug, info, warn, error or off`},
		{method: "PUT", body: "zfs=debug," + strings.Repeat(" ", 64<<10), status: 413, answer: "more than 65536 bytes of levels"},
		{method: "GET", query: "?outlet=file", status: 404, answer: `there is no outlet "file" with levels of its own: there are "", "syslog"`},
		{method: "POST", body: "debug", status: 405, answer: "method not allowed: want GET, PUT, PATCH or DELETE"},
		{method: "GET", answer: "warn,net=error,zfs=debug"},
		{method: "DELETE", answer: "warn,zfs=debug"},
	} {
		r := httptest.NewRequest(test.method, "/debug/log/levels"+test.query, strings.NewReader(test.body))
		r.Header.Set("Accept", test.accept)
		w := httptest.NewRecorder()
		levels.ServeHTTP(w, r)
		if want := cmp.Or(test.status, http.StatusOK); w.Code != want || strings.TrimSpace(w.Body.String()) != test.answer {
			t.Errorf("%d: %s %q: %d %q", i, test.method, test.body, w.Code, w.Body)
		}
	}
	if !all.Enabled("zfs", slog.LevelDebug) || all.Enabled("net", slog.LevelInfo) || !syslog.Enabled("x", slog.LevelWarn) {
		t.Errorf("the levels are %v and %v", all.Levels(), syslog.Levels())
	}
}

func TestSignal(t *testing.T) {
	levels := logctl.New()
	v := levels.Var("", parse(t, "warn,zfs=error"))
	stop := levels.OnSignal(syscall.SIGUSR1)
	for _, want := range []string{"debug", "warn,zfs=error", "debug"} {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); v.Levels().String() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the levels are %v, want %s", v.Levels(), want)
			}
		}
	}
	stop()
	stop()
}
