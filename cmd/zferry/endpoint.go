package main

import (
	"context"
	"time"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
	"github.com/spanstack/spanstack/trace"
	"github.com/spanstack/spanstack/zfssend"
)

// hosts returns hosts for a command to open. The traces of their agents become a part of its own.
func (o *observation) hosts(here *zfssend.Client) *endpoint.Hosts {
	return &endpoint.Hosts{Here: here, Program: "zferry " + version(), Connected: o.far.follow}
}

// open opens the host of an endpoint, for commands that have one set of hosts.
func (o *observation) open(ctx context.Context, c endpoint.Connection, e endpoint.Endpoint) (host zfssend.Host, end func(), err error) {
	hosts := o.hosts(thisHost())
	host, err = hosts.Open(ctx, e, c)
	return host, func() { o.disconnect(ctx, hosts) }, err
}

// disconnect ends connections, after what is left of their agents' traces has come.
func (o *observation) disconnect(ctx context.Context, sets ...*endpoint.Hosts) {
	any := false
	for _, hosts := range sets {
		any = any || hosts.Connections() > 0
	}
	if !any {
		return
	}
	_, span := trace.WithSpan(ctx, "disconnect")
	defer span.End()
	o.far.end()
	for _, hosts := range sets {
		_ = hosts.Close() // what failed on them was told
	}
}

// settle is how long the last records of an agent may take to be written.
const settle = 600 * time.Millisecond

// parseEndpoints parses datasets, or datasets and snapshots, that have to be on one host.
func parseEndpoints(texts []string, parse func(string) (endpoint.Endpoint, error)) (list []endpoint.Endpoint, err error) {
	for _, text := range texts {
		e, err := parse(text)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 && e.Host != list[0].Host {
			return nil, &otherHostError{list[0], e}
		}
		list = append(list, e)
	}
	return list, nil
}

// otherHostError says that a command is about two hosts.
type otherHostError struct{ first, other endpoint.Endpoint }

// Error implements error.
func (e *otherHostError) Error() string {
	return e.other.String() + " is on another host than " + e.first.String() + ": run it once for each host"
}

// namesOf returns the datasets or snapshots alone.
func namesOf(list []endpoint.Endpoint) (names []string) {
	for _, e := range list {
		names = append(names, e.Dataset)
	}
	return names
}
