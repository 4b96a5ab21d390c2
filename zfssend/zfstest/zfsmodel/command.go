package zfsmodel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// command is one run of the model's zfs.
type command struct {
	store
	name        string // the subcommand
	stdin       io.Reader
	stdout      io.Writer
	out, errout strings.Builder // what is printed at the end
}

// failure is the end of a command that has said why it fails.
type failure int

func (f failure) Error() string { return fmt.Sprintf("exit %d", int(f)) }

// reason is a text of zfs that says why something fails. It ends as zfs ends it.
type reason string

func (r reason) Error() string { return string(r) }

// usage is the exit status for a wrong command line, failed for anything else.
const (
	failed failure = 1
	usage  failure = 2
	// raw is the exit status of those commands that return -1.
	raw failure = 255
)

var subcommands = map[string]func(*command, []string) error{
	"create": (*command).create, "destroy": (*command).destroy, "snapshot": (*command).snapshots, "bookmark": (*command).bookmarks,
	"hold": (*command).hold, "release": (*command).release, "holds": (*command).holds, "list": (*command).list, "get": (*command).get,
	"set": (*command).set, "inherit": (*command).inherit, "rename": (*command).rename, "rollback": (*command).rollback,
	"clone": (*command).clone, "allow": (*command).allow, "unallow": (*command).unallow, "mount": (*command).mount,
	"unmount": (*command).unmount, "umount": (*command).unmount, "load-key": (*command).loadKey, "unload-key": (*command).unloadKey,
	"send": (*command).send, "receive": (*command).receive, "recv": (*command).receive, "version": (*command).version,
	"snap": (*command).snapshots,
}

// Run is the program: it runs a command line of zfs, without the word zfs, on the model in a directory, and returns its
// exit status.
func Run(dir string, args []string) int {
	c := &command{store: store{dir}, stdin: os.Stdin, stdout: os.Stdout}
	err := c.run(args)
	io.WriteString(os.Stdout, c.out.String())
	io.WriteString(os.Stderr, c.errout.String())
	code, ok := errors.AsType[failure](err)
	switch {
	case err == nil:
		return 0
	case ok:
		return int(code)
	default:
		fmt.Fprintln(os.Stderr, "model of zfs:", err)
		return 99
	}
}

func (c *command) run(args []string) error {
	if len(args) == 0 {
		return c.usage("missing command")
	}
	f, ok := subcommands[args[0]]
	if !ok {
		return c.usage("unrecognized command '%s'", args[0])
	}
	c.name = args[0]
	if c.name == "recv" {
		c.name = "receive"
	}
	fault, err := c.fault()
	if err != nil {
		return err
	}
	if fault.IgnoreSIGTERM {
		signal.Ignore(syscall.SIGTERM)
	}
	if fault.instead() {
		return c.misbehave(fault)
	}
	c.stdout = fault.writer(c, c.stdout)
	c.stdin = fault.reader(c, c.stdin)
	return f(c, args[1:])
}

// print writes to stdout at the end of the command.
func (c *command) print(format string, args ...any) { fmt.Fprintf(&c.out, format, args...) }

// say writes to stderr at the end of the command.
func (c *command) say(format string, args ...any) { fmt.Fprintf(&c.errout, format, args...) }

// fail says why the command fails.
func (c *command) fail(format string, args ...any) error {
	c.say(format+"\n", args...)
	return failed
}

// usage says what is wrong with the command line.
func (c *command) usage(format string, args ...any) error {
	if format != "" {
		c.say(format+"\n", args...)
	}
	c.say("usage:\n\tsee zfs(8)\n")
	return usage
}

// option is one of a command line.
type option struct {
	flag  byte
	value string
}

// options splits a command line as getopt(3) does without permutation. Flags in spec that are followed by a colon
// have a value.
func (c *command) options(args []string, spec string) (list []option, rest []string, err error) {
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		for i := 1; i < len(word); i++ {
			at := strings.IndexByte(spec, word[i])
			if at < 0 || word[i] == ':' {
				return nil, nil, c.usage("invalid option '%c'", word[i])
			}
			o := option{flag: word[i]}
			if strings.HasPrefix(spec[at+1:], ":") {
				o.value = word[i+1:]
				if o.value == "" {
					if len(args) == 0 {
						return nil, nil, c.usage("missing argument for '%c' option", word[i])
					}
					o.value, args = args[0], args[1:]
				}
				i = len(word)
			}
			list = append(list, o)
		}
	}
	return list, args, nil
}

func has(list []option, flag byte) bool {
	return slices.ContainsFunc(list, func(o option) bool { return o.flag == flag })
}

func value(list []option, flag byte) string {
	for _, o := range list {
		if o.flag == flag {
			return o.value
		}
	}
	return ""
}

// assignments returns the values of -o, by property.
func (c *command) assignments(list []option) (map[string]string, error) {
	props := make(map[string]string)
	for _, o := range list {
		if o.flag != 'o' {
			continue
		}
		name, value, ok := strings.Cut(o.value, "=")
		if !ok {
			return nil, c.usage("missing '=' for property=value argument")
		}
		if _, twice := props[name]; twice {
			return nil, c.usage("property '%s' specified multiple times", name)
		}
		props[name] = value
	}
	return props, nil
}

func (c *command) version([]string) error {
	c.print("zfs-2.1.11-model\nzfs-kmod-2.1.11-model\n")
	return nil
}

// missing says that there is no dataset, snapshot or bookmark of a name.
func (c *command) missing(name string) error {
	if strings.Contains(name, "#") {
		return c.fail("cannot open '%s': no such pool or dataset", name)
	}
	return c.fail("cannot open '%s': dataset does not exist", name)
}

// badName says what is wrong with a name; "" if nothing is.
func badName(name string) string {
	dataset, version := split(name)
	if strings.Count(name, "@")+strings.Count(name, "#") > 1 {
		return "multiple '@' and/or '#' delimiters in name"
	}
	if strings.HasSuffix(name, "/") || strings.Contains(version, "/") {
		return "trailing slash in name"
	}
	if len(name) > 255 {
		return "name is too long"
	}
	parts := strings.Split(dataset, "/")
	if version != "" {
		parts = append(parts, version[1:])
	}
	for _, part := range parts {
		switch part {
		case "":
			return "empty component or misplaced '@' or '#' delimiter in name"
		case ".":
			return "self reference, '.' is found in name"
		case "..":
			return "parent reference, '..' is found in name"
		}
		for i := range len(part) {
			b := part[i]
			if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("-_.: ", b) >= 0) {
				return fmt.Sprintf("invalid character '%s' in name", part[i:i+1])
			}
		}
	}
	return ""
}
