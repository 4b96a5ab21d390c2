package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// nodeScript reads a file, once, and parses its text for each line that it gets. What was left before is collected outside of the time.
const nodeScript = `
const text = require("fs").readFileSync(process.argv[1], "utf8");
console.log(JSON.stringify(process.version));
require("readline").createInterface({input: process.stdin}).on("line", () => {
	gc();
	const cpu = process.cpuUsage(), start = process.hrtime.bigint();
	const records = JSON.parse(text).traceEvents.length;
	const ns = Number(process.hrtime.bigint() - start), used = process.cpuUsage(cpu);
	console.log(JSON.stringify({Records: records, Time: ns, CPU: 1000 * (used.user + used.system)}));
});
`

// A nodeParser is a process of node that parses the same text whenever it is asked to.
type nodeParser struct {
	version string
	size    int64
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	stderr  bytes.Buffer
}

// startNode starts node, which reads text from a file in dir. Without node the error is an errMissing.
func startNode(dir string, text []byte) (*nodeParser, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, &errMissing{err.Error()}
	}
	file := filepath.Join(dir, "trace.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	n := &nodeParser{size: int64(len(text)), cmd: exec.Command(path, "--expose-gc", "-e", nodeScript, file)}
	n.cmd.Stderr = &n.stderr
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	n.out = json.NewDecoder(bufio.NewReader(out))
	if err := n.out.Decode(&n.version); err != nil {
		return nil, n.failed(err)
	}
	return n, nil
}

// parse has the text parsed once, and returns how many events there are in it.
func (n *nodeParser) parse() (p passage, events int, err error) {
	if _, err := io.WriteString(n.in, "\n"); err != nil {
		return p, 0, n.failed(err)
	}
	var answer struct {
		Records   int
		Time, CPU time.Duration
	}
	if err := n.out.Decode(&answer); err != nil {
		return p, 0, n.failed(err)
	}
	return passage{Bytes: n.size, Time: answer.Time, CPU: answer.CPU}, answer.Records, nil
}

// failed ends the process and says why it can't be talked to.
func (n *nodeParser) failed(err error) error {
	n.cmd.Process.Kill()
	err = errors.Join(err, n.stop())
	return fmt.Errorf("measure node: %w\n%s", err, bytes.TrimSpace(n.stderr.Bytes()))
}

// stop has the process end.
func (n *nodeParser) stop() error {
	n.in.Close()
	return n.cmd.Wait()
}
