package zstream

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Token is what a resume token says: which stream was being received, and how far it came. A receiver that keeps partial
// state (zfs receive -s) has one as its property receive_resume_token, and zfs send -t takes it.
//
// A token is not proof of anything. Who can give one to a sender chooses what is sent, and whether it is encrypted
// (openzfs#14153), so compare all of it with what was to be sent.
type Token struct {
	ToName   string // the snapshot that was sent: its name at that time, and on that host
	ToGUID   uint64 // the GUID of that snapshot, by which zfs send -t finds it
	FromGUID uint64 // the GUID of what the stream is an increment to; 0: it is a full one

	Object uint64 // the object where the stream is to be resumed
	Offset uint64 // in that object, in bytes
	Bytes  uint64 // received so far

	LargeBlocks bool // zfs send -L
	Embedded    bool // zfs send -e
	Compressed  bool // zfs send -c
	Raw         bool // zfs send -w: the data leave encrypted
	Saved       bool // zfs send -S

	RedactSnapshots []uint64 // GUIDs of the snapshots that the stream is redacted with; nil if it is not

	// BookmarkRedactSnapshots are the same of the redaction bookmark that the stream is an increment to; nil if it is to none.
	BookmarkRedactSnapshots []uint64

	// Unknown are names in the token that this package doesn't know. String leaves them out.
	Unknown []string
}

// TokenError says what is wrong with a resume token.
type TokenError struct {
	Token string
	Err   error // matches ErrFormat, ErrChecksum, ErrTruncated or ErrUnsupported
}

func (e *TokenError) Error() string {
	token := e.Token
	if len(token) > 40 {
		token = token[:40] + "..."
	}
	return fmt.Sprintf("read resume token %q: %v", token, e.Err)
}

func (e *TokenError) Unwrap() error { return e.Err }

// Limits of a token. One has about 200 bytes, and 8 more for each redaction snapshot.
const (
	maxToken     = 1 << 20 // bytes of hexadecimal digits
	maxTokenList = 1 << 20 // bytes of the list in it
)

// ParseToken decodes a resume token: 1-CHECKSUM-LENGTH-DATA, all in hexadecimal. DATA is an nvlist in the native encoding,
// compressed by zlib; CHECKSUM is the first word of its Fletcher-4 checksum, LENGTH the size of the list
// (get_receive_resume_token_impl in module/zfs/dsl_dataset.c, zfs_send_resume_token_to_nvlist in lib/libzfs/libzfs_sendrecv.c).
// Errors are *TokenError.
func ParseToken(s string) (Token, error) {
	t, err := parseToken(s)
	if err != nil {
		return Token{}, &TokenError{Token: s, Err: err}
	}
	return t, nil
}

func parseToken(s string) (Token, error) {
	if len(s) > maxToken {
		return Token{}, fmt.Errorf("%w: %d bytes, maximum is %d", ErrFormat, len(s), maxToken)
	}
	parts := strings.Split(s, "-")
	if version := parts[0]; version != "1" {
		return Token{}, fmt.Errorf("%w: version %q, known is 1", ErrUnsupported, version)
	}
	if len(parts) != 4 {
		return Token{}, fmt.Errorf("%w: %d parts, want VERSION-CHECKSUM-LENGTH-DATA", ErrFormat, len(parts))
	}
	checksum, err := strconv.ParseUint(parts[1], 16, 64)
	if err != nil {
		return Token{}, fmt.Errorf("%w: checksum %q is not a hexadecimal number", ErrFormat, parts[1])
	}
	size, err := strconv.ParseUint(parts[2], 16, 64)
	if err != nil || size > maxTokenList {
		return Token{}, fmt.Errorf("%w: length %q is not a hexadecimal number up to %x", ErrFormat, parts[2], maxTokenList)
	}
	compressed, err := hex.DecodeString(parts[3])
	if err != nil {
		return Token{}, fmt.Errorf("%w: data are not pairs of hexadecimal digits", ErrFormat)
	}
	var sum Fletcher4
	sum.Update(compressed)
	if sum.Sum()[0] != checksum {
		return Token{}, fmt.Errorf("%w: computed %x, the token says %x", ErrChecksum, sum.Sum()[0], checksum)
	}
	packed, err := inflate(compressed, int(size))
	if err != nil {
		return Token{}, err
	}
	list, err := ParseNVList(packed)
	if err != nil {
		return Token{}, err
	}
	return tokenOf(list)
}

