package main

import (
	"bufio"
	"fmt"
	"io"
	"testing"
)

// TestLiveLog greps in a log that goes on: what was found comes before there is more.
func TestLiveLog(t *testing.T) {
	in, feed := io.Pipe()
	result, out := io.Pipe()
	code := make(chan int)
	go func() {
		code <- run(t.Context(), []string{"grep", "bbbbbbbbbbbbb"}, streams{in, out, io.Discard})
		out.Close()
	}()
	lines := bufio.NewReader(result)
	for i := range 3 {
		want := fmt.Sprintf("time=2026-01-31T09:05:00Z level=INFO trace=/bbbbbbbbbbbbb/ msg=%d\n", i)
		if _, err := io.WriteString(feed, want+"time=2026-01-31T09:05:00Z level=INFO trace=/ccccccccccccc/ msg=bbbbbbbbbbbbb\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := lines.ReadString('\n'); got != want || err != nil {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
	feed.Close()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
}
