package zfssuite

import (
	"slices"
	"testing"
)

// testCase is one case of the suite.
type testCase struct {
	name string
	run  func(*env)
}

// cases are those of all files.
func cases() []testCase {
	return slices.Concat(sendCases, encodingCases, cancelCases, receiveCases, refusalCases, compoundCases, resumeCases, encryptionCases,
		nameCases, listCases, versionCases, destroyCases, operationCases)
}

// Run runs the suite. Each case is a subtest with an empty filesystem of its own. Those that the platform lacks something for
// are skipped; that any other is skipped is a failure, since nobody would see it.
func Run(t *testing.T, p Platform) {
	for _, c := range cases() {
		reason, skipped := p.Lacks(c.name), false
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(func() { skipped = t.Skipped() })
			if reason != "" {
				t.Skip(reason)
			}
			c.run(newEnv(t, p))
		})
		switch {
		case skipped && reason != "":
			t.Logf("left out: %s: %s", c.name, reason)
		case skipped:
			t.Errorf("%s was skipped", c.name)
		}
	}
}