// inflate decompresses what must be exactly size bytes.
func inflate(compressed []byte, size int) ([]byte, error) {
	in := bytes.NewReader(compressed)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("%w: data are not compressed by zlib: %v", ErrFormat, err)
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(z, int64(size)+1))
	switch {
	case errors.Is(err, zlib.ErrChecksum):
		return nil, fmt.Errorf("%w: of the decompressed data", ErrChecksum)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: compressed data", ErrTruncated)
	case err != nil:
		return nil, fmt.Errorf("%w: data are not compressed by zlib: %v", ErrFormat, err)
	case n != int64(size):
		return nil, fmt.Errorf("%w: data are not as long as the token says, %d bytes", ErrFormat, size)
	case in.Len() > 0:
		return nil, fmt.Errorf("%w: %d bytes follow the data", ErrFormat, in.Len())
	}
	return out.Bytes(), nil
}

// tokenOf takes the values out of the list, and demands those that zfs send -t does.
func tokenOf(list NVList) (t Token, err error) {
	seen := map[string]bool{}
	for _, p := range list {
		if seen[p.Name] {
			return t, fmt.Errorf("%w: %q comes twice", ErrFormat, p.Name)
		}
		seen[p.Name] = true
		ok := true
		switch p.Name {
		case "toname":
			t.ToName, ok = p.Value.(string)
		case "toguid":
			t.ToGUID, ok = p.Value.(uint64)
		case "fromguid":
			t.FromGUID, ok = p.Value.(uint64)
		case "object":
			t.Object, ok = p.Value.(uint64)
		case "offset":
			t.Offset, ok = p.Value.(uint64)
		case "bytes":
			t.Bytes, ok = p.Value.(uint64)
		case "largeblockok":
			t.LargeBlocks, ok = true, p.Type == NVBoolean
		case "embedok":
			t.Embedded, ok = true, p.Type == NVBoolean
		case "compressok":
			t.Compressed, ok = true, p.Type == NVBoolean
		case "rawok":
			t.Raw, ok = true, p.Type == NVBoolean
		case "savedok":
			t.Saved, ok = true, p.Type == NVBoolean
		case "redact_snaps":
			t.RedactSnapshots, ok = p.Value.([]uint64)
		case "book_redact_snaps":
			t.BookmarkRedactSnapshots, ok = p.Value.([]uint64)
		default:
			t.Unknown = append(t.Unknown, p.Name)
		}
		if !ok {
			return t, fmt.Errorf("%w: %q has a value of type %d", ErrFormat, p.Name, p.Type)
		}
	}
	for _, name := range []string{"toname", "toguid", "object", "offset", "bytes"} {
		if !seen[name] {
			return t, fmt.Errorf("%w: %q is missing", ErrFormat, name)
		}
	}
	return t, checkToName(t.ToName)
}

// checkToName wants a snapshot's name, as zfs send writes it.
func checkToName(name string) error {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("%w: name %q has control characters", ErrFormat, name)
	case len(name) >= nameSize:
		return fmt.Errorf("%w: name of %d bytes, maximum is %d", ErrFormat, len(name), nameSize-1)
	}
	if dataset, snapshot, ok := strings.Cut(name, "@"); !ok || dataset == "" || snapshot == "" {
		return fmt.Errorf("%w: name %q is not that of a snapshot", ErrFormat, name)
	}
	return nil
}

// String encodes the token as ZFS does; its compressed bytes may differ from those that zlib would make. The zero Token, which
// is none, encodes too, but ParseToken refuses it.
func (t Token) String() string { return encodeToken(t.list()) }

func encodeToken(l NVList) string {
	packed, err := l.AppendNative(nil)
	if err != nil {
		panic(err) // all types of a token's values are supported
	}
	var compressed bytes.Buffer
	z := zlib.NewWriter(&compressed)
	z.Write(packed) // a bytes.Buffer takes everything
	z.Close()
	var sum Fletcher4
	sum.Update(compressed.Bytes())
	return fmt.Sprintf("1-%x-%x-%x", sum.Sum()[0], len(packed), compressed.Bytes())
}

// list returns the values in the order in which ZFS writes them.
func (t Token) list() NVList {
	var l NVList
	if t.FromGUID != 0 {
		l = append(l, nvNumber("fromguid", t.FromGUID))
	}
	l = append(l, nvNumber("object", t.Object), nvNumber("offset", t.Offset), nvNumber("bytes", t.Bytes),
		nvNumber("toguid", t.ToGUID), nvText("toname", t.ToName))
	for _, f := range []struct {
		name string
		set  bool
	}{{"largeblockok", t.LargeBlocks}, {"embedok", t.Embedded}, {"compressok", t.Compressed}, {"rawok", t.Raw}, {"savedok", t.Saved}} {
		if f.set {
			l = append(l, nvFlag(f.name))
		}
	}
	if t.RedactSnapshots != nil {
		l = append(l, nvNumbers("redact_snaps", t.RedactSnapshots))
	}
	if t.BookmarkRedactSnapshots != nil {
		l = append(l, nvNumbers("book_redact_snaps", t.BookmarkRedactSnapshots))
	}
	return l
}
