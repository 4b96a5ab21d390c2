package spanlog_test

import (
	"fmt"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/tracefmt/spanlog"
)

func Example() {
	log := `{"time":"2026-01-31T09:05:00Z","level":"INFO","subsystem":"zfs","trace":"/fxvpzokmgqem7.m7lgfaavf2yy7/","msg":"sent","bytes":4096}
time=2026-01-31T09:05:01.5Z level=WARN subsystem=zfs trace=/fxvpzokmgqem7/ msg="no snapshot" dataset=tank/db
`
	r := spanlog.NewReader(strings.NewReader(log))
	for {
		e, err := r.Next()
		if err != nil {
			break // io.EOF
		}
		if e.Kind == tracefmt.Log {
			fmt.Println(e.Time, e.Severity, e.Name, "in", e.Parent)
		}
	}
	// Output:
	// 0 INFO sent in m7lgfaavf2yy7
	// 1500000000 WARN no snapshot in fxvpzokmgqem7
}
