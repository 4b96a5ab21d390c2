package main

import (
	"io"
	"testing"

	"github.com/spanstack/spanstack/internal/manpage/manpagetest"
)

func TestManPages(t *testing.T) {
	manpagetest.Program(t, &manual, newCommand(io.Discard, io.Discard))
}
