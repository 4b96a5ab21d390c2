// Package twohosts makes two hosts of one virtual machine: network namespaces a and b, joined by a link, with an ssh server
// in b and a key with which root of a logs in there. They share the machine's kernel and its ZFS, so that a test of
// replication over a network needs one machine only: by custom a has the pool tank, and b the pool backup.
//
// A test has two halves. The one on this host boots a machine with what the hosts are made of:
//
//	tools, err := img.Tools(ctx, twohosts.Tools())
//	...
//	result, err := img.Run(ctx, machine.RunOptions{Payload: payload, Tools: tools, MemoryMiB: twohosts.MemoryMiB})
//
// The one in the machine makes them, as root:
//
//	hosts, err := twohosts.Start(ctx, dir)
//	...
//	defer hosts.Close()
//	err = hosts.A.Run(ctx, "zferry", "replicate", "-r", "tank/home", "ssh://b/backup/home")
//	err = hosts.A.Run(ctx, "ssh", "b", "zfs", "list", "backup")
//
// In a, "ssh" needs no options to reach b: its configuration is the file that ssh reads anyway. A program on b that is
// in the payload is found: sshd gives sessions the PATH that Start was called with.
//
// [Hosts.Netem] makes the link slow or lossy, as tc-netem(8) says, and [Hosts.Cut] silent: what is sent into it is lost, and
// nobody is told, as if a cable were pulled far away.
//
// Only the network is two. Mounts, processes and /dev/zfs are the machine's: "zfs list" on b shows tank, too.
package twohosts
