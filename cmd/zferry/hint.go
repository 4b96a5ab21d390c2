package main

import (
	"cmp"
	"errors"
	"os/exec"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
	"github.com/spanstack/spanstack/zfssend/replicate"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// hints say what to do about an error, the first that fits. Where op is set, they are about that subcommand of zfs only. DATASET
// stands for what that was about, and ABOVE for the dataset above it.
var hints = []struct {
	is   error
	op   string
	hint string
}{
	{zfssend.DestinationModified, "", "if what was changed on the destination isn't needed, run it again with --rollback, which discards it"},
	{endpoint.ErrNoCertificates, "", "name them by --tls-cert, --tls-key and --tls-ca"},
	{config.ErrMissing, "", `"zferry config example" prints one to begin with; --config names another file`},
	{remote.ErrRefused, "", "what the agent there does is said by the flags --root, --allow and --property that it was started with"},
	{zfssend.NoSpace, "receive", "make room there, or raise a quota: zfs get available,quota,refquota ABOVE; " + goesOn},
	{zfssend.NoSpace, "", "make room in the pool, or raise a quota"},
	{zfssend.KeyNotLoaded, "send", "load the key, by zfs load-key DATASET, or leave out --allow-plaintext: what is sent raw needs none"},
	{zfssend.KeyNotLoaded, "receive", "what isn't sent raw needs a key there: zfs get encryptionroot,keystatus ABOVE says which one, and zfs load-key loads it"},
	{zfssend.EncryptionMismatch, "", "a copy can't be partly raw and partly not: with or without --allow-plaintext, as in the runs before, or to a new destination"},
	{zfssend.PoolIO, "send", "zpool status -v says which device or file can't be read; when it can, run it again"},
	{zfssend.PoolIO, "", "zpool status -x says which device has failed; zpool clear lets a pool go on when it is back"},
	{zfssend.Stalled, "", "zpool status -x and zpool iostat say whether the pools still work; " + goesOn},
	{zfssend.Held, "", "zferry holds DATASET says who holds it"},
	{zfssend.Busy, "", "something else uses it, such as a receive, a mount or an export: run it again when that is over"},
	{zfssend.UnsupportedFeature, "", "the ZFS that receives is too old for the stream: upgrade it, or see --no-large-blocks, --no-embedded and --no-compressed"},
	{zfssend.BadStream, "receive", "run it again; if that comes again, with --no-embedded, which what is encrypted there may need"},
	{zfssend.ReadOnly, "", "import the pool without readonly=on"},
	{zstream.ErrTruncated, "", "the sender or the connection broke off, or a length was damaged; send it again. What zfs send -S writes has no end, and is no backup"},
	{zstream.ErrChecksum, "", "the stream was damaged after zfs send wrote it, on its way or where it is stored; send it again"},
	{exec.ErrNotFound, "", "the zfs program is not in PATH; on Debian: apt-get install zfsutils-linux zfs-dkms"},
	{zfssend.NotLoaded, "", "load the kernel module: modprobe zfs"},
	{zfssend.PermissionDenied, "", `run it as root, or delegate the right with "zfs allow"`},
	{zfssend.ErrTransport, "", "when the other host can be reached, run it again; " + goesOn},
	{zfssend.NotFound, "", "zfs list -t all shows what there is, zpool list which pools are imported"},
}

// goesOn is true of whatever ends a replication.
const goesOn = "what has arrived stays, and the next run goes on from there"

// hintsFor returns what to do about an error, each hint once. Of several datasets, what the conflicts need was said.
func hintsFor(err error) (list []string) {
	incomplete, many := errors.AsType[*replicate.IncompleteError](err)
	if _, stopped := errors.AsType[*stoppedError](err); stopped || !many {
		if hint := hintFor(err); hint != "" {
			list = append(list, hint)
		}
		return list
	}
	for _, d := range incomplete.Failed {
		if _, told := errors.AsType[*replicate.Conflict](d.Err); told || d.Skipped {
			continue
		}
		if hint := hintFor(d.Err); hint != "" && !slices.Contains(list, hint) {
			list = append(list, hint)
		}
	}
	return list
}

// hintFor returns what to do about an error, "" if that isn't known.
func hintFor(err error) string {
	_, isStep := errors.AsType[*replicate.StepError](err)
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		if isStep && errors.Is(err, zfssend.ErrTransport) {
			return hinted.Hint() + "; " + goesOn
		}
		return hinted.Hint()
	}
	if _, locked := errors.AsType[*zfssend.LockedError](err); locked {
		return "wait for it, or stop it; a lock ends with its process"
	}
	of, _ := errors.AsType[*zfssend.Error](err)
	of = cmp.Or(of, &zfssend.Error{})
	for _, h := range hints {
		if errors.Is(err, h.is) && (h.op == "" || h.op == of.Op) {
			return named(h.hint, of.Object)
		}
	}
	if of.Signal != 0 {
		return "something else ended it, such as a kernel that is out of memory; " + goesOn
	}
	if isStep {
		return goesOn + "; --log-level debug and --trace FILE show more"
	}
	return ""
}

// named puts names into a hint.
func named(hint, object string) string {
	dataset, _, _ := strings.Cut(object, "@")
	above := dataset[:max(strings.LastIndexByte(dataset, '/'), 0)]
	quote := func(name string) string {
		if strings.Contains(name, " ") {
			return "'" + name + "'"
		}
		return name
	}
	return strings.NewReplacer("DATASET", quote(dataset), "ABOVE", quote(cmp.Or(above, dataset))).Replace(hint)
}

// stoppedError is a replication that was ended by a signal or by --deadline.
type stoppedError struct{ error }

func (e *stoppedError) Unwrap() error { return e.error }

// Hint says what that means.
func (*stoppedError) Hint() string { return goesOn }
