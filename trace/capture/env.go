package capture

import (
	"fmt"
	"os"

	"github.com/spanstack/spanstack/trace"
)

// EnvVar names the environment variable that [FromEnv] looks at.
const EnvVar = "SPANSTACK_TRACE"

// FromEnv starts a trace of the default recorder to the file that SPANSTACK_TRACE names, if it names one, and returns
// the function that completes it: see [Start]. Its text is that of [ParseFile]. A file that can't be written is reported
// on stderr, and doesn't keep the program from running.
func FromEnv() (stop func()) {
	text := os.Getenv(EnvVar)
	if text == "" {
		return func() {}
	}
	var f *File
	config, err := ParseFile(text)
	if err == nil {
		f, err = config.Start(trace.Default())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", EnvVar, err)
	}
	return func() {
		if err := f.Stop(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", EnvVar, err)
		}
	}
}
