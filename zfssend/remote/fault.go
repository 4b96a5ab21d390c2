package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// HostError is an error of a host, or of the connection to it.
type HostError struct {
	Host string
	Err  error
}

// Error implements error.
func (e *HostError) Error() string { return e.Host + ": " + e.Err.Error() }

func (e *HostError) Unwrap() error { return e.Err }

// fault is an error on its way to the other side. One of its fields besides Text and Causes is set, or none: then it is an error
// that has nothing but a text, and errors that it unwraps to.
type fault struct {
	Text   string   `json:"text,omitempty"`
	Causes []*fault `json:"causes,omitempty"`

	Known    string         `json:"known,omitempty"` // a variable of a package
	Cause    string         `json:"cause,omitempty"` // a zfssend.Cause
	Aborted  bool           `json:"aborted,omitempty"`
	Name     *nameFault     `json:"name,omitempty"`
	Expect   *expectFault   `json:"expect,omitempty"`
	Refused  *RefusedError  `json:"refused,omitempty"`
	ZFS      *zfsFault      `json:"zfs,omitempty"`
	Batch    *batchFault    `json:"batch,omitempty"`
	Stream   *streamFault   `json:"stream,omitempty"`
	Token    *tokenFault    `json:"token,omitempty"`
	Locked   *lockedFault   `json:"locked,omitempty"`
	Protocol *ProtocolError `json:"protocol,omitempty"`
}

type nameFault struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

type lockedFault struct {
	Dataset string `json:"dataset"`
	Holder  string `json:"holder,omitempty"`
	Path    string `json:"path"`
}

type expectFault struct {
	Of   string `json:"of"`
	What string `json:"what"`
	Got  value  `json:"got"`
	Want value  `json:"want"`
}

// value is one of the types that an ExpectError has.
type value struct {
	Uint *uint64 `json:"uint,omitempty"`
	Int  *int    `json:"int,omitempty"`
	Bool *bool   `json:"bool,omitempty"`
	Text string  `json:"text,omitempty"`
}

type zfsFault struct {
	Op             string   `json:"op"`
	Object         string   `json:"object"`
	Args           []string `json:"args,omitempty"`
	PID            int      `json:"pid,omitempty"`
	ExitCode       int      `json:"exit_code"`
	Signal         int      `json:"signal,omitempty"`
	Stderr         string   `json:"stderr,omitempty"`
	Cause          string   `json:"cause,omitempty"`
	Err            *fault   `json:"err,omitempty"`
	Token          string   `json:"token,omitempty"`
	Abandoned      bool     `json:"abandoned,omitempty"`
	MaybeCommitted bool     `json:"maybe_committed,omitempty"`
	Needs          []string `json:"needs,omitempty"`
	Missing        []string `json:"missing,omitempty"`
}

type batchFault struct {
	Op        string         `json:"op"`
	Total     int            `json:"total"`
	Failed    []failureFault `json:"failed"`
	Processes []*zfsFault    `json:"processes,omitempty"`
}

type failureFault struct {
	Name      string `json:"name"`
	Cause     string `json:"cause,omitempty"`
	Message   string `json:"message"`
	Uncertain bool   `json:"uncertain,omitempty"`
}

type streamFault struct {
	Offset int64  `json:"offset"`
	Record int    `json:"record"`
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Err    *fault `json:"err,omitempty"`
}

type tokenFault struct {
	Token string `json:"token"`
	Err   *fault `json:"err,omitempty"`
}

// known are errors that are recognised by their identity.
var known = map[string]error{
	"closed":          os.ErrClosed,
	"canceled":        context.Canceled,
	"deadline":        context.DeadlineExceeded,
	"not_exist":       fs.ErrNotExist,
	"permission":      fs.ErrPermission,
	"no_program":      exec.ErrNotFound,
	"eof":             io.EOF,
	"unexpected_eof":  io.ErrUnexpectedEOF,
	"stalled":         zfssend.ErrStalled,
	"abandoned":       zfssend.ErrAbandoned,
	"transport":       zfssend.ErrTransport,
	"bad_checksum":    zstream.ErrChecksum,
	"truncated":       zstream.ErrTruncated,
	"bad_format":      zstream.ErrFormat,
	"unsupported":     zstream.ErrUnsupported,
	"peer_lost":       ErrPeerLost,
	"truncated_input": errTruncated,
}

// causes are zfssend's causes by their texts: numbers change when one is added.
var causes = func() map[string]zfssend.Cause {
	m := make(map[string]zfssend.Cause)
	for c := zfssend.Unknown + 1; c.String() != zfssend.Cause(255).String(); c++ {
		m[c.String()] = c
	}
	return m
}()

