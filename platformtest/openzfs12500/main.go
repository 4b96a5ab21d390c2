// Command openzfs12500 shows openzfs#12500 on the ZFS of the machine that it runs on: a zfs send that is blocked on a full
// pipe, in a build of the module whose sends write through a taskq, isn't ended by any signal.
//
// It uses nothing of this repository. It makes a pool in a file, starts zfs send again and again with an output that
// nobody reads, waits until it is blocked, tells where (state, wchan and kernel stacks, those of the kernel thread that
// writes for it included), does something to it, and tells what ended it and when. See docs/openzfs-12500.md.
//
//	CGO_ENABLED=0 go build ./platformtest/openzfs12500
//	./openzfs12500 -list
//	./openzfs12500 -out results.json          # as root
//	./openzfs12500 -tables results*.json      # the tables of the document
//
// testdata has the results that the document shows. A test compares its tables with them, and what it claims.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"
)

const usage = `Usage: openzfs12500 [flags]
       openzfs12500 -tables RESULTS.json...

Shows what ends a zfs send that is blocked on its output, and what doesn't. It makes a pool of its own in a file (320 MiB,
sparse) and destroys it at the end. On a module with the bug, a case may leave a process behind that only a reboot
removes: use a virtual machine. Needs root, Linux, and the commands zfs and zpool.

Examples:
  openzfs12500                        all cases, on stdout
  openzfs12500 -case kill -out r.json one case, and its results as JSON
  openzfs12500 -tables r.json         results as Markdown

Exit status: 0 if all cases could be run, whatever they showed (with -check: if they showed what they should); 1 if not;
2 for wrong usage.

Flags:
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("openzfs12500", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage); flags.PrintDefaults() }
	var (
		out      = flags.String("out", "", "`file` for the results, as JSON")
		pattern  = flags.String("case", "", "run only the cases whose name matches this regular `expression`")
		list     = flags.Bool("list", false, "list the cases")
		tables   = flags.Bool("tables", false, "print the results in the files that are named as tables, in Markdown")
		verify   = flags.Bool("check", false, "fail if the results aren't as docs/openzfs-12500.md tells")
		patience = flags.Duration("wait", 10*time.Second, "how long a process may take to end before it counts as hanging")
		pool     = flags.String("pool", "openzfs12500", "`name` of the pool to make")
		dir      = flags.String("dir", os.TempDir(), "`directory` for the pool's file and mountpoint")
	)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "openzfs12500: error:", err)
		return 1
	}
	wanted, err := regexp.Compile("^(?:" + *pattern + ")")
	if err != nil {
		return fail(err)
	}
	var chosen []Case
	for _, c := range Cases() {
		if wanted.MatchString(c.Name) {
			chosen = append(chosen, c)
		}
	}
	switch {
	case *tables:
		reports, err := readReports(flags.Args())
		if err != nil {
			return fail(err)
		}
		for _, t := range Tables(reports) {
			fmt.Fprintf(stdout, "%s\n\n%s\n", t.Name, t.Text)
		}
		return 0
	case flags.NArg() > 0:
		flags.Usage()
		return 2
	case len(chosen) == 0:
		return fail(fmt.Errorf("no case matches %q; -list tells their names", *pattern))
	case *list:
		for _, c := range chosen {
			fmt.Fprintf(stdout, "%-14s %s\n", c.Name, c.Title)
		}
		return 0
	}
	report, err := reproduce(stdout, chosen, *pool, *dir, *patience)
	if *out != "" && len(report.Results) > 0 {
		err = errors.Join(err, writeReport(*out, report))
	}
	if *verify && err == nil {
		err = check(report)
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

func writeReport(name string, r Report) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "\t")
	e.SetEscapeHTML(false) // stacks are full of "<"
	if err := e.Encode(r); err != nil {
		return err
	}
	if err := os.WriteFile(name+".tmp", text.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

func readReports(names []string) ([]Report, error) {
	if len(names) == 0 {
		return nil, errors.New("-tables needs files with results")
	}
	var reports []Report
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var r Report
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		reports = append(reports, r)
	}
	return reports, nil
}
