// Command faults injects faults into replications on a real OpenZFS, hundreds of them, and checks that each ends with
// equal contents all the same.
//
// A campaign makes a tree of datasets with a history: files that are written, overwritten, truncated, removed, and have
// holes, a volume, and an encrypted dataset that is sent raw; the last increment starts from a bookmark. It replicates
// the tree with package zfssend, snapshot by snapshot, to another pool. Such a step takes several attempts: into each
// but the last one a fault is injected at a random place of the stream. After each the harness looks at the destination, and
// resumes by its token or starts again, as its state demands.
//
// A fault that strikes too late, or finds nothing to strike, has missed, and doesn't count. An attempt with such a one, or
// without any, has to succeed: what the faults before it have left has to be gone on from. And at the end of the run,
// each fault that isn't harmless has to have had an effect at least once, if it had struck often enough.
//
// At the end of a campaign the checksums of every file of every snapshot and of the volume are those of the source, so
// are the snapshots' GUIDs; no hold and bookmark of the replication is left behind, no process and no descriptor; and what
// was the user's, on both pools, is there untouched, the snapshots of the source among it.
//
// A power cut is a fault that the harness doesn't survive: the whole machine is killed in the middle of a receive, boots
// again with the same disks, and goes on.
//
// What is injected where is decided by a seed, which the report tells, and by nothing else; what comes of it is a matter
// of timing, too. So a run with the same seed injects the same faults at the same places, as long as each attempt ends as
// it did.
//
// The program runs on the host. It starts itself in the virtual machine of platformtest/vm with --zfs host, and gets the
// events of the run as lines of JSON. It writes the report even if the machine dies.
//
//	go run ./platformtest/faults --injections 500 --out faults-report
package main
