// Package endpoint says where datasets are, on this host or another one, and reaches the ZFS of that host.
//
//	e, err := endpoint.Parse("root@nas:backup/home")
//	…
//	hosts := endpoint.Hosts{Program: "zferry 1.0"}
//	defer hosts.Close()
//	host, err := hosts.Open(ctx, e, endpoint.Connection{SSHOptions: []string{"-p2222"}})
//	…
//	list, err := host.List(ctx, e.Dataset, zfssend.ListOptions{})
//
// An [Endpoint] is a host and a dataset. A [Connection] is how a host is reached that isn't this one. [Hosts] are those that were
// opened, each over one connection, until they are closed.
//
// It is what commands and the daemon share. Programs of others use package remote.
package endpoint
