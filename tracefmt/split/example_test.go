package split_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/split"
)

// buffer is a part in memory.
type buffer struct {
	tracefmt.Writer
	out bytes.Buffer
}

func (b *buffer) Size() int64 { return int64(b.out.Len()) }

func Example() {
	trace := `[{"name":"all","ph":"X","ts":0,"dur":900,"pid":7,"tid":1},
{"name":"early","ph":"X","ts":100,"dur":20,"pid":7,"tid":1},
{"name":"late","ph":"X","ts":600,"dur":20,"pid":7,"tid":1}]`
	var parts []*buffer
	w := split.NewWriter(split.Options{Every: 500_000}, func(int) (split.Part, error) {
		b := &buffer{}
		b.Writer = chrome.NewWriter(&b.out)
		parts = append(parts, b)
		return b, nil
	})
	if _, err := tracefmt.Copy(w, chrome.NewReader(strings.NewReader(trace))); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	for _, b := range parts {
		fmt.Print(b.out.String())
	}
	// Output:
	// [{"name":"all","ph":"X","ts":0,"dur":900,"pid":7,"tid":1},
	// {"name":"early","ph":"X","ts":100,"dur":20,"pid":7,"tid":1}
	// ]
	// [{"name":"all","ph":"X","ts":0,"dur":900,"pid":7,"tid":1},
	// {"name":"late","ph":"X","ts":600,"dur":20,"pid":7,"tid":1}
	// ]
}
