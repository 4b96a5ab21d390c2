package speedscope

import (
	"math"
	"strconv"

	"github.com/spanstack/spanstack/tracefmt/internal/jsonstream"
)

// profile is a profile as it is in the file. Numbers stay text until the unit is known, which may come last.
type profile struct {
	offset  int64 // in the file
	kind    string
	name    string
	unit    string
	start   number
	numbers []byte // the text of all numbers

	events  []event  // of an evented profile
	stacks  []int32  // of a sampled one: the frames of all samples
	ends    []int    // where a sample's frames end in stacks
	weights []number // of samples
}

// event opens or closes a frame.
type event struct {
	at    number
	frame int32
	open  bool
}

// number is a piece of a profile's numbers.
type number struct {
	from int
	size uint8 // 0: no number
}

const badFrame = -1

// profile reads a profile. One that is cut off is kept, too.
func (r *Reader) profile() error {
	p := &profile{offset: r.in.Offset()}
	r.profiles = append(r.profiles, p)
	_, err := r.in.Object(func(key string) (err error) {
		switch key {
		case "type":
			p.kind, _, err = r.in.Text()
		case "name":
			p.name, _, err = r.in.Text()
		case "unit":
			p.unit, _, err = r.in.Text()
		case "startValue":
			p.start, err = r.number(p)
		case "events":
			_, err = r.in.Array(func() error { return r.event(p) })
		case "samples":
			_, err = r.in.Array(func() error { return r.sample(p) })
		case "weights":
			_, err = r.in.Array(func() error {
				n, err := r.number(p)
				if err == nil {
					p.weights = append(p.weights, n)
				}
				return err
			})
		default:
			err = r.in.Skip()
		}
		return err
	})
	return err
}

// event reads an event of a profile.
func (r *Reader) event(p *profile) error {
	at := r.in.Offset()
	e := event{frame: badFrame}
	kind := ""
	r.events++
	_, err := r.in.Object(func(key string) (err error) {
		switch key {
		case "type":
			kind, _, err = r.in.Text()
		case "frame":
			e.frame, err = r.index()
		case "at":
			e.at, err = r.number(p)
		default:
			err = r.in.Skip()
		}
		return err
	})
	switch {
	case err != nil:
	case kind != "O" && kind != "C":
		r.losses.AddAt("event that is neither O nor C", at)
	case e.frame == badFrame || e.at.size == 0:
		r.losses.AddAt("event without a frame or a time", at)
	default:
		e.open = kind == "O"
		p.events = append(p.events, e)
	}
	return err
}

// sample reads a stack.
func (r *Reader) sample(p *profile) error {
	r.events++
	_, err := r.in.Array(func() error {
		i, err := r.index()
		if err == nil {
			p.stacks = append(p.stacks, i)
		}
		return err
	})
	if err == nil {
		p.ends = append(p.ends, len(p.stacks))
	}
	return err
}

// index reads an index of a frame.
func (r *Reader) index() (int32, error) {
	raw, err := r.in.Raw()
	if err != nil {
		return badFrame, err
	}
	i, bad := strconv.ParseInt(string(raw), 10, 32)
	if bad != nil || i < 0 {
		return badFrame, nil
	}
	return int32(i), nil
}

// number reads a number.
func (r *Reader) number(p *profile) (n number, err error) {
	kind := r.in.Kind()
	raw, err := r.in.Raw()
	if err != nil || kind != jsonstream.Number || len(raw) > math.MaxUint8 {
		return number{}, err
	}
	n = number{from: len(p.numbers), size: uint8(len(raw))}
	p.numbers = append(p.numbers, raw...)
	return n, nil
}

// frameAt returns the frame of an index, or nil.
func (r *Reader) frameAt(i int32) *frame {
	if i < 0 || int(i) >= len(r.frames) {
		return nil
	}
	return &r.frames[i]
}
