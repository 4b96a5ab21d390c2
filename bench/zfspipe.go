package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

// Ways from a producer to a consumer.
const (
	onePipe     way = "one pipe between the two, as a shell makes it"
	smallPipes  way = "os/exec and io.CopyBuffer, pipes as they come"
	plainCopy   way = "os/exec and io.CopyBuffer, pipes as large as ours"
	splicedPipe way = "SendStream.WriteTo"
	checkedPipe way = "SendStream.WriteTo, with Verify"
)

var pipeWays = []way{onePipe, smallPipes, plainCopy, splicedPipe, checkedPipe}

// A pipeJob carries a stream from a process that has it in memory to one that drops it, in a process of its own whose CPU time is
// measured.
type pipeJob struct {
	Way   way
	Bytes int64 // about
}

// run measures the time between the first and the last byte, as the consumer sees them.
func (j *pipeJob) run() (p passage, err error) {
	exe, err := os.Executable()
	if err != nil {
		return p, err
	}
	in, w, err := os.Pipe()
	if err != nil {
		return p, err
	}
	if j.Way != smallPipes {
		growPipe(w)
	}
	consumer, err := startConsumer(exe, in)
	if err != nil {
		return p, err
	}
	cpu := cpuTime()
	var stats zfssend.Stats
	ours := j.Way == splicedPipe || j.Way == checkedPipe
	if ours {
		stats, err = j.send(exe, w)
	} else {
		err = j.copy(exe, w)
	}
	err = errors.Join(err, w.Close())
	p, consumerErr := consumer.wait()
	p.CPU, p.ReadWait, p.WriteWait = cpuTime()-cpu, stats.ReadWait, stats.WriteWait
	switch err = errors.Join(err, consumerErr); {
	case err != nil:
		return p, fmt.Errorf("%s: %w", j.Way, err)
	case p.Bytes < j.Bytes:
		return p, fmt.Errorf("%s: only %d bytes of %d arrived", j.Way, p.Bytes, j.Bytes)
	case ours && canSplice && stats.Spliced < p.Bytes/2:
		return p, fmt.Errorf("%s: only %d bytes of %d were spliced", j.Way, stats.Spliced, p.Bytes)
	}
	return p, nil
}

// send lets package zfssend carry the stream. The producer is what it takes for zfs.
func (j *pipeJob) send(exe string, to *os.File) (zfssend.Stats, error) {
	if err := os.Setenv(childEnv, (&job{Produce: &produceJob{j.Bytes}}).String()); err != nil {
		return zfssend.Stats{}, err
	}
	zfs := zfssend.Client{Command: []string{exe}}
	s, err := zfs.Send(context.Background(), "pool/data@bench", zfssend.SendOptions{Verify: j.Way == checkedPipe})
	if err != nil {
		return zfssend.Stats{}, err
	}
	_, err = s.WriteTo(to)
	return s.Stats(), errors.Join(err, s.Close())
}

// copy carries the stream as programs do that have no package for it.
func (j *pipeJob) copy(exe string, to *os.File) error {
	cmd := j.producer(exe)
	if j.Way == onePipe {
		cmd.Stdout = to
		return cmd.Run()
	}
	out, w, err := os.Pipe() // StdoutPipe's can't be enlarged
	if err != nil {
		return err
	}
	defer out.Close()
	if j.Way == plainCopy {
		growPipe(w)
	}
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	// Without their other methods, these are copied as io.Copy does it between any two.
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{out}, make([]byte, checkedPiece))
	return errors.Join(err, cmd.Wait())
}

func (j *pipeJob) producer(exe string) *exec.Cmd {
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+(&job{Produce: &produceJob{j.Bytes}}).String())
	cmd.Stderr = os.Stderr
	return cmd
}

// A produceJob writes a package of equal streams to stdout: all that has to be computed is one of them.
type produceJob struct{ Bytes int64 }

// producedStream is the size of one. They don't fit into a processor's cache, as what is to be sent doesn't.
const producedStream = 32 << 20

func (j *produceJob) run() error {
	var list, rest writes
	begin := zstream.Begin{ToName: "pool/data@bench", Compound: true, Package: &zstream.Package{ToSnapshot: "bench"}}
	w := zstream.NewWriter(&list)
	w.WriteBegin(begin)
	begun := len(list)
	if err := w.Close(); err != nil {
		return err
	}
	if err := writeSubstream(&rest, producedStream); err != nil {
		return err
	}
	if err := list[:begun].to(os.Stdout); err != nil {
		return err
	}
	for n := int64(0); n < j.Bytes; n += producedStream {
		if err := rest.to(os.Stdout); err != nil {
			return err
		}
	}
	return list[begun:].to(os.Stdout)
}

// writes remembers each Write. Those of zfs send are of the same sizes: a record's header, and its payload.
type writes [][]byte

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, bytes.Clone(p))
	return len(p), nil
}

func (w writes) to(out io.Writer) error {
	for _, p := range w {
		if _, err := out.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// A consumeJob reads stdin to its end and drops it.
type consumeJob struct{}

func (*consumeJob) run() (p passage, err error) {
	buf := make([]byte, 128<<10)
	var start time.Time
	for {
		n, err := os.Stdin.Read(buf)
		if n > 0 && p.Bytes == 0 {
			start = time.Now()
		}
		p.Bytes += int64(n)
		if err == io.EOF && p.Bytes > 0 {
			p.Time = time.Since(start)
			return p, nil
		}
		if err != nil {
			return p, err
		}
	}
}

type consumer struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
}

// startConsumer starts a consumer of what comes out of a pipe, and gives it away.
func startConsumer(exe string, in *os.File) (*consumer, error) {
	defer in.Close()
	c := &consumer{cmd: exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), childEnv+"="+(&job{Consume: &consumeJob{}}).String())
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = in, &c.stdout, os.Stderr
	return c, c.cmd.Start()
}

// wait returns what the consumer measured, once there is nothing left to consume.
func (c *consumer) wait() (p passage, err error) {
	if err = c.cmd.Wait(); err == nil {
		err = json.Unmarshal(c.stdout.Bytes(), &p)
	}
	return p, err
}

// randomBytes returns incompressible data, always the same.
func randomBytes(n int64) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{}).Read(p)
	return p
}
