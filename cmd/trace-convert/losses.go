package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spanstack/spanstack/tracefmt"
)

// lossy is a flag that says what to do about what a conversion loses.
type lossy string

const (
	lossyWarn  lossy = "warn"
	lossyError lossy = "error"
	lossyQuiet lossy = "quiet"
)

var lossyValues = []string{string(lossyWarn), string(lossyError), string(lossyQuiet)}

func (l *lossy) String() string { return string(*l) }
func (l *lossy) Type() string   { return "HOW" }

func (l *lossy) Set(text string) error {
	if !slices.Contains(lossyValues, text) {
		return fmt.Errorf("want %s", strings.Join(lossyValues, ", "))
	}
	*l = lossy(text)
	return nil
}

// lost says what was lost where, and keeps count.
func (c *conversion) lost(where string, losses []tracefmt.Loss) {
	for _, loss := range losses {
		c.losses += loss.Count
		if c.lossy != lossyQuiet {
			c.say("lost", "%s: %v", where, loss)
		}
	}
}

// complete returns an error if something was lost that may not be.
func (c *conversion) complete() error {
	if c.lossy == lossyError && c.losses > 0 {
		return failure{fmt.Errorf("the conversion would lose %d things, see above", c.losses),
			"--lossy=warn writes what can be converted"}
	}
	return nil
}
