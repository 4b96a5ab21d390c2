package chrome

import "testing"

func TestAppendMicros(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0", 1: "0.001", -1: "-0.001", 10: "0.01", 1000: "1", 1234567: "1234.567", 1500: "1.5", -1 << 63: "-9223372036854775.808",
	} {
		if got := string(appendMicros(nil, ns)); got != want {
			t.Errorf("appendMicros(%d) = %s, want %s", ns, got, want)
		}
	}
}
