package main

import (
	"testing"

	"github.com/spanstack/spanstack/internal/manpage/manpagetest"
)

func TestManPages(t *testing.T) {
	manpagetest.Program(t, &manual, command(new(int), streams{}))
}
