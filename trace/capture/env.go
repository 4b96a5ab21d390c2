package capture

import (
	"fmt"
	"os"

	"github.com/spanstack/spanstack/trace"
)

// EnvVar names the environment variable that [FromEnv] looks at.
const EnvVar = "SPANSTACK_TRACE"

// FromEnv starts a trace of the default recorder to the file that SPANSTACK_TRACE names, if it names one, and returns
// the function that completes it: see [Start]. A file that can't be written is reported on stderr, and doesn't keep
// the program from running.
func FromEnv() (stop func()) {
	path := os.Getenv(EnvVar)
	if path == "" {
		return func() {}
	}
	f, err := Start(path, trace.Default())
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", EnvVar, err)
	}
	return func() {
		if err := f.Stop(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", EnvVar, err)
		}
	}
}
