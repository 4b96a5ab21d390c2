package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanstack/spanstack/internal/leaktest"
	"github.com/spanstack/spanstack/trace"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

// TestSteady: there are as many spans a second as were asked for, and after the end there are those that were counted.
func TestSteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const seconds, perSecond, workers = 10, 2000, 4
		rec := trace.NewRecorder(trace.Config{})
		l := start(trace.WithRecorder(t.Context(), rec), workers, perSecond)
		time.Sleep(seconds * time.Second)
		l.stop()
		others := int64(1 + workers + workers*(seconds*2+1)) // their parent, and batches
		if n := l.spans.Load() - others; n < seconds*perSecond-workers*5 || n > seconds*perSecond+workers*5 {
			t.Errorf("there are %d spans in %d s, want %d", n, seconds, seconds*perSecond)
		}
		l.burst(100)
		var recorded, burst int64
		for _, r := range rec.Snapshot() {
			switch r.Kind {
			case trace.KindTask, trace.KindSpan:
				recorded++
				if r.Name == "burst" {
					burst++
				}
			case trace.KindAnomaly, trace.KindLoss:
				t.Errorf("%+v", r)
			}
		}
		if recorded != l.spans.Load() || burst != 1 {
			t.Errorf("%d tasks and spans are recorded, %d were counted; there are %d bursts", recorded, l.spans.Load(), burst)
		}
	})
}

// TestRun asks the program itself: its page has what it says that it made.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-spans", "1000", "-workers", "2"}, out) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := strings.TrimSpace(line)
	load := strings.TrimSuffix(url, "debug/trace/") + "load"
	var before, after struct{ Spans int64 }
	ask(t, http.MethodPost, load+"?do=burst&spans=5000", &before)
	ask(t, http.MethodPost, load+"?do=stop", &after)
	if before.Spans < 5000 || after.Spans < before.Spans {
		t.Errorf("after a burst there are %d spans, at the end %d", before.Spans, after.Spans)
	}
	var page struct {
		Slices int64
		Losses []struct{ Count int64 }
	}
	for late := time.Now().Add(30 * time.Second); page.Slices != after.Spans; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("the page has %+v, want %d slices", page, after.Spans)
		}
		ask(t, http.MethodGet, url+"ui/api/trace", &page)
	}
	for _, bad := range []string{"do=what", "do=burst", "do=burst&spans=0", "do=burst&spans=100000000"} {
		if status := ask(t, http.MethodPost, load+"?"+bad, nil); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
	if status := ask(t, http.MethodGet, load+"?do=stop", nil); status != http.StatusMethodNotAllowed {
		t.Errorf("GET with do=: %d", status)
	}
	if err := run(ctx, []string{"-workers", "0"}, io.Discard); err == nil {
		t.Error("it works without workers")
	}
}

// ask returns the status of an answer; one that is expected is put into v.
func ask(t *testing.T, method, url string, v any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && v != nil {
		err = json.Unmarshal(body, v)
	}
	if err != nil {
		t.Fatalf("%s %s: %s: %v: %s", method, url, resp.Status, err, body)
	}
	return resp.StatusCode
}
