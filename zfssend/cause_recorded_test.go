package zfssend

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// recordedCauses are the causes that recordings name: see testdata/record-streams.sh.
var recordedCauses = map[string]Cause{
	"Unknown":             Unknown, // zfs says nothing
	"NotFound":            NotFound,
	"PermissionDenied":    PermissionDenied,
	"PropertyDenied":      PropertyDenied,
	"Busy":                Busy,
	"Held":                Held,
	"DestinationExists":   DestinationExists,
	"DestinationModified": DestinationModified,
	"NotMatching":         NotMatching,
	"ResumableState":      ResumableState,
	"ResumeStale":         ResumeStale,
	"BadStream":           BadStream,
	"UnsupportedFeature":  UnsupportedFeature,
	"KeyNotLoaded":        KeyNotLoaded,
	"EncryptionMismatch":  EncryptionMismatch,
	"NoSpace":             NoSpace,
	"PoolIO":              PoolIO,
	"BrokenPipe":          BrokenPipe,
	"NotLoaded":           NotLoaded,
	"AlreadyExists":       AlreadyExists,
	"Invalid":             Invalid,
	"ReadOnly":            ReadOnly,
}

// TestRecordedCauses: what zfs send and zfs receive of each version were seen to write is understood.
func TestRecordedCauses(t *testing.T) {
	versions, err := filepath.Glob("testdata/zfs-*")
	if err != nil || len(versions) < 3 {
		t.Fatalf("recorded are the versions %q: %v", versions, err)
	}
	for _, dir := range versions {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			names, err := filepath.Glob(dir + "/*.txtar")
			if err != nil {
				t.Fatal(err)
			}
			seen := map[Cause]bool{Held: true} // zfs send and zfs receive say busy
			for _, name := range names {
				seen[checkRecordedCause(t, name)] = true
			}
			for name, cause := range recordedCauses {
				if !seen[cause] {
					t.Errorf("nothing that means %s was recorded", name)
				}
			}
		})
	}
}

// checkRecordedCause returns the cause that a recording names, if it does.
func checkRecordedCause(t *testing.T, file string) Cause {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, name, ok := strings.Cut(string(archive.Comment), "\ncause: ")
	if !ok {
		return Unknown // of another kind: see record.sh
	}
	var want []Cause
	for name := range strings.SplitSeq(strings.TrimSpace(name), ",") { // of versions that differ
		cause, ok := recordedCauses[name]
		if !ok {
			t.Fatalf("%s: cause %q is not known", file, name)
		}
		want = append(want, cause)
	}
	part := map[string]string{}
	for _, f := range archive.Files {
		part[f.Name] = string(f.Data)
	}
	if failed := strings.TrimSpace(part["status"]) != "0"; failed == (want[0] == PropertyDenied) {
		t.Errorf("%s: status %s", file, part["status"])
	}
	got := classify(part["stderr"])
	if !slices.Contains(want, got) {
		t.Errorf("%s: %s\n%s%v, want %v", file, archive.Comment, part["stderr"], got, want)
	}
	if got == Unknown && part["stderr"] != "" {
		t.Errorf("%s: %q means something", file, part["stderr"])
	}
	return got
}

// TestRecordedVersions: what was recorded of one version was recorded of the others, too.
func TestRecordedVersions(t *testing.T) {
	all := map[string][]string{}
	names, err := filepath.Glob("testdata/zfs-*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, name := range names {
		version := filepath.Base(filepath.Dir(name))
		if !slices.Contains(versions, version) {
			versions = append(versions, version)
		}
		all[filepath.Base(name)] = append(all[filepath.Base(name)], version)
	}
	for name, has := range all {
		if strings.HasSuffix(name, "-of-2.4.txtar") { // streams that only older versions refuse
			continue
		}
		if len(has) < len(versions) {
			t.Errorf("%s was recorded only of %v", name, has)
		}
	}
}

// TestRecordedComplaints: what was recorded of other versions says the same about the same names as it does of 2.1, on which
// the tests of lists, holds, bookmarks, destruction, properties and permissions stand.
func TestRecordedComplaints(t *testing.T) {
	names, err := filepath.Glob("testdata/zfs-2.1/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, name := range names {
		want, ok := recordedComplaints(t, name)
		if !ok {
			continue
		}
		for _, version := range []string{"zfs-2.3", "zfs-2.4"} {
			got, ok := recordedComplaints(t, strings.Replace(name, "zfs-2.1", version, 1))
			if !ok || !slices.Equal(got, want) {
				t.Errorf("%s of %s: %q, but of 2.1: %q", filepath.Base(name), version, got, want)
			}
			compared += len(got)
		}
	}
	if compared < 50 {
		t.Errorf("only %d complaints were compared", compared)
	}
}

// recordedComplaints returns the names and causes of a recording of record.sh, and whether it failed.
func recordedComplaints(t *testing.T, file string) (list []string, ok bool) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(archive.Comment), "\ncause: ") {
		return nil, false
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "stderr":
			for _, c := range complaints(string(f.Data), among(nil)) {
				if c.cause == Held { // before 2.3, and in some builds of it, such a snapshot is busy
					c.cause = Busy
				}
				list = append(list, c.name+": "+c.cause.String())
			}
		case "status":
			if status := strings.TrimSpace(string(f.Data)); status != "0" { // some versions exit with 255 instead of 1
				list = append(list, "it failed")
			}
		}
	}
	return list, true
}
