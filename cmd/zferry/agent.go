package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/logging"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/trace/capture"
	"github.com/spanstack/spanstack/tracefmt"
	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
)

// agentCommand is "zferry agent" with its flags.
type agentCommand struct {
	stdio          bool
	listen         string
	tls            endpoint.TLS
	clients        []string
	roots, allow   []string
	properties     []string
	rawOnly        bool
	noPlaintext    bool
	maxStreams     int
	stall          time.Duration
	observe        observation
	stdin          io.Reader
	stdout, stderr io.Writer
}

func newAgent(stdout, stderr io.Writer) *cobra.Command {
	c := &agentCommand{stdout: stdout, stderr: stderr}
	cmd := &cobra.Command{
		Use:   "agent [flags]",
		Short: "Serve this host's ZFS to a zferry on another host",
		Long: `agent does what a zferry on another host asks of this host's ZFS, over one connection: its standard input and output, as ssh
connects them, or TLS.

You need not start it for somebody who can log in here and run any command: zferry runs "zferry agent --stdio" over ssh by itself, and
may then do what that user may do. For others, make a key that can do nothing else. In ~/.ssh/authorized_keys on this host, in one line:

  command="zferry agent --root backup --allow receive",restrict ssh-ed25519 AAAA... laptop

--root names the datasets that may be touched, with all below them; --allow what may be done. What isn't allowed is refused
before zfs runs. Names for what belongs together:

  read      list
  send      list, send-stream, snapshot, bookmark, hold, release
  receive   list, receive-stream, create, abort, hold, release
  prune     list, destroy (of snapshots and bookmarks)
  all       everything

and besides those: destroy-dataset, rollback, set, trace; and force (receive -F), mount (receive without -u), stream-properties
(streams that bring properties), unexpected (streams of which it isn't said what they are). --property names properties that may be
set, besides canmount, readonly and zferry:*; a star at the end stands for anything.

With --listen, both sides show certificates, and --root and --allow have to be there. An agent that has lost its peer stops what
it has started, and ends. $SSH_ORIGINAL_COMMAND is ignored.

Exit codes:
    0  the peer has ended the connection
    1  failed, or the peer was lost; the message says what happened
    2  wrong flags or arguments
  130  interrupted by SIGINT or SIGTERM

Signals:
  SIGINT, SIGTERM  stop what runs, and exit; a second one exits at once
  SIGUSR1          log everything, and at the next one as before`,
		Example: `  zferry agent                                         what ssh runs; not for a terminal
  zferry agent --root backup --allow receive           for the key of a host that sends its backups here
  zferry agent --root tank --allow send --raw-only     for a host that fetches them, and may not read what is in them
  zferry agent --root backup --allow receive,prune --listen :7443 --tls-cert host.crt --tls-key host.key --tls-ca ca.crt --client laptop`,
		Args: noArguments,

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.stdin = cmd.InOrStdin()
			policy, err := c.policy()
			if err == nil {
				err = c.validate(cmd.Flags().Changed("stdio"))
			}
			if err != nil {
				return fmt.Errorf("agent: %w", err)
			}
			return fail(c.observe.run(cmd.Context(), c.stderr, func(ctx context.Context) error { return c.run(ctx, policy) }))
		},
	}
	f := cmd.Flags()
	f.BoolVar(&c.stdio, "stdio", true, "serve one peer over the standard input and output; the default without --listen")
	f.StringVar(&c.listen, "listen", "", "serve peers that connect to `ADDR`, such as :7443, with TLS")
	f.StringVar(&c.tls.Cert, "tls-cert", "", "`FILE` with this host's certificate")
	f.StringVar(&c.tls.Key, "tls-key", "", "`FILE` with the key of that certificate")
	f.StringVar(&c.tls.CA, "tls-ca", "", "`FILE` with the certificates that sign those of clients")
	f.StringSliceVar(&c.clients, "client", nil, "serve clients that have this `NAME` in their certificate; may be repeated")
	f.StringSliceVar(&c.roots, "root", nil, "let only this `DATASET` and those below it be touched; may be repeated")
	f.StringSliceVar(&c.allow, "allow", nil, "let only this `VERB`, or what this name stands for, be done; may be repeated")
	f.StringSliceVar(&c.properties, "property", nil, "let this `PROPERTY` be set, too; may be repeated")
	f.BoolVar(&c.rawOnly, "raw-only", false, "send nothing but raw streams (zfs send -w), in which encrypted datasets stay encrypted")
	f.BoolVar(&c.noPlaintext, "refuse-plaintext", false, "send encrypted datasets as raw streams only, and others as asked for")
	f.IntVar(&c.maxStreams, "max-streams", remote.DefaultMaxStreams, "serve `N` streams at a time on one connection")
	f.DurationVar(&c.stall, "stall-timeout", 0, "give up when zfs does nothing for this `TIME`, such as 30m; 0 waits for ever")
	completeFlag(cmd, "allow", remote.VerbNames()...)
	_ = cmd.RegisterFlagCompletionFunc("root", completeDatasets(anyNumber))
	c.observe.addFlags(cmd)
	return cmd
}

