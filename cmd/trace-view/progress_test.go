package main

import (
	"bytes"
	"testing"

	"github.com/spanstack/spanstack/viewer"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	list := []viewer.Status{
		{Title: "a.json", State: viewer.StateLoading, Progress: 0.456, Events: 7},
		{Title: "b.json", State: viewer.StateLoaded, Progress: 1},
		{Title: "standard input", State: viewer.StateLoading, Progress: -1, Events: 1234},
	}
	if p.show(list); out.Len() > 0 {
		t.Errorf("where there is no terminal it shows %q", out.String())
	}
	p.out = &out
	p.show(list)
	if want := "\r\x1b[Ktrace-view: reading a.json: 45%, standard input: 1234 events"; out.String() != want {
		t.Errorf("it shows %q, want %q", out.String(), want)
	}
	out.Reset()
	p.show(list[1:2])
	p.clear()
	if out.String() != "\r\x1b[K" {
		t.Errorf("in the end, it shows %q", out.String())
	}
}
