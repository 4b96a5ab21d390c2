package zfssuite

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// seedVariable sets the seed of all random choices, to repeat those of a test that has failed.
const seedVariable = "SPANSTACK_SEED"

// Seed returns the seed for a test's random choices, and logs it: another one each time, unless SPANSTACK_SEED is set.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}
