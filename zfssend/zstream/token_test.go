package zstream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// tokens returns those of testdata by name.
func tokens(tb testing.TB) map[string]string {
	tb.Helper()
	names, err := filepath.Glob("testdata/*/tokens/*.token")
	if err != nil || len(names) < 5 {
		tb.Fatalf("%d tokens in testdata, %v", len(names), err)
	}
	all := map[string]string{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(name, ".token")] = strings.TrimSpace(string(data))
	}
	return all
}

// TestTokenOracle compares with what zstream token says.
func TestTokenOracle(t *testing.T) {
	for name, s := range tokens(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			token, err := ParseToken(s)
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(name + ".zstream")
			if err != nil {
				t.Fatal(err)
			}
			want := parseZstreamToken(t, string(text))
			if !reflect.DeepEqual(token, want) {
				t.Errorf("%+v\nzstream token says\n%+v", token, want)
			}
			if again, err := ParseToken(token.String()); err != nil || !reflect.DeepEqual(again, token) {
				t.Errorf("encoded again: %+v, %v", again, err)
			}
		})
	}
}

// parseZstreamToken reads "name: value" lines, and flags without a value.
func parseZstreamToken(t *testing.T, text string) (token Token) {
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name, _, _ = strings.Cut(name, "["); name {
		case "toname":
			token.ToName = strings.Trim(value, "'")
		case "toguid":
			token.ToGUID = number(value)
		case "fromguid":
			token.FromGUID = number(value)
		case "object":
			token.Object = number(value)
		case "offset":
			token.Offset = number(value)
		case "bytes":
			token.Bytes = number(value)
		case "largeblockok":
			token.LargeBlocks = true
		case "embedok":
			token.Embedded = true
		case "compressok":
			token.Compressed = true
		case "rawok":
			token.Raw = true
		case "redact_snaps":
			token.RedactSnapshots = append(token.RedactSnapshots, number(value))
		case "book_redact_snaps":
			token.BookmarkRedactSnapshots = append(token.BookmarkRedactSnapshots, number(value))
		default:
			t.Fatalf("zstream token says %q", line)
		}
	}
	return token
}

// TestTokenDamage changes each digit of each token.
func TestTokenDamage(t *testing.T) {
	for name, s := range tokens(t) {
		for i := range s {
			for _, digit := range []byte("0123456789abcdef") {
				if s[i] == digit {
					continue
				}
				damaged := []byte(s)
				damaged[i] = digit
				token, err := ParseToken(string(damaged))
				if _, ok := errors.AsType[*TokenError](err); !ok || !reflect.DeepEqual(token, Token{}) {
					t.Fatalf("%s: with %c for digit %d of %d: %+v, %v", name, digit, i, len(s), token, err)
				}
			}
			if _, err := ParseToken(s[:i]); err == nil {
				t.Fatalf("%s: the first %d of %d digits are read", name, i, len(s))
			}
		}
	}
}

func TestTokenRefused(t *testing.T) {
	good := Token{ToName: "tank@1", ToGUID: 1}
	forge := func(change func(NVList) NVList) string {
		return encodeToken(change(good.list()))
	}
	for name, test := range map[string]struct {
		token string
		want  error
		text  string
	}{
		"empty":        {"", ErrUnsupported, `version ""`},
		"version 2":    {"2-0-0-0", ErrUnsupported, "version"},
		"no parts":     {"1", ErrFormat, "1 parts"},
		"huge":         {"1-0-ffffffffffffffff-00", ErrFormat, "length"},
		"zero":         {Token{}.String(), ErrFormat, "not that of a snapshot"},
		"no snapshot":  {Token{ToName: "tank"}.String(), ErrFormat, "not that of a snapshot"},
		"an option":    {Token{ToName: "tank@1\n--help"}.String(), ErrFormat, "control characters"},
		"long":         {Token{ToName: "tank@" + strings.Repeat("x", 300)}.String(), ErrFormat, "305 bytes"},
		"too long":     {"1-" + strings.Repeat("0", 2<<20), ErrFormat, "maximum"},
		"twice":        {forge(func(l NVList) NVList { return append(l, nvText("toname", "tank@2")) }), ErrFormat, "twice"},
		"no guid":      {forge(func(l NVList) NVList { return append(l[:3:3], l[4:]...) }), ErrFormat, `"toguid" is missing`},
		"guid is text": {forge(func(l NVList) NVList { return append(append(l[:3:3], l[4:]...), nvText("toguid", "1")) }), ErrFormat, "toguid"},
		"bookmark is number": {forge(func(l NVList) NVList { return append(l, nvNumber("book_redact_snaps", 0)) }), ErrFormat,
			"book_redact_snaps"},
		"flag is number": {forge(func(l NVList) NVList { return append(l, nvNumber("rawok", 0)) }), ErrFormat, "rawok"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseToken(test.token)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) || len(err.Error()) > 500 {
				t.Errorf("%v, want %v with %q", err, test.want, test.text)
			}
		})
	}
	book := forge(func(l NVList) NVList { return append(l, nvNumbers("book_redact_snaps", []uint64{7, 8})) })
	if token, err := ParseToken(book); err != nil || fmt.Sprint(token.BookmarkRedactSnapshots, token.Unknown) != "[7 8] []" {
		t.Errorf("increment from a redaction bookmark: %+v, %v", token, err)
	}
	unknown := forge(func(l NVList) NVList { return append(l, nvFlag("newok")) })
	if token, err := ParseToken(unknown); err != nil || fmt.Sprint(token.Unknown) != "[newok]" {
		t.Errorf("unknown name: %+v, %v", token, err)
	}
}

func TestTokenRoundTrip(t *testing.T) {
	name := rapid.StringMatching(`[a-z][a-z0-9/_.:-]{0,99}@[a-z0-9_.:-]{1,100}`)
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.Uint64()
		want := Token{
			ToName: name.Draw(t, "name"), ToGUID: u.Draw(t, "toguid"), FromGUID: u.Draw(t, "fromguid"),
			Object: u.Draw(t, "object"), Offset: u.Draw(t, "offset"), Bytes: u.Draw(t, "bytes"),
			LargeBlocks: rapid.Bool().Draw(t, "L"), Embedded: rapid.Bool().Draw(t, "e"), Compressed: rapid.Bool().Draw(t, "c"),
			Raw: rapid.Bool().Draw(t, "w"), Saved: rapid.Bool().Draw(t, "S"),
		}
		if rapid.Bool().Draw(t, "redacted") {
			want.RedactSnapshots = rapid.SliceOf(u).Draw(t, "redact_snaps")
		}
		if rapid.Bool().Draw(t, "from a redaction bookmark") {
			want.BookmarkRedactSnapshots = rapid.SliceOf(u).Draw(t, "book_redact_snaps")
		}
		got, err := ParseToken(want.String())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v\nwant %+v", got, err, want)
		}
	})
}
