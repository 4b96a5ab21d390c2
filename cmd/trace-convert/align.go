package main

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/tracefmt/timeline"
)

// alignBy is a flag that says by what the clocks of inputs are aligned.
type alignBy timeline.AlignBy

// alignValues are the values of the flag, by what they mean.
var alignValues = []string{timeline.ByClocks: "auto", timeline.ByMessages: "pairs", timeline.ByClocksOnly: "clocks"}

func (a *alignBy) String() string { return alignValues[*a] }
func (a *alignBy) Type() string   { return "HOW" }

func (a *alignBy) Set(text string) error {
	i := slices.Index(alignValues, text)
	if i < 0 {
		return fmt.Errorf("want %s", strings.Join(alignValues, ", "))
	}
	*a = alignBy(i)
	return nil
}

// addAlignFlags adds the flags of how inputs are put on one timeline.
func (c *conversion) addAlignFlags(cmd *cobra.Command) {
	cmd.Flags().Var(&c.align, "align", "align clocks by `HOW`: auto, pairs of messages first, or clocks only")
	cmd.RegisterFlagCompletionFunc("align", cobra.FixedCompletions(alignValues, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().StringArrayVar(&c.moves, "offset", nil,
		"move the times of an input: `NAME=DURATION`, such as b.json=+137ms; can be repeated")
}

// setOffsets finds the inputs that offsets were given for.
func (c *conversion) setOffsets(inputs []string) error {
	c.offsets = make(map[int]int64)
	for _, move := range c.moves {
		at := strings.LastIndexByte(move, '=')
		if at < 0 {
			return usageError{fmt.Errorf("--offset %q isn't of the form NAME=DURATION", move)}
		}
		name := move[:at]
		d, err := time.ParseDuration(move[at+1:])
		if err != nil {
			return usageError{fmt.Errorf("--offset of %s: %q is not a duration such as +137ms", name, move[at+1:])}
		}
		input, err := inputOf(name, inputs)
		if err != nil {
			return err
		}
		if _, twice := c.offsets[input]; twice {
			return usageError{fmt.Errorf("--offset of %s is given twice", name)}
		}
		c.offsets[input] = int64(d)
	}
	return nil
}

// inputOf returns which input has a name: as it was given, or else the last part of that.
func inputOf(name string, inputs []string) (int, error) {
	found := slices.Index(inputs, name)
	if found >= 0 {
		return found, nil
	}
	for i, input := range inputs {
		if filepath.Base(input) != name {
			continue
		}
		if found >= 0 {
			return 0, usageError{fmt.Errorf("--offset: several inputs are called %s", name)}
		}
		found = i
	}
	if found < 0 {
		return 0, failure{usageError{fmt.Errorf("--offset: no input is called %q", name)},
			"the inputs are " + strings.Join(inputs, ", ")}
	}
	return found, nil
}

// alignInputs aligns the inputs' clocks once they are read, and says how.
func (c *conversion) alignInputs() {
	c.trace.AlignBy(timeline.AlignBy(c.align))
	for input, ns := range c.offsets {
		c.trace.SetOffset(input, ns)
	}
	for i, a := range c.trace.Alignments() {
		name, to := c.names[i], c.names[a.To]
		switch a.Method {
		case timeline.ByOffset:
			c.say("info", "moved %s by %s, as --offset says", name, milliseconds(a.Offset, 0))
		case timeline.ByClock:
			if a.Contradicted {
				c.say("warning", "the messages between %s and %s contradict their wall clocks, and each other, "+
					"so that they are not heeded; --align=pairs would go by %s", to, name, pairs(a))
			}
		case timeline.ByConfirmedClock:
			c.say("info", "aligned %s to %s by their wall clocks, which %s confirm to ± %s",
				name, to, pairs(a), bound(a.Bound, 0))
		case timeline.ByMessagePairs:
			if a.Contradicted && c.align != alignBy(timeline.ByMessages) {
				c.say("warning", "the wall clocks of %s and %s contradict the messages between them, which are heeded instead",
					to, name)
			}
			c.say("info", "aligned %s to %s by %s: %s ± %s",
				name, to, pairs(a), milliseconds(a.Offset, a.Bound), bound(a.Bound, a.Offset))
		}
	}
	if !c.trace.Aligned() {
		c.say("warning", "the inputs don't all say what the wall clock was, "+
			"so their times are left as they are and don't correspond")
	}
}

// pairs returns by how many pairs of messages an input was aligned.
func pairs(a timeline.Alignment) string {
	switch {
	case a.Agreeing < a.Messages:
		return fmt.Sprintf("%d of %d message pairs", a.Agreeing, a.Messages)
	case a.Messages == 1:
		return "1 message pair"
	}
	return fmt.Sprintf("%d message pairs", a.Messages)
}

// decimals returns with how many decimals of a millisecond times are told that have a bound: so that it has two digits.
func decimals(bound int64) int {
	digits := 6
	for n := bound; n >= 100 && digits > 0; n /= 10 {
		digits--
	}
	return digits
}

// milliseconds returns a time with its sign, as precise as its bound makes sense.
func milliseconds(ns, bound int64) string {
	text := strconv.FormatFloat(float64(ns)/1e6, 'f', decimals(bound), 64)
	if bound == 0 && strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if ns >= 0 {
		text = "+" + text
	}
	return text + " ms"
}

// bound returns a bound of the error of a time, rounded up, with what is lost by rounding the time.
func bound(ns, of int64) string {
	digits := decimals(ns)
	unit := math.Pow(10, float64(6-digits)) // ns
	lost := math.Abs(float64(of) - math.Round(float64(of)/unit)*unit)
	return strconv.FormatFloat(math.Ceil((float64(ns)+lost)/unit)*unit/1e6, 'f', digits, 64) + " ms"
}
