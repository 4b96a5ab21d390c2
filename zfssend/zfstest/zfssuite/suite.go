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
	return slices.Concat(sendCases, cancelCases, receiveCases, refusalCases, compoundCases, resumeCases, encryptionCases,
		nameCases, listCases, versionCases, destroyCases, operationCases)
}

// Run runs the suite. Each case is a subtest with an empty filesystem of its own.
func Run(t *testing.T, p Platform) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { c.run(newEnv(t, p)) })
	}
}
