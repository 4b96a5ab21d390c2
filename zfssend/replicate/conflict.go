package replicate

import (
	"fmt"
	"strings"
)

// Kind says why there is no plan.
type Kind uint8

const (
	SameDataset          Kind = 1 + iota // source and destination are one
	NoSnapshots                          // the source has none
	NoParent                             // the dataset above the destination doesn't exist
	DestinationExists                    // and has no snapshot, so that it is nobody's copy
	NothingInCommon                      // no snapshot of the destination is known to the source
	Diverged                             // the destination was changed since the newest common snapshot, and has newer ones
	NameTaken                            // older snapshots of the destination have the names of some to be sent
	Interrupted                          // the destination has the state of an interrupted receive, or one still runs
	EncryptedPlaceholder                 // the destination is a placeholder, and is encrypted, so that nothing can be received over it
)

var kindNames = [...]string{
	SameDataset:       "same dataset",
	NoSnapshots:       "no snapshots",
	NoParent:          "no parent",
	DestinationExists: "destination exists",
	NothingInCommon:   "nothing in common",
	Diverged:          "diverged",
	NameTaken:         "name taken",
	Interrupted:       "interrupted",

	EncryptedPlaceholder: "encrypted placeholder",
}

// String returns a word or two in lower case.
func (k Kind) String() string {
	if k > 0 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// Conflict is the error of a replication that can't be planned. Nothing was changed.
type Conflict struct {
	Kind                Kind
	Source, Destination string   // datasets
	Common              string   // the newest common snapshot, as the destination names it: "@mon"; "" if there is none
	Versions            []string // the destination's snapshots that are in the way
	Token               string   // of the interrupted receive
	Raw                 bool     // the dataset is sent raw
}

// Error implements error.
func (c *Conflict) Error() string {
	return fmt.Sprintf("plan replication of %s to %s: %s", c.Source, c.Destination, c.problem())
}

func (c *Conflict) problem() string {
	switch c.Kind {
	case SameDataset:
		return "they are the same dataset"
	case NoSnapshots:
		return c.Source + " has no snapshots"
	case NoParent:
		if !strings.Contains(parent(c.Destination), "/") {
			return "there is no pool " + parent(c.Destination)
		}
		return "there is no dataset " + parent(c.Destination) + " to hold the new one"
	case DestinationExists:
		return c.Destination + " exists but has no snapshots, so it is no earlier copy"
	case NothingInCommon:
		return fmt.Sprintf("%s exists, and none of its snapshots is known to %s: %s", c.Destination, c.Source, enumerate(c.Versions))
	case Diverged:
		if c.Raw {
			return fmt.Sprintf("%s has snapshots since %s, the newest common one, on which alone a raw increment goes: %s", c.Destination, c.Common, enumerate(c.Versions))
		}
		return fmt.Sprintf("%s was changed since %s, the newest common snapshot, and has snapshots of that: %s", c.Destination, c.Common, enumerate(c.Versions))
	case NameTaken:
		return fmt.Sprintf("%s has other snapshots of the same names as some to be sent: %s", c.Destination, enumerate(c.Versions))
	case Interrupted:
		return c.Destination + " has the state of an interrupted receive that can't be understood"
	case EncryptedPlaceholder:
		return c.Destination + " is an empty filesystem that was made for those below it, and zfs can't receive over an encrypted one"
	}
	return c.Kind.String()
}

// Hint returns what the user can do: a sentence, or several lines if there are commands in it.
func (c *Conflict) Hint() string {
	switch c.Kind {
	case SameDataset:
		return "name another destination"
	case NoSnapshots:
		return "take one: " + command("snapshot", c.Source+"@NAME")
	case NoParent:
		if !strings.Contains(parent(c.Destination), "/") {
			return "is the pool imported? zpool list shows those that are"
		}
		return "create it: " + command("create", "-p", "-o", "canmount=off", parent(c.Destination))
	case DestinationExists, NothingInCommon:
		return "name a new dataset, such as " + c.Destination + "/" + base(c.Source) +
			"; or, if its contents aren't needed, rename or destroy " + c.Destination
	case EncryptedPlaceholder:
		return "make room for it, and put back what is below: " + command("rename", c.Destination, c.Destination+"-placeholder") +
			"; replicate again; " + command("rename", c.Destination+"-placeholder/CHILD", c.Destination+"/CHILD") +
			"; " + command("destroy", c.Destination+"-placeholder")
	case Diverged:
		return "if they and all changes since then aren't needed on " + c.Destination + ", this destroys them: " +
			command("rollback", "-r", c.Destination+c.Common)
	case NameTaken:
		return "rename them, for instance: " + command("rename", c.Destination+c.Versions[0], c.Destination+c.Versions[0]+"-old")
	case Interrupted:
		return "if no receive is running, finish it: " +
			command("send", "-t", c.Token) + " | " + command("receive", "-s", "-u", c.Destination) +
			"\nor drop what it has received: " + command("receive", "-A", c.Destination)
	}
	return ""
}

// command returns a zfs command line for the user to copy.
func command(args ...string) string {
	for i, a := range args {
		if strings.Contains(a, " ") {
			args[i] = "'" + a + "'"
		}
	}
	return "zfs " + strings.Join(args, " ")
}

func parent(dataset string) string { return dataset[:max(strings.LastIndexByte(dataset, '/'), 0)] }

func base(dataset string) string { return dataset[strings.LastIndexByte(dataset, '/')+1:] }
