package zfssend

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend/zfstest"
)

func TestEstimate(t *testing.T) {
	zfstest.CheckLeaks(t)
	eachRecorded(t, testEstimate)
	if _, err := fake().Estimate(t.Context(), "tank/a@x", SendOptions{Intermediates: true}); err == nil {
		t.Error("Intermediates without From")
	}
}

func testEstimate(t *testing.T, zfs version) {
	for name, want := range map[string]string{
		"full":          "{ tank/a@one B}",
		"increment":     "{tank/a@one tank/a@two B}",
		"bookmark":      "{tank/a#one tank/a@two B}",
		"intermediates": "{tank/a@one tank/a@two B} {tank/a@two tank/a@three 3 B}",
		"token":         "{ tank/a@two B}",
	} {
		e, err := parseEstimate(zfs.run(t, "estimate-"+name).stdout)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		var sum int64
		for _, s := range e.Streams {
			got = append(got, fmt.Sprintf("{%s %s B}", s.From, s.To))
			sum += s.Bytes
		}
		if strings.Join(got, " ") != want || !e.Known() || sum != e.Bytes || sum < 600 {
			t.Errorf("%s: got %q, %+v; want %s", name, got, e, want)
		}
	}
	c := scripted(zfstest.Scripts{"send -nvP -w -i tank/a@one tank/a@two": zfs.replay(t, "estimate-increment")})
	if e, err := c.Estimate(t.Context(), "tank/a@two", SendOptions{From: "@one", Raw: true}); err != nil || !e.Known() {
		t.Errorf("got %+v, %v", e, err)
	}
	for _, name := range []string{"missing", "no-bookmark"} {
		_, err := fake(zfs.replay(t, "estimate-"+name)...).Estimate(t.Context(), "tank/a@missing", SendOptions{})
		if !errors.Is(err, NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEstimateUnknown(t *testing.T) {
	for output, want := range map[string]int64{
		"full\ttank@a\t18446744073709551000\nsize\t18446744073709551000\n": -1, // openzfs#12265
		"full\ttank@a\t9223372036854775807\nsize\t9223372036854775807\n":   1<<63 - 1,
		"full\ttank@a\t9223372036854775808\nsize\t9223372036854775808\n":   -1,
		"full\ttank@a\nsize\n":                                           -1,
		"full\ttank@a\t5\n":                                              5,
		"full\ttank@a\t5\nsize\n":                                        -1,
		"incremental\ta\ttank@b\t5\nincremental\tb\ttank@c\n":            -1,
		"full\ttank@a\t9223372036854775807\nincremental\ta\ttank@b\t1\n": -1,
		"incremental\ttank#a\ttank@b\t0\nsize\t0\n":                      0,
	} {
		e, err := parseEstimate(output)
		if err != nil || e.Bytes != want || e.Known() != (want >= 0) {
			t.Errorf("%q: got %+v, %v; want %d", output, e, err, want)
		}
	}
	for output, want := range map[string]string{
		"":                                       "tells of no stream",
		"size\t5\n":                              "tells of no stream",
		"full\ttank@a\tmuch\n":                   "line 1",
		"full\ttank@a\t5\t5\n":                   "line 1",
		"full\ttank\t5\n":                        "line 1",
		"incremental\ttank@a\n":                  "line 1",
		"full\ttank@a\t5\nnonsense\n":            "line 2",
		"full\ttank@a\t5\nsize\t5\nsize\t5\n":    "line 3",
		"incremental\t-\t\ttank@a\t5\nsize\t5\n": "line 1",
	} {
		if e, err := parseEstimate(output); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v; want %s", output, e, err, want)
		}
	}
}

func FuzzEstimate(f *testing.F) {
	for _, name := range []string{"full", "increment", "bookmark", "intermediates", "token"} {
		f.Add(recordedRun(f, "estimate-"+name).stdout)
	}
	f.Fuzz(func(t *testing.T, out string) {
		e, err := parseEstimate(out)
		if err != nil {
			return
		}
		if e.Bytes < -1 || len(e.Streams) == 0 || len(e.Streams) > strings.Count(out, "\n")+1 {
			t.Errorf("%q: %+v", out, e)
		}
		for _, s := range e.Streams {
			if _, err := parse(s.To, '@'); err != nil || s.Bytes < -1 {
				t.Errorf("%+v: %v", s, err)
			}
		}
	})
}
