package validate_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/chrome"
	"github.com/spanstack/spanstack/tracefmt/validate"
)

func Example() {
	trace := `[{"name":"a","ph":"X","ts":0,"dur":20,"pid":7,"tid":1},{"name":"b","ph":"X","ts":10,"dur":20,"pid":7,"tid":1},`
	var v validate.Validator
	r := chrome.NewReader(strings.NewReader(trace))
	for {
		e, err := r.Next()
		if err == nil {
			v.Add(e)
			continue
		}
		if err == io.EOF {
			err = nil
		}
		for _, f := range v.Finish(err, tracefmt.LossesOf(r)) {
			fmt.Println(f.Severity, f.Text+":", f.Example)
		}
		return
	}
	// Output:
	// error slice that overlaps another on its track: "b" from 10000 ns to 30000 ns on track "1"
}
