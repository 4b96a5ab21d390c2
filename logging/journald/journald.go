package journald

import (
	"cmp"
	"context"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/internal/redial"
)

// Socket is where the journal listens. A namespace's is in /run/systemd/journal.NAME.
const Socket = "/run/systemd/journal/socket"

// Config says where lines go. The zero value is this host's journal.
type Config struct {
	Socket string // "": [Socket]
	App    string // SYSLOG_IDENTIFIER; "": the program's name

	Name     string // in reports of losses; "": "journald"
	Levels   logging.Levels
	LevelVar *logging.LevelVar // instead of Levels: see [logging.Options]
	Stack    logging.StackStyle
	Collapse time.Duration

	QueueBytes   int           // see [logging.QueueConfig].Bytes
	FlushTimeout time.Duration // see [logging.QueueConfig].FlushTimeout
}

// Open returns a handler whose lines go to the journal, which needn't be there yet. It must be closed, lest the last
// lines are lost.
func Open(c Config) (*logging.Handler, error) {
	path := cmp.Or(c.Socket, Socket)
	dial := func(ctx context.Context) (redial.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "unixgram", path)
		if err != nil {
			return nil, err
		}
		return &conn{UnixConn: c.(*net.UnixConn)}, nil
	}
	var h *logging.Handler
	h = logging.NewHandler(redial.New(dial, logging.QueueConfig{
		Bytes: c.QueueBytes, FlushTimeout: c.FlushTimeout,
		Report: func(b []byte, n uint64, cause error) []byte { return h.AppendLoss(b, n, cause) },
	}), logging.Options{
		Name: cmp.Or(c.Name, "journald"), Levels: c.Levels, LevelVar: c.LevelVar, Stack: c.Stack, Collapse: c.Collapse,
		Encoder: &encoder{cmp.Or(c.App, filepath.Base(os.Args[0]))},
	})
	return h, nil
}

// A conn is a socket that is connected to the journal's.
type conn struct {
	*net.UnixConn
	message []byte
}

// Send implements [redial.Conn]. Messages go by datagram, never by file: [logging.MaxLine] keeps them below 100 KiB, of
// twice as much that a datagram takes.
func (c *conn) Send(p []byte) (int, error) {
	return redial.Lines(p, func(line []byte) error {
		c.message = appendNative(c.message[:0], line)
		_, err := c.Write(c.message)
		return err
	})
}
