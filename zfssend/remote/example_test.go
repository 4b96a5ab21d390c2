package remote_test

import (
	"context"
	"fmt"
	"net"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/remote"
	"github.com/spanstack/spanstack/zfssend/zfstest"
)

// An agent that may only be looked at, and a host that it serves. Here they share a process; ssh or TLS would be between them.
func Example() {
	ctx := context.Background()
	client := &zfssend.Client{Command: zfstest.Fake(zfstest.Scripts{ // in place of a zfs
		"list": {zfstest.Print("backup/a\tfilesystem\t1\t2\toff\t-\n")},
	})}
	here, there := net.Pipe()
	agent := remote.Agent{Client: client, Policy: remote.Policy{Roots: []string{"backup"}, Verbs: []remote.Verb{remote.VerbList}}}
	done := make(chan error)
	go func() { done <- agent.Serve(ctx, there) }()

	host, err := remote.NewHost(ctx, here, remote.Config{Name: "store"})
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := host.List(ctx, "backup/a", zfssend.ListOptions{WithoutVersions: true})
	fmt.Println(list[0].Name, list[0].Type, err)
	fmt.Println(host.Snapshot(ctx, "backup/a@now"))
	fmt.Println(host.Snapshot(ctx, "tank@now"))
	host.Close()
	fmt.Println(<-done)
	// Output:
	// backup/a filesystem <nil>
	// store: snapshot backup/a@now: refused by the agent's policy: it takes the verb "snapshot", allowed are: list
	// store: snapshot tank@now: refused by the agent's policy: it takes the verb "snapshot", allowed are: list
	// <nil>
}
