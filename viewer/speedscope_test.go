package viewer_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/tracefmt/fmttest"
	"github.com/spanstack/spanstack/viewer"
	"github.com/spanstack/spanstack/viewer/speedscope"
)

func TestSpeedscope(t *testing.T) {
	v := viewer.New(viewer.Config{Speedscope: speedscope.Files}, viewer.File(write(t, "perfetto", fmttest.Sample())))
	defer v.Close()
	waitFor(t, v, func(s viewer.Status) bool { return s.State == viewer.StateLoaded })
	c := &client{t, v}
	w := c.ask("GET", "/speedscope/", "")
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// What it may do more than our own page, which TestHeaders has.
	const more = "'wasm-unsafe-eval' 'unsafe-inline'"
	var unsafe []string
	for word := range strings.FieldsSeq(strings.ReplaceAll(w.Header().Get("Content-Security-Policy"), ";", " ")) {
		if strings.Contains(word, "unsafe") || strings.Contains(word, ":") && word != "data:" && word != "blob:" {
			unsafe = append(unsafe, word)
		}
	}
	if got := strings.Join(unsafe, " "); got != more {
		t.Errorf("it may do %s, want %s", got, more)
	}
	for _, link := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		if file := c.ask("GET", "/speedscope/"+link[1], ""); file.Code != 200 || file.Body.Len() == 0 {
			t.Errorf("%s: %d", link[1], file.Code)
		}
	}
	var about struct{ Openers struct{ Speedscope bool } }
	if c.get(&about, "trace"); !about.Openers.Speedscope {
		t.Error("the page doesn't know of it")
	}
	if w := c.ask("GET", "/speedscope/nothing", ""); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}
