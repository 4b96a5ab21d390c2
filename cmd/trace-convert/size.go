package main

import (
	"github.com/spanstack/spanstack/internal/bytesize"
)

// byteSize is a flag with a size in bytes.
type byteSize int64

func (b *byteSize) String() string { return bytesize.Format(int64(*b)) }
func (b *byteSize) Type() string   { return "SIZE" }

func (b *byteSize) Set(text string) (err error) {
	n, err := bytesize.Parse(text)
	*b = byteSize(n)
	return err
}
