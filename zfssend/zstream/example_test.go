package zstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// write makes a small stream, in place of zfs send.
func write(w io.Writer) {
	s := zstream.NewWriter(w)
	s.WriteBegin(zstream.Begin{ToName: "tank/home@mon", ToGUID: 0xfeed})
	s.WriteObject(2, 4096, nil)
	s.WriteBlock(2, 0, make([]byte, 4096))
	s.WriteEnd()
	if err := s.Close(); err != nil {
		panic(err)
	}
}

// A Verifier is an io.Writer at the side of the stream's way.
func Example() {
	var stream bytes.Buffer
	write(&stream)

	var v zstream.Verifier
	var received bytes.Buffer // in place of zfs receive
	_, err := io.Copy(&received, io.TeeReader(&stream, &v))
	if err == nil {
		err = v.Close()
	}
	stats := v.Stats()
	fmt.Println(stats.Last.ToName, stats.Bytes, "bytes,", stats.Records[zstream.TypeWrite].Count, "block,", err)

	damaged := received.Bytes()
	damaged[1000] ^= 1
	var again zstream.Verifier
	_, err = again.Write(damaged)
	fmt.Println(err)
	if e, ok := errors.AsType[*zstream.Error](err); ok {
		fmt.Println(e.Record, "record at", e.Offset)
	}
	// Output:
	// tank/home@mon 5344 bytes, 1 block, <nil>
	// verify zfs stream: WRITE record at byte 624: checksum mismatch in bytes 936 to 5343
	// WRITE record at 624
}

// A token is decoded without running zfs, and compared with what was to be sent.
func ExampleParseToken() {
	property := zstream.Token{ToName: "tank/home@mon", ToGUID: 0xfeed, Object: 2, Offset: 131072, Bytes: 140000, Raw: true}.String()

	token, err := zstream.ParseToken(property)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.ToName, token.Bytes, "bytes so far, raw:", token.Raw)

	_, err = zstream.ParseToken("1-1234-b8-00")
	fmt.Println(errors.Is(err, zstream.ErrChecksum), err)
	// Output:
	// tank/home@mon 140000 bytes so far, raw: true
	// true read resume token "1-1234-b8-00": checksum mismatch: computed 0, the token says 1234
}

// OnBegin refuses a stream before a receiver has seen any of it.
func ExampleVerifier_Safe() {
	var stream bytes.Buffer
	write(&stream)

	v := zstream.Verifier{OnBegin: func(b zstream.Begin) error {
		if !b.Raw {
			return fmt.Errorf("%s is not encrypted", b.ToName)
		}
		return nil
	}}
	_, err := io.Copy(&v, &stream)
	fmt.Println(v.Safe(), err)
	// Output:
	// 0 verify zfs stream: BEGIN record at byte 0: tank/home@mon is not encrypted
}
