package chrome

import (
	"strings"

	"github.com/spanstack/spanstack/tracefmt/internal/jsontext"
)

// A shape predicts the text between the values of an event: commas, keys, colons, white space. Programs write their
// events in few ways, so that behind a value there mostly is a text that was there in an earlier event, and to compare is
// many times quicker than to scan. What was seen is a tree: below each text are those that came after its value.
//
// What isn't in the tree is scanned, so that a prediction changes nothing but the speed.
type shape struct {
	root  node
	nodes int
	spare [2]node // for texts that have no place in the tree: one, and the one before it
	turn  int
}

// node is a text, and what comes after it.
type node struct {
	text  string // from the end of the value before it up to the value
	what  member
	key   string // of arg and memberOther: that of the attribute
	isOwn bool   // the key is one of ours
	stays bool   // it is in the tree
	last  string // the value when it was last a plain string
	next  []*node
}

// member says what follows a text, or what it ends with.
type member uint8

const (
	beginOfEvent member = iota
	endOfEvent          // the text ends with the event's "}"
	openArgs            // it ends with the "{" of its args
	closeArgs           // it ends with the "}" of its args
	arg
	memberOther
	memberName
	memberCategory
	memberPhase
	memberTime
	memberDuration
	memberPID
	memberTID
	memberID
	memberID2
	memberScope
	memberBindingPoint
	memberBindID
	memberFlowIn
	memberFlowOut
	memberArgs // which are no object
)

// members are the keys of an event (Trace Event Format, "Event Descriptions").
var members = map[string]member{
	"name": memberName, "cat": memberCategory, "ph": memberPhase, "ts": memberTime, "dur": memberDuration,
	"pid": memberPID, "tid": memberTID, "id": memberID, "id2": memberID2, "s": memberScope, "bp": memberBindingPoint,
	"bind_id": memberBindID, "flow_in": memberFlowIn, "flow_out": memberFlowOut, "args": memberArgs,
}

const (
	maxNodes = 1 << 12
	maxNext  = 8
	maxText  = 128 // bytes
)

// begin returns the node before the first member of an event.
func (s *shape) begin() *node {
	if s.nodes >= maxNodes { // what comes now may be of other shapes
		*s = shape{}
	}
	s.root.stays = true
	return &s.root
}

// follow returns the node of the text at b[i], which comes after the value of another one.
func (s *shape) follow(at *node, b []byte, i int) (*node, error) {
	rest := b[i:]
	for _, n := range at.next {
		if len(n.text) <= len(rest) && string(rest[:len(n.text)]) == n.text {
			return n, nil
		}
	}
	return s.learn(at, b, i)
}

// learn scans the text at b[i], and puts it into the tree if there is room.
func (s *shape) learn(at *node, b []byte, i int) (*node, error) {
	start := i
	if i = jsontext.SkipSpace(b, i); i >= len(b) {
		return nil, jsontext.ErrShort
	}
	inArgs := at.what == openArgs || at.what == arg
	switch c := b[i]; {
	case c == '}' && inArgs:
		return s.add(at, closeArgs, b[start:i+1], ""), nil
	case c == '}':
		return s.add(at, endOfEvent, b[start:i+1], ""), nil
	case at.what == openArgs || at.what == beginOfEvent: // no comma before the first member
	case c == ',':
		i = jsontext.SkipSpace(b, i+1)
	default:
		return nil, jsontext.Badf(i, "unexpected %q", c)
	}
	from, to, value, err := jsontext.ScanKey(b, i)
	if err != nil {
		return nil, err
	}
	text, key := b[start:value], b[from:to]
	if inArgs {
		return s.add(at, arg, text, string(jsontext.AppendDecoded(nil, key))), nil
	}
	switch what := members[string(key)]; {
	case what == beginOfEvent:
		return s.add(at, memberOther, text, attrPrefix+string(jsontext.AppendDecoded(nil, key))), nil
	case what == memberArgs && b[value] == '{':
		return s.add(at, openArgs, b[start:value+1], ""), nil
	default:
		return s.add(at, what, text, ""), nil
	}
}

// add returns a node for a text. It has a place in the tree if it may stay there and will be found again: that of args
// that are no object would hide the one of those that are.
func (s *shape) add(at *node, what member, text []byte, key string) *node {
	var n *node
	if at.stays && s.nodes < maxNodes && len(at.next) < maxNext && len(text) <= maxText && what != memberArgs {
		s.nodes++
		n = &node{stays: true}
		at.next = append(at.next, n)
	} else {
		s.turn ^= 1
		n = &s.spare[s.turn]
		*n = node{}
	}
	n.text, n.what, n.key, n.isOwn = string(text), what, key, strings.HasPrefix(key, ownPrefix)
	return n
}
