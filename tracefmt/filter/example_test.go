package filter_test

import (
	"os"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/filter"
)

func Example() {
	trace := `[{"name":"replicate","cat":"task","ph":"X","ts":0,"dur":900,"pid":7,"tid":1},
{"name":"list","ph":"X","ts":100,"dur":20,"pid":7,"tid":1},
{"name":"send","ph":"X","ts":200,"dur":600,"pid":7,"tid":1}]`
	r := filter.NewReader(chrome.NewReader(strings.NewReader(trace)), filter.Options{MinDuration: 100_000})
	w := chrome.NewWriter(os.Stdout)
	if _, err := tracefmt.Copy(w, r); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	// Output:
	// [{"name":"replicate","cat":"task","ph":"X","ts":0,"dur":900,"pid":7,"tid":1},
	// {"name":"send","ph":"X","ts":200,"dur":600,"pid":7,"tid":1}
	// ]
}
