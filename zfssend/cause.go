package zfssend

import (
	"context"
	"regexp"
	"strings"
)

// Cause is the meaning of a zfs command's failure. zfs has no error codes; a Cause is recognised by the text on stderr,
// which has changed little since OpenZFS 0.7. Causes are errors, so that errors.Is(err, zfssend.Busy) asks for one.
type Cause uint8

const (
	Unknown             Cause = iota
	Canceled                  // we ended it
	NotFound                  // a dataset, snapshot or bookmark does not exist
	PermissionDenied          // "zfs allow" doesn't permit it, or zfs must be run as root
	PropertyDenied            // a property was not set for want of permission; zfs receive exits 0 nevertheless
	Busy                      // a dataset or pool is in use
	Held                      // a snapshot is held
	AlreadyExists             // what was to be created exists
	DestinationExists         // a full stream for a dataset that exists
	DestinationModified       // the destination has changed since its newest snapshot
	NotMatching               // the destination's newest snapshot isn't the one that the increment starts from
	ResumableState            // the destination has the state of an interrupted receive
	ResumeStale               // that state, or its token, fits to nothing any more
	BadStream                 // the stream is truncated or corrupt (suspect the sender first), or the destination got a snapshot meanwhile
	UnsupportedFeature        // the receiving side is too old for the stream
	KeyNotLoaded              // an encryption key is not loaded
	EncryptionMismatch        // raw and other streams, or streams of several keys, don't go together
	NoSpace                   // out of space or over quota
	PoolIO                    // the pool is suspended, or a device failed
	BrokenPipe                // the reader of a send went away
	NotLoaded                 // the zfs kernel module isn't loaded
	Stalled                   // we ended it, since it did nothing for too long
	Unexpected                // we ended it, since the stream isn't what it has to be
	HasDependents             // a dataset has children or snapshots, or a snapshot has clones
	NotTried                  // another part of a batch failed, so this one was left as it is
	Invalid                   // zfs takes no such name, option, property or value, or not together
	ReadOnly                  // the pool is imported read-only
)

var causeNames = [...]string{
	Unknown:             "unknown cause",
	Canceled:            "canceled",
	NotFound:            "not found",
	PermissionDenied:    "permission denied",
	PropertyDenied:      "property not set for want of permission",
	Busy:                "busy",
	Held:                "held",
	AlreadyExists:       "already exists",
	DestinationExists:   "destination exists",
	DestinationModified: "destination modified",
	NotMatching:         "destination's newest snapshot is another one",
	ResumableState:      "destination has the state of an interrupted receive",
	ResumeStale:         "resume state is stale",
	BadStream:           "truncated or corrupt stream",
	UnsupportedFeature:  "unsupported feature",
	KeyNotLoaded:        "key not loaded",
	EncryptionMismatch:  "encryption mismatch",
	NoSpace:             "out of space",
	PoolIO:              "pool I/O error",
	BrokenPipe:          "broken pipe",
	NotLoaded:           "zfs kernel module not loaded",
	Stalled:             "stalled",
	Unexpected:          "unexpected stream",
	HasDependents:       "has children, snapshots or clones",
	NotTried:            "not tried",
	Invalid:             "invalid argument",
	ReadOnly:            "pool is read-only",
}

// String returns a few words in lower case.
func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return "invalid cause"
}

// Error implements error.
func (c Cause) Error() string { return c.String() }

// Is reports that Canceled is a [context.Canceled], too, whatever the cause of the cancellation: for those who only want to
// know whether it was one.
func (c Cause) Is(target error) bool { return c == Canceled && target == context.Canceled }

// causes maps texts on stderr to what they mean. The first match counts, so what is specific stands before what is
// general. Sources: what 2.1, 2.3 and 2.4 were seen to write (testdata), and libzfs_sendrecv.c, libzfs_util.c and cmd/zfs of
// OpenZFS 0.7 to 2.4.
var causes = []struct {
	text  string // with single spaces in place of line breaks
	cause Cause
}{
	{"ZFS modules are not loaded", NotLoaded},
	{"ZFS modules cannot be auto-loaded", NotLoaded},
	{"Failed to initialize the libzfs library", NotLoaded},

	{"contains partially-complete state from", ResumableState},
	{"resume token is corrupt", ResumeStale},
	{"no longer exists", ResumeStale},
	{"no longer the same snapshot used in the initial send", ResumeStale},
	{"Resuming recv on existing destination", ResumeStale},
	{"cannot receive resume stream: destination '", ResumeStale},  // exists without that state, or doesn't exist
	{"cannot receive resume stream: kernel modules", ResumeStale}, // see below

	{"destination has snapshots", DestinationExists},
	{"must specify -F", DestinationExists},
	{"must destroy them to overwrite", DestinationExists},
	{"has been modified since most recent snapshot", DestinationModified},
	{"does not match incremental source", NotMatching},
	{"more recent snapshots or bookmarks exist", HasDependents},

	{"key must be loaded", KeyNotLoaded},
	{"encryption key does not match", EncryptionMismatch},
	{"raw receive on top of existing unencrypted dataset", EncryptionMismatch},
	{"IV set guid", EncryptionMismatch},
	{"cannot be used to destroy an encrypted filesystem", EncryptionMismatch},
	{"without the raw flag", EncryptionMismatch},
	{"set or excluded for raw streams", EncryptionMismatch},

	// What zfs receive -s says of EINVAL, whatever the kernel doesn't like: without -s, it is an "invalid backup stream". A
	// receive that is resumed then has a state which fits to nothing.
	{"kernel modules must be upgraded to receive this stream", BadStream},

	{"unsupported feature", UnsupportedFeature},
	{"must be upgraded to receive this stream", UnsupportedFeature},
	{"requires -L", UnsupportedFeature},
	{"incompatible embedded data", UnsupportedFeature},

	{"out of space", NoSpace},
	{"quota exceeded", NoSpace},
	{"pool I/O is currently suspended", PoolIO},
	{"Input/output error", PoolIO},
	{"I/O error", PoolIO},

	{"checksum mismatch", BadStream},
	{"incomplete stream", BadStream},
	{"failed to read from stream", BadStream},
	{"bad magic", BadStream},
	{"incorrect header checksum", BadStream},
	{"invalid backup stream", BadStream},
	{"invalid stream", BadStream},

	{"it's being held", Held},
	{"dataset is busy", Busy},
	{"pool is busy", Busy},
	{"target is busy", Busy},
	{"pool is read-only", ReadOnly},

	{"has children", HasDependents},
	{"has dependent clones", HasDependents},
	{"snapshot is cloned", HasDependents}, // of a clone that appeared meanwhile, or the one that zfs receive makes

	{"dataset does not exist", NotFound},
	{"does not exist", NotFound},
	{"could not find any snapshots", NotFound},
	{"no such pool", NotFound},
	{"no such tag on this dataset", NotFound},
	{"does not have any resumable receive state", NotFound},
	{"No such process", NotFound}, // how zfs send names a bookmark that is missing
	{"already exists", AlreadyExists},
	{"bookmark exists", AlreadyExists},

	{"permission denied", PermissionDenied},
	{"Permission denied", PermissionDenied},
	{"Insufficient privileges", PermissionDenied},

	{"not an earlier snapshot from the same fs", Invalid},
	{"cannot be sent from a bookmark", Invalid},
	{"Unsupported flag with filesystem or bookmark", Invalid},
	{"is not a filesystem", Invalid},
	{"invalid property", Invalid}, // or property value
	{"invalid name", Invalid},
	{"must be one of", Invalid},
	{"is readonly", Invalid},
	{"usage:", Invalid},

	{"signal received", BrokenPipe}, // how zfs send names EPIPE and EINTR
	{"Broken pipe", BrokenPipe},
}

