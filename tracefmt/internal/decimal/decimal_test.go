package decimal

import (
	"encoding/binary"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestScale(t *testing.T) {
	for _, c := range []struct {
		text string
		ns   int64
		ok   bool
	}{
		{"0", 0, true}, {"-0", 0, true}, {"1", 1000, true}, {"1.5", 1500, true}, {"-1.001", -1001, true},
		{"0.0004", 0, true}, {"0.0005", 1, true}, {"-0.0005", -1, true}, {"0.30000000000000004", 300, true},
		{"1e3", 1_000_000, true}, {"1E-3", 1, true}, {"1.5e+2", 150_000, true}, {"123456e-5", 1235, true},
		{"1600000000000000.123", 1600000000000000123, true}, // an epoch in µs: 61 bits
		{"9223372036854775.807", 9223372036854775807, true}, {"9223372036854775.808", 0, false},
		{"-9223372036854775.807", -9223372036854775807, true},
		{"1e16", 0, false}, {"1e999999999999", 0, false}, {"1e-999999999999", 0, true}, {"0e999999999999", 0, true},
		{"0.00000000000000000000000000000000001e35", 1000, true}, {"100000000000000000000000e-23", 1000, true},
		{"12345678901234567890123e-20", 123_457, true},
		{"", 0, false}, {"-", 0, false}, {".", 0, false}, {"1e", 0, false}, {"1e+", 0, false}, {"0x10", 0, false},
		{"1 ", 0, false}, {"NaN", 0, false}, {"--1", 0, false},
	} {
		if ns, ok := Scale([]byte(c.text), 3); ns != c.ns || ok != c.ok {
			t.Errorf("Scale(%q) = %d, %v, want %d, %v", c.text, ns, ok, c.ns, c.ok)
		}
	}
}

// TestScaleExact compares with arithmetic of any precision.
func TestScaleExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,25})?(e[+-]?[0-9]{1,2})?`).Draw(t, "number")
		exact, _ := new(big.Rat).SetString(text)
		scaled := exact.Mul(exact, big.NewRat(1000, 1))
		half := big.NewRat(int64(exact.Sign()), 2)
		rounded := scaled.Add(scaled, half)
		want := new(big.Int).Quo(rounded.Num(), rounded.Denom()) // towards zero
		fits := want.IsInt64() && !(want.Int64() < 0 && want.Int64() == -1<<63)
		ns, ok := Scale([]byte(text), 3)
		if ok != fits || ok && ns != want.Int64() {
			t.Fatalf("Scale(%q) = %d, %v, want %v, %v", text, ns, ok, want, fits)
		}
	})
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		n      int64
		places int
		want   string
	}{
		{0, 6, "0"}, {1, 6, "0.000001"}, {-1, 3, "-0.001"}, {1000, 3, "1"}, {1234567, 6, "1.234567"}, {1500000, 6, "1.5"},
		{-1 << 63, 6, "-9223372036854.775808"}, {17, 0, "17"}, {1050, 3, "1.05"},
	} {
		got := Append(nil, c.n, c.places)
		if string(got) != c.want {
			t.Errorf("Append(%d, %d) = %s, want %s", c.n, c.places, got, c.want)
		}
		if back, ok := Scale(got, c.places); c.n > -1<<63 && (back != c.n || !ok) {
			t.Errorf("%s is read as %d", got, back)
		}
	}
}

// TestPrefix compares Prefix with Scale, on numbers near all the edges that either has.
func TestPrefix(t *testing.T) {
	usual := 0
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?(0|[1-9][0-9]{0,21})(\.[0-9]{0,5})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
		behind := rapid.SampledFrom([]string{",", "}", "]", " ", "\n", "\r", "\t", "", "x", "\"", ".", "-", ",12345678"}).Draw(t, "behind")
		places := rapid.IntRange(0, 10).Draw(t, "places")
		n, length, ok := Prefix([]byte(text+behind), places)
		if !ok {
			return
		}
		usual++
		if want, ok := Scale([]byte(text), places); !ok || n != want || length != len(text) {
			t.Fatalf("Prefix(%q, %d) = %d, length %d; Scale says %d, %v", text+behind, places, n, length, want, ok)
		}
	})
	if usual < 10 {
		t.Errorf("%d numbers were usual ones", usual)
	}
	for _, text := range []string{"1700000000000000.123,", "5.1 ", "0,", "0.5}", "12345678,", "123456789012345]", "9223372036854774,"} {
		if _, _, ok := Prefix([]byte(text), 3); !ok {
			t.Errorf("%s is no usual number", text)
		}
	}
	for _, text := range []string{"00,", "01.5,", "-1,", "1", "1.,", "1.2345,", "1e3,", "9223372036854776,", "1234567890123456789,", ",", ""} {
		if n, _, ok := Prefix([]byte(text), 3); ok {
			t.Errorf("%q is %d", text, n)
		}
	}
}

// TestEightDigits has all bytes beside digits: what isn't one is found wherever it stands.
func TestEightDigits(t *testing.T) {
	for at := range 8 {
		for c := range 256 {
			text := []byte("12345678")
			text[at] = byte(c)
			want, err := strconv.ParseUint(string(text), 10, 64)
			n, ok := eightDigits(binary.LittleEndian.Uint64(text))
			if ok != (err == nil) || ok && n != want {
				t.Errorf("%q is %d, %v; want %d, %v", text, n, ok, want, err)
			}
		}
	}
}