func causeText(c zfssend.Cause) string {
	if c == zfssend.Unknown {
		return ""
	}
	return c.String()
}

// abortError is why the other side gave up. It reads as that, and is told back as what it was.
type abortError struct{ error }

func (e abortError) Unwrap() error { return e.error }

// Limits of an error: those of what is only told, and of what is believed.
const (
	maxDepth  = 12
	maxCauses = 16
	maxText   = 64 << 10 // zfssend keeps 32 KiB of stderr
)

// faultOf makes a fault of an error.
func faultOf(err error) *fault { return faultAt(err, 0) }

func faultAt(err error, depth int) *fault {
	if err == nil {
		return nil
	}
	if depth >= maxDepth {
		return &fault{Text: err.Error()}
	}
	for name, e := range known {
		if err == e {
			return &fault{Known: name, Text: err.Error()}
		}
	}
	if f := typedFault(err, depth); f != nil {
		return f
	}
	f := &fault{Text: err.Error()}
	for _, cause := range unwrapped(err) {
		if len(f.Causes) < maxCauses {
			f.Causes = append(f.Causes, faultAt(cause, depth+1))
		}
	}
	return f
}

// typedFault makes a fault of an error of a type that both sides know, nil of another one.
func typedFault(err error, depth int) *fault {
	switch e := err.(type) {
	case abortError:
		return &fault{Aborted: true, Text: e.Error()}
	case zfssend.Cause:
		return &fault{Cause: causeText(e)}
	case *zfssend.NameError:
		return &fault{Name: &nameFault{e.Name, e.Reason}}
	case *zfssend.ExpectError:
		return &fault{Expect: &expectFault{e.Of, e.What, valueOf(e.Got), valueOf(e.Want)}}
	case *zfssend.LockedError:
		return &fault{Locked: &lockedFault{e.Dataset, e.Holder, e.Path}}
	case *RefusedError:
		return &fault{Refused: e}
	case *ProtocolError:
		return &fault{Protocol: e}
	case *zfssend.Error:
		return &fault{ZFS: zfsFaultOf(e, depth)}
	case *zfssend.BatchError:
		return &fault{Batch: batchFaultOf(e, depth)}
	case *zstream.Error:
		return &fault{Stream: &streamFault{e.Offset, int(e.Record), e.From, e.To, faultAt(e.Err, depth+1)}}
	case *zstream.TokenError:
		return &fault{Token: &tokenFault{e.Token, faultAt(e.Err, depth+1)}}
	}
	return nil
}

// unwrapped returns what an error unwraps to, and what it is by its own Is alone.
func unwrapped(err error) (errs []error) {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if cause := e.Unwrap(); cause != nil {
			errs = []error{cause}
		}
	case interface{ Unwrap() []error }:
		errs = slices.Clone(e.Unwrap())
	}
	if e, ok := err.(interface{ Is(error) bool }); ok {
		for _, mark := range []error{zfssend.ErrStalled, zfssend.Unexpected, zfssend.ErrTransport, ErrPeerLost, fs.ErrNotExist, fs.ErrPermission} {
			if e.Is(mark) {
				errs = append(errs, mark)
			}
		}
	}
	return errs
}

func valueOf(v any) value {
	switch v := v.(type) {
	case uint64:
		return value{Uint: &v}
	case int:
		return value{Int: &v}
	case bool:
		return value{Bool: &v}
	}
	return value{Text: fmt.Sprint(v)}
}

func (v value) any() any {
	switch {
	case v.Uint != nil:
		return *v.Uint
	case v.Int != nil:
		return *v.Int
	case v.Bool != nil:
		return *v.Bool
	}
	return clean(v.Text)
}

func zfsFaultOf(e *zfssend.Error, depth int) *zfsFault {
	return &zfsFault{
		Op: e.Op, Object: e.Object, Args: e.Args, PID: e.PID, ExitCode: e.ExitCode, Signal: int(e.Signal), Stderr: e.Stderr,
		Cause: causeText(e.Cause), Err: faultAt(e.Err, depth+1), Token: e.Token, Abandoned: e.Abandoned,
		MaybeCommitted: e.MaybeCommitted, Needs: e.Needs, Missing: e.Missing,
	}
}

func batchFaultOf(e *zfssend.BatchError, depth int) *batchFault {
	b := &batchFault{Op: e.Op, Total: e.Total}
	for _, f := range e.Failed {
		b.Failed = append(b.Failed, failureFault{f.Name, causeText(f.Cause), f.Message, f.Uncertain})
	}
	for _, p := range e.Processes {
		b.Processes = append(b.Processes, zfsFaultOf(p, depth+1))
	}
	return b
}

