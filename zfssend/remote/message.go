package remote

import (
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// Protocol is the newest version of the protocol that this package speaks, and oldestProtocol the oldest one.
const (
	Protocol       = 1
	oldestProtocol = 1
)

// Paths of requests. That of the hello is the same in all versions.
const (
	pathHello  = "/hello"
	pathV1     = "/v1/"
	pathClock  = pathV1 + "clock"
	pathCancel = pathV1 + "cancel"
	mediaType  = "application/vnd.spanstack.zferry"
)

// hello is what each side says of itself.
type hello struct {
	Oldest     int      `json:"oldest"` // versions of the protocol that it speaks
	Newest     int      `json:"newest"`
	Program    string   `json:"program,omitempty"` // for people
	Features   []string `json:"features,omitempty"`
	MaxStreams int      `json:"max_streams,omitempty"` // of the agent: how many at a time
	stamps
}

// features are what may be asked for besides version 1.
var features []string

// stamps are those of NTP: when the request came, and when the reply went, in Unix nanoseconds of the agent.
type stamps struct {
	Received int64 `json:"received,omitempty"`
	Sent     int64 `json:"sent,omitempty"`
}

// Requests. zfssend's own types are in them with their fields' names: see testdata/messages.txt.
type (
	listRequest struct {
		Name    string              `json:"name"`
		Options zfssend.ListOptions `json:"options"`
	}
	propertiesRequest struct {
		Name       string   `json:"name"`
		Properties []string `json:"properties,omitempty"`
	}
	namesRequest struct {
		Names []string `json:"names"`
	}
	sendRequest struct {
		Snapshot string              `json:"snapshot"`
		Options  zfssend.SendOptions `json:"options"`
	}
	bookmarkRequest struct {
		Bookmarks []zfssend.Bookmark `json:"bookmarks"`
	}
	holdRequest struct {
		Tag       string   `json:"tag"`
		Snapshots []string `json:"snapshots"`
	}
	destroyRequest struct {
		Options zfssend.DestroyOptions `json:"options"`
		Names   []string               `json:"names"`
	}
	createRequest struct {
		Name    string                `json:"name"`
		Options zfssend.CreateOptions `json:"options"`
	}
	nameRequest struct {
		Name string `json:"name"`
	}
	setRequest struct {
		Name   string            `json:"name"`
		Values map[string]string `json:"values"`
	}
	inheritRequest struct {
		Property string   `json:"property"`
		Names    []string `json:"names"`
	}
	receiveRequest struct {
		Dataset string                 `json:"dataset"`
		Options zfssend.ReceiveOptions `json:"options"`
	}
	traceRequest struct{}
	lockRequest  struct {
		Dataset string
		Tree    bool
	}
	clockRequest  struct{}
	cancelRequest struct {
		Exchange uint64 `json:"exchange"`
		Reason   *fault `json:"reason"`
	}
)

// status is how a request ended. The fields besides Error are those of a stream.
type status struct {
	Error  *fault `json:"error,omitempty"`
	State  string `json:"state,omitempty"`
	Stderr string `json:"stderr,omitempty"`
	Stats  *stats `json:"stats,omitempty"`
}

// stats are zfssend.Stats, with times in nanoseconds.
type stats struct {
	Bytes     int64         `json:"bytes"`
	FirstByte time.Duration `json:"first_byte"`
	ReadWait  time.Duration `json:"read_wait"`
	WriteWait time.Duration `json:"write_wait"`
	PipeSize  int           `json:"pipe_size,omitempty"`
}

func statusOf(s zfssend.Stream, err error) *status {
	m := s.Stats()
	return &status{Error: faultOf(err), State: s.State().String(), Stderr: s.Stderr(),
		Stats: &stats{m.Bytes, m.FirstByte, m.ReadWait, m.WriteWait, m.PipeSize}}
}

// states are zfssend's states by their names.
var states = func() map[string]zfssend.State {
	m := make(map[string]zfssend.State)
	for s := zfssend.StateOpen; s <= zfssend.StateAbandoned; s++ {
		m[s.String()] = s
	}
	return m
}()

// checkBegin compares the first record of a stream with what is expected. The host that sends has done so, too; here it
// isn't believed. A package is looked at by whoever receives it.
func checkBegin(b *zstream.Begin, e *zfssend.Expect) error {
	unexpected := func(what string, got, want any) error {
		return &zfssend.ExpectError{Of: "stream", What: what, Got: got, Want: want}
	}
	switch {
	case b.Compound && !e.Package:
		return unexpected("kind", "a package", "a stream of one snapshot")
	case b.Compound:
		return nil
	case b.Raw != e.Raw:
		return unexpected("raw", b.Raw, e.Raw)
	case e.ToName != "" && b.ToName != e.ToName:
		return unexpected("snapshot", b.ToName, e.ToName)
	case e.ToGUID == 0:
		return nil
	case b.ToGUID != e.ToGUID:
		return unexpected("snapshot's GUID", b.ToGUID, e.ToGUID)
	case b.FromGUID != e.FromGUID:
		return unexpected("base's GUID", b.FromGUID, e.FromGUID)
	}
	return nil
}
