// Package zstream reads, checks and writes the streams of zfs send, and the tokens that resume them.
//
// # Streams
//
// A stream is a sequence of records. Each one is a header of [HeaderSize] bytes, with a [RecordType] and fields, and for some types a
// payload. A stream of one snapshot is a BEGIN record, which names it, records that create and change objects, and an END record.
// A package (a compound stream: zfs send -R, -I, -p, -b, -h) is a BEGIN record with a list of what is in it, an END record, the
// streams of several snapshots one after the other, and an END record of zeros, but for the type. What has been rewritten by OpenZFS's
// zstream (redup, decompress, recompress) has a checksum of its own in the END records of the list and of the package, too.
//
// Everything but that last record is covered by Fletcher-4 checksums: one sum runs through a stream from its BEGIN record on. Each
// header holds the sum of all before it, and END once more that of all records. Numbers have the byte order of the sending host.
//
// zfs receive commits a snapshot when it sees an END record. A stream without one is no stream, and never to be mistaken for one.
//
// # Checking
//
// A [Verifier] is written to while the stream passes, and costs one pass over memory at several GB/s. It tells damage as an [*Error]
// with the record and the range of bytes, and truncation on Close. [Verifier.Safe] says up to where a receiver may have the bytes
// without committing anything, so that the last word can be held back until the sender is known to have succeeded:
//
//	var v zstream.Verifier
//	v.OnBegin = func(b zstream.Begin) error {
//		if b.Raw != wantRaw {
//			return errors.New("not what was asked for")
//		}
//		return nil
//	}
//	_, err := io.Copy(&v, stream)
//	if err == nil {
//		err = v.Close()
//	}
//
// [ParseBegin] is what costs nothing: it reads only the first record. A Verifier finds accidents. Fletcher-4 isn't cryptographic, and
// who can change a stream on purpose can change its checksums.
//
// # Tokens
//
// [ParseToken] decodes the property receive_resume_token. Compare it with what was to be sent before it is handed to zfs send -t.
//
// # Sources
//
// The facts are those of OpenZFS 2.1 to 2.4: include/sys/zfs_ioctl.h (records, features), module/zfs/dmu_send.c and dmu_recv.c
// (checksums, order of records), lib/libzfs/libzfs_sendrecv.c (packages, tokens), module/nvpair/nvpair.c (lists),
// module/zcommon/zfs_fletcher.c. Streams of 2.1.11 are in testdata, with what OpenZFS's own zstream says of them.
//
// The feature bits 3 to 15 and 18, which closed-source versions use, are refused, as zfs receive does.
package zstream
