package zfsmodel

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

var (
	errNoKey = errors.New("inherited key must be loaded")
	errStale = errors.New("kernel modules must be upgraded to receive this stream")
)

// partial is what there is of a snapshot that is being received, or was when its receive was interrupted.
type partial struct {
	zstream.Token // where it goes on
	Objects       objects
}

// token returns the resume token of a dataset; "-" if it has none.
func (st *state) token(d *dataset) string {
	if d.Partial == nil {
		return "-"
	}
	return d.Partial.Token.String()
}

// entry is a line of a journal: one record that was stored. What isn't in the journal was not received.
type entry struct {
	Type   zstream.RecordType
	Object uint64 `json:",omitempty"`
	Offset uint64 `json:",omitempty"`
	Length uint64 `json:",omitempty"`
	Name   string `json:",omitempty"`
	Hash   string `json:",omitempty"`
	Bytes  int64  // of the stream so far
}

// journal notes what is received, in the file of its process, so that what a killed one has received isn't lost.
type journal struct {
	store
	w     io.Writer
	key   []byte
	bytes int64
}

// add stores a record.
func (j *journal) add(r zstream.Record, payload []byte) error {
	j.bytes += zstream.HeaderSize + int64(len(payload))
	field := func(name string) uint64 {
		value, _ := r.Field(name)
		return value
	}
	e := entry{Type: r.Type, Object: field("object"), Offset: field("offset"), Bytes: j.bytes}
	switch r.Type {
	case zstream.TypeObject:
		if len(payload) < 8 {
			return zstream.ErrFormat
		}
		n := field("bonuslen")
		e.Length, e.Offset, e.Name = field("blksz"), binary.LittleEndian.Uint64(payload), string(payload[8:n])
	case zstream.TypeFreeObjects:
		e.Object, e.Length = field("firstobj"), field("numobjs")
	case zstream.TypeFree:
		e.Length = field("length")
	case zstream.TypeWrite, zstream.TypeWriteEmbedded:
		data, err := blockOf(r, payload)
		if err != nil {
			return err
		}
		if j.key != nil {
			data = slices.Clone(data)
			scramble(j.key, e.Object, e.Offset, data)
		}
		hash, err := j.putBlock(data)
		if err != nil {
			return err
		}
		e.Type, e.Hash = zstream.TypeWrite, hash
	default:
		return nil
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = j.w.Write(append(line, '\n'))
	return err
}

// replay returns the objects that a process has received, and where it would go on.
func (s store) replay(id string, rec *receiving, txg uint64) (objects, zstream.Token, error) {
	f, err := os.Open(s.path("processes", id))
	if err != nil {
		return nil, zstream.Token{}, err
	}
	defer f.Close()
	list, token := maps.Clone(rec.Start.Objects), rec.Start.Token
	if list == nil {
		list = make(objects)
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	start := token.Bytes
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			break // the process was killed in the middle of it
		}
		list.apply(e, txg)
		if e.Type == zstream.TypeWrite {
			token.Object, token.Offset = e.Object, e.Offset
		} else if e.Type == zstream.TypeObject && e.Object > token.Object {
			token.Object, token.Offset = e.Object, 0
		}
		token.Bytes = start + uint64(e.Bytes)
	}
	return list, token, lines.Err()
}

// apply does what a record says.
func (o objects) apply(e entry, txg uint64) {
	old := o[e.Object]
	switch e.Type {
	case zstream.TypeObject:
		obj := &object{Name: e.Name, Size: int64(e.Offset), BlockSize: int(e.Length), Born: txg}
		if old != nil && !old.Freed && old.BlockSize == obj.BlockSize {
			obj.Blocks = slices.Clone(old.Blocks)
		}
		obj.resize(txg)
		o[e.Object] = obj
	case zstream.TypeFreeObjects:
		for n := range o {
			if n >= e.Object && n-e.Object < e.Length {
				o[n] = &object{Freed: true, Born: txg}
			}
		}
	case zstream.TypeWrite, zstream.TypeFree:
		if old == nil || old.BlockSize == 0 {
			return
		}
		obj := *old
		obj.Blocks = slices.Clone(old.Blocks)
		if k := e.Offset / uint64(old.BlockSize); k < uint64(len(obj.Blocks)) {
			obj.Blocks[k] = block{Hash: e.Hash, Born: txg}
		}
		o[e.Object] = &obj
	}
}

// resize makes the number of blocks fit the size.
func (o *object) resize(txg uint64) {
	n := int((o.Size + int64(o.BlockSize) - 1) / int64(o.BlockSize))
	for len(o.Blocks) < n {
		o.Blocks = append(o.Blocks, block{Born: txg})
	}
	o.Blocks = o.Blocks[:n]
}

// interrupt ends a receive before its time. What it has received is kept if it is resumable and there is some.
func (s store) interrupt(st *state, id string, rec *receiving) {
	name, d := st.nameOf(rec.Dataset)
	if d == nil {
		return
	}
	list, token, err := s.replay(id, rec, st.TXG)
	some := err == nil && token.Object != 0
	switch {
	case some && rec.Resumable:
		d.Partial = &partial{Token: token, Objects: list}
	case d.Partial == nil && d.Incomplete:
		delete(st.Datasets, name)
	}
}

// records reads a stream.
type records struct {
	r     *bufio.Reader
	v     zstream.Verifier
	last  zstream.Record
	first *zstream.Begin
	pack  bool
}

func newRecords(r io.Reader) *records {
	in := &records{r: bufio.NewReaderSize(r, 64<<10)}
	in.v.OnRecord = func(r zstream.Record) error {
		in.last = r
		return nil
	}
	in.v.OnBegin = func(b zstream.Begin) error {
		in.first = &b
		return nil
	}
	return in
}

// next returns the next record with its payload. An input that ends too soon is io.ErrUnexpectedEOF.
func (in *records) next() (zstream.Record, []byte, error) {
	var header [zstream.HeaderSize]byte
	if _, err := io.ReadFull(in.r, header[:]); err != nil {
		return zstream.Record{}, nil, unexpected(err)
	}
	if _, err := in.v.Write(header[:]); err != nil {
		return zstream.Record{}, nil, err
	}
	record := in.last
	payload := make([]byte, record.PayloadSize)
	if _, err := io.ReadFull(in.r, payload); err != nil {
		return zstream.Record{}, nil, unexpected(err)
	}
	_, err := in.v.Write(payload)
	return record, payload, err
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// begin reads the BEGIN of a stream or, in a package, of the next one. io.EOF is the package's end.
func (in *records) begin() (zstream.Begin, error) {
	in.first = nil
	record, _, err := in.next()
	if err != nil {
		return zstream.Begin{}, err
	}
	if record.Type == zstream.TypeEnd && in.pack {
		return zstream.Begin{}, io.EOF
	}
	if in.first == nil {
		return zstream.Begin{}, zstream.ErrFormat
	}
	b := *in.first
	if b.Compound {
		in.pack = true
		if _, _, err := in.next(); err != nil { // the END of its head
			return zstream.Begin{}, err
		}
	}
	return b, nil
}

// discard reads the rest of a stream.
func (in *records) discard() error {
	for {
		record, _, err := in.next()
		if err != nil || record.Type == zstream.TypeEnd {
			return err
		}
	}
}
