package main

import (
	"fmt"
	"os/exec"
	"runtime"
)

// openers are the commands that open a URL in the browser of a desktop.
var openers = map[string][]string{
	"darwin":  {"open"},
	"windows": {"rundll32", "url.dll,FileProtocolHandler"},
}

// openBrowser opens the browser, or says that it can't.
func (c *server) openBrowser(url string) {
	args := openers[runtime.GOOS]
	if args == nil {
		args = []string{"xdg-open"}
	}
	cmd := exec.Command(args[0], append(args[1:], url)...)
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(c.std.err, "trace-view: warning: open the browser: %v\n", err)
		return
	}
	go func() {
		if err := cmd.Wait(); err != nil {
			fmt.Fprintf(c.std.err, "trace-view: warning: open the browser: %s: %v\n", args[0], err)
		}
	}()
}
