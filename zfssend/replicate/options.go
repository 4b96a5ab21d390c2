package replicate

import (
	"time"

	"github.com/spanstack/spanstack/zfssend"
)

// DefaultWorkers is how many streams flow at a time unless Options say otherwise. Small increments are made of waiting for
// processes and transaction groups, which several can share.
const DefaultWorkers = 8

// Options say what a replication does. The zero value replicates one dataset, destroys nothing and rolls nothing back.
type Options struct {
	Recursive bool   // the datasets below, too
	Filter    Filter // which of them, and which snapshots

	Newest    bool // a new destination gets the newest snapshot alone, and not the oldest one and all since
	Plaintext bool // encrypted datasets are sent decrypted, if their keys are loaded, and not raw

	// Blocks are sent as they are on disk, which is faster and smaller (-L, -e, -c), unless the receiving pool is too old for them.
	NoLargeBlock, NoEmbedded, NoCompressed bool

	Properties bool     // the datasets' properties, too (-p)
	Exclude    []string // properties of the stream to ignore (-x)

	// Set are properties that new datasets get (-o). A copy that was made without one of them is replicated, but its error is a
	// *[PropertyError], each time.
	Set map[string]string

	// Mount lets filesystems be mounted when they are received, and at boot. Otherwise they aren't (-u), new ones get
	// canmount=noauto, and of the properties in a stream, mountpoint is ignored.
	Mount bool

	// Rollback discards what was changed on a destination since its newest snapshot, where it has to be.
	Rollback bool
	// DestroyDiverged destroys the snapshots of a destination that are newer than the newest common one.
	DestroyDiverged bool

	// Verify checks each stream's checksums on the way, and lets the destination have its end only when zfs send has
	// succeeded.
	Verify bool

	// Cursor, if not "", is the name of the bookmarks that are left on the source, one for each dataset, from which the next
	// increment can start when its snapshot is gone: see CursorName. Hold, if not "", is the tag by which the newest common
	// snapshot of each dataset is held on both sides.
	Cursor, Hold string

	// Workers is how many streams flow at a time; 0 means DefaultWorkers. Up to twice as many datasets more are in work, whose zfs receive has its
	// stream, and waits until that is written.
	Workers int
	Limit   *Limiter // of all streams together; nil means none

	// Retries is how often a dataset is tried again, without any progress in between, after a failure that may pass; Backoff is
	// the first wait before that, which doubles from time to time; 0 means DefaultBackoff.
	Retries int
	Backoff time.Duration
}

// DefaultBackoff is the first wait before a retry, and maxBackoff the longest one.
const (
	DefaultBackoff = time.Second
	maxBackoff     = time.Minute
)

func (o *Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return DefaultWorkers
}

// raw reports whether a dataset is sent raw: one that is encrypted, or may be.
func (o *Options) raw(d *zfssend.Dataset) bool { return d.Encrypted() && !o.Plaintext }
