package gotrace_test

import (
	"fmt"
	"io"
	"os"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/gotrace"
)

// List the tasks and regions of a program's execution trace.
func ExampleReader() {
	f, err := os.Open("testdata/program.trace")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	r := gotrace.NewReader(f)
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			fmt.Println(err)
			break
		}
		switch e.Kind {
		case tracefmt.AsyncBegin:
			fmt.Println("task", e.Name)
		case tracefmt.Begin:
			fmt.Println("region", e.Name)
		}
	}
	// Output:
	// task task 1
	// task job
	// region outer
	// region inner
	// region of no task
	// region left open
	// task never ends
	// region nor does it
}
