package viewer_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/viewer"
)

// TestPage: the page that is built in is whole, loads nothing but its own files, and these may be kept.
func TestPage(t *testing.T) {
	v := viewer.New(viewer.Config{})
	defer v.Close()
	c := &client{t, v}
	w := c.ask("GET", "/", "")
	if kind := w.Header().Get("Content-Type"); w.Code != 200 || kind != "text/html; charset=utf-8" {
		t.Fatalf("%d %s", w.Code, kind)
	}
	links := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(links) < 2 || regexp.MustCompile(`<style|style=|<script>|<script type="module">| on[a-z]+=`).MatchString(w.Body.String()) {
		t.Errorf("the page has no files, or scripts and styles that its policy refuses: %s", w.Body)
	}
	types := map[string]string{"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
	for _, link := range links {
		name, isOurs := strings.CutPrefix(link[1], "./assets/")
		if !isOurs {
			t.Errorf("the page loads %s", link[1])
			continue
		}
		w := c.ask("GET", "/assets/"+name, "")
		kind := types[name[strings.LastIndexByte(name, '.')+1:]]
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || w.Header().Get("Cache-Control") != "private, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	if w := c.ask("GET", "/speedscope/", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "has no speedscope") {
		t.Errorf("speedscope: %d %s", w.Code, w.Body)
	}
	if w := c.ask("GET", "/api/trace", ""); w.Code != 500 || !strings.Contains(w.Body.String(), "there is no trace to show") {
		t.Errorf("without a trace: %d %s", w.Code, w.Body)
	}
}
