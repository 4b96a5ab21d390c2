package anonymize_test

import (
	"os"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/anonymize"
	"github.com/spanstack/spanstack/tracefmt/chrome"
)

func Example() {
	trace := `[{"name":"send tank/db","ph":"X","ts":100,"dur":20,"pid":77,"tid":1},
{"name":"send tank/home","ph":"X","ts":200,"dur":600,"pid":77,"tid":1,"args":{"bytes":4711}}]`
	o := anonymize.Options{Key: []byte("only for this example")}
	if err := o.ParseKeep("attr:bytes"); err != nil {
		panic(err)
	}
	w := chrome.NewWriter(os.Stdout)
	if _, err := tracefmt.Copy(w, anonymize.NewReader(chrome.NewReader(strings.NewReader(trace)), o)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	// Output:
	// [{"name":"zfr-3py-xbg zm7-7be-had/mbq-he6-vrz","ph":"X","ts":0,"dur":20,"pid":1,"tid":1},
	// {"name":"zfr-3py-xbg zm7-7be-had/zqr-a9y-nxn","ph":"X","ts":100,"dur":600,"pid":1,"tid":1,"args":{"bytes":4711}}
	// ]
}
