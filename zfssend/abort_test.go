package zfssend

import (
	"errors"
	"testing"

	. "github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestAbortReceive(t *testing.T) {
	CheckLeaks(t)
	for stderr, want := range map[string]error{ // as OpenZFS 2.1.11 and 2.4.4 write it
		"": nil,
		"'tank/a' does not have any resumable receive state to abort\n": nil,
		"cannot open 'tank/a': dataset does not exist\nusage:\n":        NotFound,
		"cannot destroy 'tank/a': dataset is busy\n":                    Busy,
	} {
		code := int64(1)
		if stderr == "" {
			code = 0
		}
		err := fake(Stderr(stderr), Exit(code)).AbortReceive(t.Context(), "tank/a")
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", stderr, err, want)
		}
	}
	if err := fake().AbortReceive(t.Context(), "-A"); err == nil {
		t.Error("an option was taken for a dataset")
	}
}
