package viewer_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/spanstack/spanstack/viewer"
)

// Ask a viewer, as its page does, which slices of a trace take the time.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "trace.json")
	trace := `[{"name":"replicate","ph":"X","ts":0,"dur":900,"pid":7,"tid":1},{"name":"send","ph":"X","ts":200,"dur":600,"pid":7,"tid":1}]`
	if err := os.WriteFile(path, []byte(trace), 0o600); err != nil {
		fmt.Println(err)
		return
	}

	v := viewer.New(viewer.Config{}, viewer.File(path))
	defer v.Close()
	for changed := v.Changed(); v.Statuses()[0].State == viewer.StateLoading; changed = v.Changed() {
		<-changed
	}
	answer := httptest.NewRecorder()
	v.ServeHTTP(answer, httptest.NewRequest("GET", "/api/aggregate", nil))
	var doc struct {
		Rows []struct {
			Name        string
			Total, Self int64
		}
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &doc); err != nil {
		fmt.Println(err)
	}
	for _, row := range doc.Rows {
		fmt.Printf("%s: %d ns, of which %d in nothing below\n", row.Name, row.Total, row.Self)
	}
	// Output:
	// send: 600000 ns, of which 600000 in nothing below
	// replicate: 900000 ns, of which 300000 in nothing below
}