// classify returns the cause of a failure that left this on stderr.
func classify(stderr string) Cause {
	text := strings.Join(strings.Fields(masked(stderr)), " ")
	if deniedProperty(text) {
		return PropertyDenied
	}
	for _, c := range causes {
		if strings.Contains(text, c.text) {
			return c.cause
		}
	}
	return Unknown
}

// deniedProperty recognises "cannot receive <property> property on <dataset>: permission denied", which zfs receive
// prints although it exits 0.
func deniedProperty(text string) bool {
	_, rest, ok := strings.Cut(text, "cannot receive ")
	if !ok {
		return false
	}
	_, rest, ok = strings.Cut(rest, " property on ")
	return ok && strings.Contains(rest, "permission denied")
}

// masked returns what zfs wrote to stderr with ? in place of names, so that what a dataset is called, be it "tank/out of
// space", isn't taken for what happened to it. Most names are quoted, and can't have quotes in them; where others stand is
// known.
func masked(stderr string) string {
	var b strings.Builder
	dependents := false
	for line := range strings.Lines(stderr) {
		switch {
		case strings.HasSuffix(line, "the following datasets:\n"):
			dependents = true
		case dependents && !strings.HasPrefix(line, "cannot "):
			continue // nothing but a name
		default:
			dependents = false
		}
		if strings.Contains(line, "'") {
			line = quotedName.ReplaceAllString(line, "$1'?'")
		}
		for _, name := range plainNames {
			if strings.Contains(line, name.near) {
				line = name.pattern.ReplaceAllString(line, "$1?$2")
			}
		}
		b.WriteString(line)
	}
	return b.String()
}

// quotedName begins after a space or the like, unlike the apostrophe of "it's being held".
var quotedName = regexp.MustCompile(`(^|[\s(:])'[^'\n]*'`)

// plainNames are names without quotes, between what stands in front of them and what follows in the same line. Sources as for
// causes. A name may have in it what follows one, so that the last place where that stands is where it ends.
var plainNames = []struct {
	near    string
	pattern *regexp.Regexp
}{
	{"cannot destroy snapshot ", regexp.MustCompile(`^(cannot destroy snapshot ).*(: )`)},
	{"cannot restore to ", regexp.MustCompile(`^(cannot restore to ).*(: )`)},
	{" property on ", regexp.MustCompile(`^(cannot receive \S+ property on ).*(: )`)},
	{"cannot send ", regexp.MustCompile(`^(cannot send )[^'].*( recursively: snapshot .* does not exist)`)},
	{" recursively: snapshot ", regexp.MustCompile(`( recursively: snapshot ).*( does not exist)`)},
	{"cannot send ", regexp.MustCompile(`^(cannot send )[^'].*(: encrypted dataset .* may not be sent)`)},
	{": encrypted dataset ", regexp.MustCompile(`(: encrypted dataset ).*( may not be sent)`)},
	{"could not send ", regexp.MustCompile(`(could not send )[^'].*(:)`)},
	{"destination ", regexp.MustCompile(`(: destination )[^'].*( has been modified| contains partially-complete| space quota exceeded)`)},
	{"most recent snapshot of ", regexp.MustCompile(`(: most recent snapshot of ).*( does not\s*$)`)},
	{"origin for clone ", regexp.MustCompile(`(: local origin for clone ).*( does not exist)`)},
	{"origin fs (", regexp.MustCompile(`(: specified origin fs \().*(\))`)},
	{"source (", regexp.MustCompile(`(incremental source \().*(\))`)},
	{"(eg. ", regexp.MustCompile(`(\(eg\. ).*(\))`)},
}
