// Package zfsmodel is a small model of ZFS for tests: a program that understands the command line of zfs as package
// zfssend uses it, and answers, fails and exits as zfs does.
//
// A [Model] is a directory. It holds the state of a pool: filesystems, volumes, snapshots, bookmarks, holds, properties,
// keys, and what interrupted receives left. [Model.Command] is the command line of its zfs, which is the test binary
// itself; package zfstest turns that into one. Any number of its processes may run at once: each takes a lock for what
// would be one transaction on real ZFS, and none while it reads or writes a stream. What a killed process leaves behind is
// cleaned up by the next one, as the kernel does.
//
// Streams are OpenZFS's send streams, with checksums, and with the contents of files as they are. A filesystem's files are
// flat, have no attributes, and are written by [Model.Write]; nothing is mounted really.
//
// How the model behaves was recorded on OpenZFS 2.1: see the transcripts of package zfssuite. The model is trusted as far
// as it passes the suite of that package, which real ZFS passes, too. What the suite doesn't ask isn't modelled: space
// is only counted for quotas, nothing is compressed but in streams, encryption keeps secrets from nobody, permissions are noted
// and not enforced, and there are neither redaction nor channel programs.
package zfsmodel
