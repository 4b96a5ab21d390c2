package tracefmt_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	_ "github.com/spanstack/spanstack/tracefmt/all"
)

// Convert a trace of whatever format to Chrome JSON, event by event.
func Example() {
	input := strings.NewReader("main;parse 1500\nmain;run 2000\n")
	r, err := tracefmt.NewReader(input)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("it is", r.Format.Name)
	w := tracefmt.Lookup("chrome").NewWriter(os.Stdout)
	if _, err := tracefmt.Copy(w, r); err != nil {
		fmt.Println(err)
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// it is folded
	// [{"name":"main","ph":"X","ts":0,"dur":1.5,"pid":1,"tid":2},
	// {"name":"parse","ph":"X","ts":0,"dur":1.5,"pid":1,"tid":2},
	// {"name":"main","ph":"X","ts":1.5,"dur":2,"pid":1,"tid":2},
	// {"name":"run","ph":"X","ts":1.5,"dur":2,"pid":1,"tid":2}
	// ]
}
