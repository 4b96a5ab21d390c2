// Package machine builds and boots a virtual machine with a real OpenZFS kernel module, to run tests in it.
//
// # Image, variant, payload
//
// An [Image] is what boots: Debian 12's kernel, busybox, the ZFS commands, and ZFS kernel modules compiled from Debian's
// source. [Build] makes one, once, in about 3 minutes on 2 cores, and returns the one of the cache from then on. It
// downloads and unpacks Debian packages in a directory of its own and installs none of them; what must be installed
// says [HostPackages].
//
// A [Variant] is a build of the ZFS module. [Stock] is Debian's. [TaskQ] lacks HAVE_LARGE_STACKS, as on kernels with
// small stacks: zfs send then writes through a kernel task queue and waits for it uninterruptibly, so that not even
// SIGKILL ends a send that is blocked on a full pipe (openzfs#12500). Each run proves that its guest loaded the
// variant which it asked for.
//
// A line is a release line of ZFS, see [Lines]; each has an image of its own. [DefaultLine] is Debian 12's ZFS 2.1. 2.3
// comes from its backports; 2.4 from those of Debian 13, with that one's C library in the guest. All have Debian 12's
// kernel.
//
// A payload is a program with its files. [Image.Run] boots a guest, which takes 2 to 3 seconds under QEMU's emulation,
// runs the payload as root, and returns its exit status:
//
//	img, err := machine.Build(ctx, machine.BuildOptions{Progress: machine.NewProgress(os.Stderr)})
//	if err != nil {
//		return err
//	}
//	result, err := img.Run(ctx, machine.RunOptions{
//		Variant: machine.TaskQ,
//		Payload: os.DirFS("payload"), // with a program called run
//		Stdout:  os.Stdout,
//		Stderr:  os.Stderr,
//		OutDir:  "results", // what the payload leaves in /out
//		Timeout: 2 * time.Minute,
//	})
//	if err != nil {
//		return err // the machine failed: it died, hung, or never came up
//	}
//	if result.ExitCode != 0 {
//		return fmt.Errorf("payload failed: exit status %d", result.ExitCode)
//	}
//
// A Go test becomes a payload by
//
//	CGO_ENABLED=0 go test -c -o payload/run ./zfssend
//
// and a shell script serves as well:
//
//	#!/bin/sh -e
//	truncate -s 256M /tmp/vdev
//	zpool create -m /tank tank /tmp/vdev
//	head -c 8M /dev/urandom >/tank/file
//	zfs snapshot tank@1
//	zfs send tank@1 | zfs recv -u tank/copy
//	zfs list -t all >/out/list
//
// # The guest
//
// The payload's directory is /payload, its working directory and first in PATH. /tmp is memory: pools are sparse files
// there. The kernel automounts .zfs/snapshot, loopback is up, the clock is the host's, and there is no other network and
// no udev (so no /dev/zvol). Nothing outlives a run but what went to stdout, stderr, /out and the disks. The processor is
// an emulated x86-64-v2 (GOAMD64=v1 or v2) unless KVM is used, which is the case only where kvm_intel or kvm_amd backs
// it, and never with [RunOptions.ForceTCG].
//
// With [RunOptions.Port] the payload and this process can talk to each other while it runs; package forward, beside this one's
// directory, lets programs of this host connect to a server in the guest by that.
//
// Users besides root are operator (1000), who may become root by sudo and doas without a password, and alice (1001) and
// bob (1002), who may not: su operator -c "sudo -n zfs list".
//
// [Image.Tools] fetches further programs and kernel modules of Debian for the runs that ask for them. Package twohosts,
// beside this one's directory, makes two hosts with ssh between them of such a guest.
//
// # Faults, disks and power cuts
//
// zinject makes ZFS itself fail. To break a send in the middle, name a block of the snapshot, in hexadecimal, when the
// cache has forgotten it:
//
//	zpool export tank; zpool import -d /tmp tank
//	zinject -b $(printf %x:%x:0:20 $(zfs get -Hp -o value objsetid tank@1) $(ls -i /tank/file | awk '{print $1}')) -e io tank
//	zfs send tank@1 >/tmp/stream # exit status 1, Input/output error
//
// dmsetup has the targets delay, error, flakey, linear, log-writes, striped and zero; "losetup -f" names a loop device,
// and loads the driver. A pool all of whose devices fail is suspended and makes its users wait, as it does anywhere.
//
// A [Disk] is a file of the host that outlives the run. With [RunOptions.CutPower] the machine is killed when the payload
// writes a certain line; the next run finds on the disk what there would be after a power cut:
//
//	zpool create -m /tank tank /dev/vda1        # in the first run
//	zpool import -f -d /dev/vda1 tank           # in the second
//
// # Failures
//
// A payload's own failure is a [Result], not an error. The machine's failures are typed and carry the end of the kernel's
// console: [PanicError], [TimeoutError] with the stacks of the blocked tasks, [NoVerdictError], [GuestError]. That power
// was cut is a [PowerCutError], so that nobody takes such a run for one that came to its end. An oops and
// a failed assertion inside ZFS end the machine at once, as a PanicError. Errors that match [ErrUnavailable] say that
// this host can't have a machine at all; a test skips on these, and on no others.
//
// # The cache
//
// Images are directories of [DefaultCacheDir], named after kernel, ZFS version and the hash of the recipe, which is the
// part of this package's source that decides what an image of that line holds. An image that this recipe built is used as it is,
// without looking for newer packages and without a network; [BuildOptions.Refresh] looks. Tools are directories beside
// the image that they belong to, treated alike. [Clean] removes the others.
//
// The command is in the directory above: go run ./platformtest/vm --help.
package machine