// policy returns what the flags permit.
func (c *agentCommand) policy() (remote.Policy, error) {
	p := remote.Unrestricted()
	if c.roots != nil {
		p.Anywhere, p.Roots = false, c.roots
	}
	if c.allow != nil {
		verbs, err := remote.ParseVerbs(c.allow...)
		if err != nil {
			return p, fmt.Errorf("--allow: %w", err)
		}
		p.Verbs = verbs
	}
	if c.restricted() {
		p.Properties = slices.Concat(remote.DefaultProperties, c.properties)
	}
	p.SendRawOnly, p.RefusePlaintext = c.rawOnly, c.noPlaintext
	if err := p.Validate(); err != nil {
		return p, fmt.Errorf("--root: %w", err)
	}
	return p, nil
}

func (c *agentCommand) restricted() bool {
	return c.roots != nil || c.allow != nil || c.properties != nil
}

func (c *agentCommand) validate(stdioGiven bool) error {
	switch {
	case c.listen != "" && stdioGiven && c.stdio:
		return errors.New("--listen and --stdio are two ways to serve: choose one")
	case c.listen == "" && !c.stdio:
		return errors.New("--stdio=false needs --listen")
	case c.listen == "" && (c.tls != endpoint.TLS{} || c.clients != nil):
		return errors.New("--tls-cert, --tls-key, --tls-ca and --client are for --listen")
	case c.listen != "" && (c.tls.Cert == "" || c.tls.Key == "" || c.tls.CA == "" || len(c.clients) == 0):
		return errors.New("--listen needs --tls-cert, --tls-key, --tls-ca and --client")
	case c.listen != "" && (c.roots == nil || c.allow == nil):
		return errors.New("--listen needs --root and --allow: who connects isn't logged in")
	case c.maxStreams < 1:
		return fmt.Errorf("--max-streams %d: want at least 1", c.maxStreams)
	case c.stall < 0:
		return fmt.Errorf("--stall-timeout %v: want a time that isn't negative", c.stall)
	case c.listen == "" && isTerminal(c.stdin):
		return errors.New("the standard input is a terminal: an agent is started by ssh, for a zferry on another host")
	}
	return nil
}

func (c *agentCommand) run(ctx context.Context, policy remote.Policy) error {
	agent := &remote.Agent{
		Client: &zfssend.Client{StallTimeout: c.stall}, Policy: policy, Program: "zferry " + version(), MaxStreams: c.maxStreams,
		Trace: func(ctx context.Context, w io.Writer) error {
			return capture.Stream(ctx, w, tracefmt.Lookup("chrome"), trace.Default())
		},
	}
	log := logging.GetLogger(ctx, "zferry")
	if c.listen == "" {
		log.Debug("serving the standard input", "version", version())
		return agent.Serve(ctx, stdio{c.stdin, c.stdout})
	}
	config, err := c.tlsConfig()
	if err != nil {
		return err
	}
	agent.Clients = make(map[string]remote.Policy)
	for _, name := range c.clients {
		agent.Clients[name] = policy
	}
	log.Info("listening", "address", c.listen, "version", version())
	return agent.ListenAndServe(ctx, c.listen, config)
}

func (c *agentCommand) tlsConfig() (*tls.Config, error) {
	own, authorities, err := c.tls.Load("clients")
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: authorities}, nil
}

// stdio is the connection that ssh makes. Closing it doesn't wait for a Read that nothing but the end of the process ends.
type stdio struct {
	in  io.Reader
	out io.Writer
}

func (s stdio) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s stdio) Write(p []byte) (int, error) { return s.out.Write(p) }

func (s stdio) Close() error {
	for _, end := range []any{s.in, s.out} {
		if c, ok := end.(io.Closer); ok {
			c.Close()
		}
	}
	return nil
}
