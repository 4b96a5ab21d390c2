package capture_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"

	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
)

func ExampleHandler() {
	rec := trace.NewRecorder(trace.Config{}) // a program has trace.Default(), and an empty Config
	mux := http.NewServeMux()
	mux.Handle("/debug/trace/", capture.Handler(capture.Config{Recorder: rec}))
	server := httptest.NewServer(mux)
	defer server.Close()

	ctx, task := trace.WithTask(trace.WithRecorder(context.Background(), rec), "replicate")
	defer task.End()
	_, span := trace.WithSpan(ctx, "zfs list")
	defer span.End()

	resp, err := server.Client().Get(server.URL + "/debug/trace/active")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for _, line := range regexp.MustCompile(`(task|span) +[a-z2-7]{13}.*`).FindAll(text, -1) {
		fmt.Printf("%s…%s\n", line[:4], line[4+15:])
	}
	// Output:
	// task…  replicate
	// span…    zfs list
}

func ExampleListen() {
	server, err := capture.Listen("localhost:0", capture.Config{}) // any free port
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Stop()
	server.Handle("/debug/hello", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") }))
	fmt.Println(regexp.MustCompile(`\d{4,5}`).ReplaceAllString(server.URL(), "PORT"))
	// Output: http://127.0.0.1:PORT/debug/trace/
}
