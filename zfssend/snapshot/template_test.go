package snapshot

import (
	"errors"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same zones everywhere

	"pgregory.net/rapid"

	"github.com/spanstack/spanstack/zfssend"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func template(t testing.TB, text, zoneName string) *Template {
	t.Helper()
	parsed, err := ParseTemplate(text, zone(t, zoneName))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestName(t *testing.T) {
	at := time.Date(2026, 3, 1, 6, 5, 4, 123_456_789, time.UTC)
	for _, c := range []struct{ template, zone, want string }{
		{"auto-%Y-%m-%d_%H:%M:%S%z", "", "auto-2026-03-01_06:05:04Z"},
		{"auto-%F_%T%z", "Europe/Berlin", "auto-2026-03-01_07:05:04_0100"},
		{"%F %T %z", "America/St_Johns", "2026-03-01 02:35:04 -0330"},
		{"%F_%T%z", "Asia/Kathmandu", "2026-03-01_11:50:04_0545"},
		{"%F_%T%z", "Europe/London", "2026-03-01_06:05:04Z"},
		{"%s", "Europe/Berlin", "1772345104"},
		{"%Y.%j", "", "2026.060"},
		{"zrepl_%Y%m%d_%H%M%S_%3N", "", "zrepl_20260301_060504_123"},
		{"%s_%6N", "", "1772345104_123456"},
		{"before upgrade", "", "before upgrade"},
		{DefaultTemplate, "UTC", "zferry_2026-03-01_06:05:04Z"},
	} {
		parsed := template(t, c.template, c.zone)
		if got := parsed.Name(at); got != c.want || parsed.String() != c.template {
			t.Errorf("%s in %s: %q, want %q", c.template, c.zone, got, c.want)
		}
		if !parsed.Match(c.want) {
			t.Errorf("%s doesn't match its own %s", c.template, c.want)
		}
	}
}

func TestParseTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"auto-%Q":                  "at character 6: %Q is no verb; there are %3N %6N %F %H",
		"%Y-%m-%d+":                `at character 9: '+' can't be in the name of a snapshot`,
		"a%":                       "at character 2: a percent sign is followed by a verb",
		"%Y%%":                     "at character 3: %% stands for a percent sign, which can't be",
		"%F_%Z":                    "at character 4: %Z, the name of a zone, can't be read back",
		"%s%Y":                     "at character 3: a digit can't follow %s",
		"%s0":                      "at character 3: a digit can't follow %s",
		"%F/%T":                    "at character 3: '/' can't be",
		"a@b":                      "at character 2: '@' can't be",
		"a#b":                      "at character 2: '#' can't be",
		"tägl-%F":                  "at character 2: 'ä' can't be",
		"a\n":                      `at character 2: '\n' can't be`,
		"":                         "at character 1: after the @ a part is empty",
		"..":                       `at character 1: after the @ ".." is no part of a name`,
		strings.Repeat("long", 64): "at character 1: 258 bytes are more than the 255",
		"%é":                       "at character 1: %é is no verb",
	} {
		_, err := ParseTemplate(text, nil)
		e, ok := errors.AsType[*TemplateError](err)
		if !ok || !strings.Contains(err.Error(), want) || e.Template != text {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestLoadZone(t *testing.T) {
	for name, want := range map[string]string{"": "UTC", "utc": "UTC", "local": "Local", "Asia/Tokyo": "Asia/Tokyo"} {
		if z, err := LoadZone(name); err != nil || z.String() != want {
			t.Errorf("%q: %v, %v", name, z, err)
		}
	}
	if _, err := LoadZone("Mars/Olympus"); err == nil || !strings.Contains(err.Error(), "want UTC, local, or a name such as") {
		t.Error(err)
	}
}

func TestTimeOfOtherNames(t *testing.T) {
	for _, c := range []struct{ template, zone, name string }{
		{"a-%F", "", "b-2026-01-01"},
		{"a-%F", "", "a-2026-01-01x"},
		{"a-%F", "", "a-2026-1-01"},
		{"a-%F", "", "a-2026-02-30"},
		{"a-%F", "", "a-2026-13-01"},
		{"%F_%H", "", "2026-01-01_24"},
		{"%F_%T", "Europe/Berlin", "2026-03-29_02:30:00"}, // clocks were set forward
		{"%F_%T%z", "Europe/Berlin", "2026-01-01_12:00:00_0200"},
		{"%F_%T%z", "", "2026-01-01_12:00:00+0100"},
		{"%F_%T%z", "", "2026-01-01_12:00:00"},
		{"%F_%T%z", "", "2026-01-01_12:00:00_0000"}, // that is Z
		{"%Y_%Y", "", "2026_2027"},
		{"%Y%m%d_%s", "", "20260101_0"},
		{"%F.%j", "", "2026-01-02.001"},
		{"%s", "", "s"},
		{"%s", "", "99999999999999999999"},
		{"a", "", "a"}, // no time in it
		{"%H:%M", "", "12:00"},
		{"%Y-%d", "", "2026-01"}, // of which month?
		{"%s", "", "-1"},
	} {
		if got, ok := template(t, c.template, c.zone).Time(c.name); ok {
			t.Errorf("%s of %q in %s: %v", c.template, c.name, c.zone, got)
		}
	}
	if m := template(t, "%H:%M", ""); !m.Match("23:59") || m.Match("24:00") || m.Match("23:59 ") {
		t.Error("a template without a date matches by its fields")
	}
	if m := template(t, "%F", ""); m.Match("2026-02-30") || !m.Match("2024-02-29") {
		t.Error("a day that isn't matches")
	}
}

// TestTimeOfRepeatedHour: with the offset, both are known; without, it is the first.
func TestTimeOfRepeatedHour(t *testing.T) {
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 02:30 for the first time
	second := first.Add(time.Hour)
	bare, exact := template(t, "%F_%T", "Europe/Berlin"), template(t, "%F_%T%z", "Europe/Berlin")
	if bare.Name(first) != bare.Name(second) || exact.Name(first) == exact.Name(second) {
		t.Errorf("%s and %s, %s and %s", bare.Name(first), bare.Name(second), exact.Name(first), exact.Name(second))
	}
	for _, at := range []time.Time{first, second} {
		if got, ok := exact.Time(exact.Name(at)); !ok || !got.Equal(at) {
			t.Errorf("%s: %v, %v", exact.Name(at), got, ok)
		}
		if got, ok := bare.Time(bare.Name(at)); !ok || !got.Equal(first) {
			t.Errorf("%s: %v, %v", bare.Name(at), got, ok)
		}
	}
}

func TestRepeats(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	from, to, ok := template(t, "%F_%T", "Europe/Berlin").Repeats(now)
	if want := time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC); !ok || !from.Equal(want) || !to.Equal(want.Add(time.Hour)) {
		t.Errorf("%v, %v, %v", from, to, ok)
	}
	from, to, ok = template(t, "%F_%H", "Australia/Lord_Howe").Repeats(now) // by half an hour
	if !ok || to.Sub(from) != 30*time.Minute {
		t.Errorf("%v, %v, %v", from, to, ok)
	}
	for _, c := range [][2]string{{"%F_%T%z", "Europe/Berlin"}, {"%s", "Europe/Berlin"}, {"%F", "Europe/Berlin"}, {"%F_%T", ""}, {"%F_%T", "Asia/Tokyo"}} {
		if from, _, ok := template(t, c[0], c[1]).Repeats(now); ok {
			t.Errorf("%s in %s: %v", c[0], c[1], from)
		}
	}
}

var zones = []string{"UTC", "Europe/Berlin", "Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"}

// TestRoundTrip: a name leads back to a time of that name, and to the time itself if the template tells all of it.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		verbs := []string{"%Y", "%m", "%d", "%H", "%M", "%S", "%3N", "%6N"}
		text := rapid.StringMatching(`[a-z][a-z0-9_.: -]{0,9}`).Draw(t, "prefix")
		exact := rapid.Bool().Draw(t, "exact")
		precision := rapid.IntRange(1, 7).Draw(t, "verbs")
		if exact {
			precision = 6
		}
		for _, v := range verbs[:precision] {
			text += v + rapid.SampledFrom([]string{"", "-", "_", ":", ".", " ", "x", "7"}).Draw(t, "separator")
		}
		if exact {
			text += rapid.SampledFrom([]string{"%z", "%s", " %j%z", "%z.%s"}).Draw(t, "offset")
		}
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		z, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := ParseTemplate(text, z)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(2*366*86400, 253402300799-86400).Draw(t, "time"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		snapshot := parsed.Name(at)
		if _, err := zfssend.ParseName("tank@" + snapshot); err != nil {
			t.Fatal(err)
		}
		got, ok := parsed.Time(snapshot)
		switch {
		case !ok || !parsed.Match(snapshot):
			t.Fatalf("%q of %q in %s: no time", snapshot, text, name)
		case parsed.Name(got) != snapshot:
			t.Fatalf("%q of %q in %s is %v, whose name is %q", snapshot, text, name, got, parsed.Name(got))
		case got.After(at):
			t.Fatalf("%q of %v is later: %v", snapshot, at, got)
		case exact && !got.Equal(at.Truncate(time.Second)):
			t.Fatalf("%q of %v is %v", snapshot, at, got)
		}
	})
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{DefaultTemplate, "%s", "%F %T%z", "%%", "%j", "é%", "%3N"} {
		f.Add(s, "zferry_2026-03-01_06:05:04Z")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		parsed, err := ParseTemplate(text, time.UTC)
		if err != nil {
			return
		}
		if at, ok := parsed.Time(name); ok && parsed.Name(at) != name {
			t.Errorf("%q by %q is %v, whose name is %q", name, text, at, parsed.Name(at))
		}
		own := parsed.Name(time.Unix(1_772_345_104, 0))
		if _, err := zfssend.ParseName("tank@" + own); err != nil && len(own) < 250 {
			t.Error(err)
		}
		if !parsed.Match(own) {
			t.Errorf("%q doesn't match its own %q", text, own)
		}
	})
}
