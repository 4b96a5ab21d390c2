package viewer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/spanstack/spanstack/tracefmt"
)

// A Source is where a trace comes from.
type Source struct {
	Title string // that people see: a file's name
	Name  string // that tells exactly where it is: its path or URL
	// Live says that it is a process's stream, which never ends by itself, and is opened again when it breaks. Each stream
	// begins with what is known of the process, so that it is a trace of its own.
	Live bool
	// Open opens it.
	Open func(ctx context.Context) (*Input, error)

	blocks bool // Close doesn't end a Read that blocks
}

// An Input is a source that is open. Close is called while Read blocks, to end it.
type Input struct {
	io.ReadCloser
	Size   int64            // bytes; 0 if it isn't known, and then what has come is shown before all of it has
	Format *tracefmt.Format // nil if it is to be found by the content, for which a live trace would have to wait
	Events EventReader      // instead of bytes, if it isn't nil
}

// An EventReader is a source that has events already. Close is called while Next blocks, to end it.
type EventReader interface {
	tracefmt.Reader
	io.Closer
}

// File returns the trace in a file. "-" is the standard input.
func File(path string) Source {
	if path == "-" {
		return Source{Title: "standard input", Name: path, blocks: true, Open: func(context.Context) (*Input, error) {
			return &Input{ReadCloser: io.NopCloser(os.Stdin)}, nil
		}}
	}
	name, err := filepath.Abs(path)
	if err != nil {
		name = path
	}
	return Source{Title: filepath.Base(path), Name: name, Open: func(context.Context) (*Input, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			err = fmt.Errorf("open %s: it is a directory", path)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		return &Input{ReadCloser: f, Size: info.Size()}, nil // 0 of a pipe
	}}
}

// Live returns a live trace in some format that open opens, whenever the one before has ended.
func Live(title string, format *tracefmt.Format, open func(context.Context) (io.ReadCloser, error)) Source {
	return Source{Title: title, Name: title, Live: true, Open: func(ctx context.Context) (*Input, error) {
		r, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return &Input{ReadCloser: r, Format: format}, nil
	}}
}

// LiveEvents is Live for what needn't be written and read to be had, such as the events of this process, by
// capture.OpenEvents: that takes it half the work.
func LiveEvents(title string, open func(context.Context) (EventReader, error)) Source {
	return Source{Title: title, Name: title, Live: true, Open: func(ctx context.Context) (*Input, error) {
		r, err := open(ctx)
		if err != nil {
			return nil, err
		}
		return &Input{ReadCloser: noBytes{r}, Events: r}, nil
	}}
}

// noBytes is an input that has events instead.
type noBytes struct{ io.Closer }

func (noBytes) Read([]byte) (int, error) { return 0, io.EOF }

// debugPath is where package capture answers, unless a program has put it elsewhere.
const debugPath = "/debug/trace/"

// Process returns the live trace of a process that answers as package capture does, at a URL such as
// http://localhost:6060/debug/trace/, or unix:PATH for a socket. A user name and password in the URL are sent along: capture's
// token is the password. It begins with what the process's flight recorder holds.
func Process(address string) (Source, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path == "" {
			return Source{}, fmt.Errorf("%s: want the path of a socket after it", address)
		}
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		return stream(address, "http://localhost"+debugPath, &http.Transport{DialContext: dial}), nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return Source{}, fmt.Errorf("%s: want http://HOST:PORT%s, or unix:PATH for a socket", address, debugPath)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = debugPath
	}
	u.Path = strings.TrimSuffix(u.Path, "ui/")
	u.RawQuery, u.Fragment = "", ""
	return stream(u.Redacted(), u.String(), &http.Transport{Proxy: http.ProxyFromEnvironment}), nil
}

// ErrRefused says that a process doesn't show its traces to whoever asks so.
var ErrRefused = errors.New("the process refuses")

const (
	// streamFormats are those that a live trace is asked for, the best first: a process writes those that it was built with.
	streamFormats = "application/vnd.google.perfetto-trace, application/json;q=0.5"
	// past is how much of what was before is asked for: all that there is.
	past = "24h"
)

// stream returns the source of a process's stream, at a URL below base.
func stream(name, base string, transport *http.Transport) Source {
	client := &http.Client{Transport: transport}
	transport.DisableKeepAlives = true  // the next connection is to the next process
	transport.DisableCompression = true // which would cost the process more than all else
	return Source{Title: name, Name: name, Live: true, Open: func(ctx context.Context) (*Input, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/stream?last="+past, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", streamFormats)
		resp, err := client.Do(req)
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err // without the URL, which may have a token
		}
		if failed, ok := errors.AsType[*net.OpError](err); ok {
			err = failed.Err // without the address, which is in the name
		}
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return &Input{ReadCloser: resp.Body, Format: formatOf(resp.Header.Get("Content-Type"))}, nil
		}
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		resp.Body.Close()
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(text)))
		if resp.StatusCode < 500 {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return nil, err
	}}
}

// formatOf returns the format of a media type that a live trace may have, or nil.
func formatOf(contentType string) *tracefmt.Format {
	kind, _, _ := mime.ParseMediaType(contentType)
	for _, f := range tracefmt.Formats() {
		if f.NewReader != nil && f.Mode == tracefmt.Streaming && f.MIMEType == kind && strings.Contains(streamFormats, kind) {
			return f
		}
	}
	return nil
}

// counted counts what is read.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}
