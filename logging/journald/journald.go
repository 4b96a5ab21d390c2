package journald

import (
	"cmp"
	"context"
	"net"
	"os"
	"path/filepath"

	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/logging/internal/redial"
)

// Socket is where the journal listens. A namespace's is in /run/systemd/journal.NAME.
const Socket = "/run/systemd/journal/socket"

// Config says where lines go. The zero value is this host's journal.
type Config struct {
	Socket string // "": [Socket]
	App    string // SYSLOG_IDENTIFIER; "": the program's name

	Options logging.Options     // of what concerns the format, only Stack is used; the name is "journald" if there is none
	Queue   logging.QueueConfig // where lines wait
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
	o := c.Options
	o.Name, o.Encoder = cmp.Or(o.Name, "journald"), &encoder{cmp.Or(c.App, filepath.Base(os.Args[0]))}
	return logging.NewHandler(redial.New(dial, c.Queue), o), nil
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
