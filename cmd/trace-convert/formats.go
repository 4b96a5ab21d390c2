package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spanstack/spanstack/tracefmt"
)

// listFormats prints what can be read and written.
func listFormats(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tREAD\tWRITE\tEXTENSIONS\tDESCRIPTION")
	for _, f := range tracefmt.Formats() {
		read, write := "no", "no"
		if f.NewReader != nil {
			read = "yes"
		}
		if f.NewWriter != nil {
			write = f.Mode.String()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Name, read, write, strings.Join(f.Extensions, " "), f.Description)
	}
	return w.Flush()
}

// writable returns the names of the formats that can be written.
func writable() (names []string) {
	for _, f := range tracefmt.Formats() {
		if f.NewWriter != nil {
			names = append(names, f.Name)
		}
	}
	return names
}