// error makes the error that the fault was. aborted is what this side gave up for: the other side only has its text.
func (f *fault) error(aborted error) error { return f.at(aborted, 0) }

func (f *fault) at(aborted error, depth int) error {
	switch {
	case f == nil:
		return nil
	case depth > maxDepth+1:
		return errors.New(clean(f.Text))
	case f.Aborted && aborted != nil:
		return aborted
	case f.Known != "" && known[f.Known] != nil:
		return known[f.Known]
	case f.Cause != "":
		return causes[f.Cause]
	case f.Name != nil:
		return &zfssend.NameError{Name: clean(f.Name.Name), Reason: clean(f.Name.Reason)}
	case f.Expect != nil:
		return &zfssend.ExpectError{Of: clean(f.Expect.Of), What: clean(f.Expect.What), Got: f.Expect.Got.any(), Want: f.Expect.Want.any()}
	case f.Locked != nil:
		return &zfssend.LockedError{Dataset: clean(f.Locked.Dataset), Holder: clean(f.Locked.Holder), Path: clean(f.Locked.Path)}
	case f.Refused != nil:
		return &RefusedError{Op: clean(f.Refused.Op), Object: clean(f.Refused.Object), Reason: clean(f.Refused.Reason)}
	case f.Protocol != nil:
		return &ProtocolError{Reason: clean(f.Protocol.Reason)}
	case f.ZFS != nil:
		return f.ZFS.error(aborted, depth)
	case f.Batch != nil:
		return f.Batch.error(aborted, depth)
	case f.Stream != nil:
		s := f.Stream
		return &zstream.Error{Offset: s.Offset, Record: zstream.RecordType(s.Record), From: s.From, To: s.To, Err: orUnknown(s.Err.at(aborted, depth+1))}
	case f.Token != nil:
		return &zstream.TokenError{Token: clean(f.Token.Token), Err: orUnknown(f.Token.Err.at(aborted, depth+1))}
	}
	e := &farError{text: clean(f.Text)}
	for _, cause := range f.Causes[:min(len(f.Causes), maxCauses)] {
		if err := cause.at(aborted, depth+1); err != nil {
			e.causes = append(e.causes, err)
		}
	}
	return e
}

// orUnknown stands for a nil error where types have one that their Error methods call.
func orUnknown(err error) error {
	if err == nil {
		return errors.New("unknown error")
	}
	return err
}

// farError is an error of a type that this side doesn't know.
type farError struct {
	text   string
	causes []error
}

func (e *farError) Error() string   { return e.text }
func (e *farError) Unwrap() []error { return e.causes }

func (z *zfsFault) error(aborted error, depth int) *zfssend.Error {
	if z == nil {
		z = &zfsFault{ExitCode: -1}
	}
	return &zfssend.Error{
		Op: clean(z.Op), Object: clean(z.Object), Args: cleanAll(z.Args), PID: z.PID, ExitCode: z.ExitCode,
		Signal: syscall.Signal(z.Signal), Stderr: clean(z.Stderr), Cause: causes[z.Cause], Err: z.Err.at(aborted, depth+1),
		Token: clean(z.Token), Abandoned: z.Abandoned, MaybeCommitted: z.MaybeCommitted,
		Needs: cleanAll(z.Needs), Missing: cleanAll(z.Missing),
	}
}

func (b *batchFault) error(aborted error, depth int) *zfssend.BatchError {
	e := &zfssend.BatchError{Op: clean(b.Op), Total: b.Total}
	for _, f := range b.Failed {
		e.Failed = append(e.Failed, zfssend.Failure{Name: clean(f.Name), Cause: causes[f.Cause], Message: clean(f.Message), Uncertain: f.Uncertain})
	}
	for _, p := range b.Processes {
		e.Processes = append(e.Processes, p.error(aborted, depth+1))
	}
	return e
}

// clean returns a text of the other side as it may be shown on a terminal: without control characters, and bounded.
func clean(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '?'
		}
		return r
	}, s)
}

func cleanAll(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}

// abortFrame returns the frame that tells why a stream ends before its time.
func abortFrame(err error) []byte {
	text, jsonErr := json.Marshal(faultOf(err))
	if jsonErr != nil || len(text) > maxFrame {
		text, _ = json.Marshal(&fault{Text: clean(err.Error())})
	}
	return appendFrame(nil, kindAbort, text)
}
