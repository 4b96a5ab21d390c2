#!/bin/busybox sh
# PID 1 of the virtual machine. It loads ZFS, runs the payload and hands what it produced to the host, over four
# virtio-serial ports: control, stdout, stderr and files. The other end is guest.go, which describes the protocol.
# Another one, if the run has a channel, is the payload's own: /dev/host.
# Kernel messages, and what goes wrong before the ports are there, go to the console.
export PATH=/payload:/sbin:/bin HOME=/root TMPDIR=/tmp TERM=dumb
# There is no udev: dmsetup makes the nodes in /dev/mapper, and zpool doesn't wait 3 seconds for IDs of devices.
export DM_DISABLE_UDEV=1 ZFS_VDEV_DEVID_OPT_OUT=YES
. /run.conf # variant, symbol, symbol_wanted, end, shell, disks, channel

say() { echo "$*" >&9; }
uptime() { read -r seconds _ </proc/uptime; echo "$seconds"; }
# Ends the machine: the host runs QEMU so that it exits on a reset.
halt() { reboot -f; }
# Without the host's ports there is no way to tell why; the console shows it, and the host sees that no verdict came.
give_up() { echo "init: $*"; halt; }

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
chmod 755 /
mount -t tmpfs -o mode=1777,size=80% tmpfs /tmp
mount -t tmpfs -o size=80% tmpfs /out
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
hostname zfsvm
ip link set lo up
echo 1 >/proc/sys/kernel/sysrq
for user in operator alice bob; do
	mkdir -p /home/$user
	chown $user:$user /home/$user
done
# The kernel loads what is asked for through these, as it does where udev made them.
echo /bin/modprobe >/proc/sys/kernel/modprobe
mkdir -p /dev/mapper
mknod -m 600 /dev/mapper/control c 10 236
mknod -m 660 /dev/loop-control c 10 237

# Loads the modules that a directory's "order" names.
load() {
	while read -r module; do
		case $module in
		spl.ko) insmod "$1/$module" spl_panic_halt=1 ;; # a failed assertion of ZFS ends the machine, not one thread
		*) insmod "$1/$module" ;;
		esac || return 1
	done <"$1/order"
}
load_zfs() {
	load /modules/zfs && chmod 666 /dev/zfs # ZFS itself looks who may do what; so does udev's rule for it
}
load /modules/base || give_up "can't load the drivers"
if [ "$disks" = 1 ]; then
	modprobe virtio_blk || give_up "can't load the driver of disks"
fi

if [ "$shell" = 1 ]; then
	load_zfs || echo "init: can't load ZFS"
	cd /payload
	setsid cttyhack sh
	halt
fi

# Port names arrive some time after the driver.
find_ports() {
	for port in /sys/class/virtio-ports/*; do
		{ read -r name <"$port/name"; } 2>/dev/null || continue
		case $name in control | stdout | stderr | files | host) eval "$name=/dev/${port##*/}" ;; esac
	done
	[ -c "$control" ] && [ -c "$stdout" ] && [ -c "$stderr" ] && [ -c "$files" ] && { [ "$channel" = 0 ] || [ -c "$host" ]; }
}
tries=0
until find_ports; do
	tries=$((tries + 1))
	[ $tries -lt 500 ] || give_up "the host's ports are missing"
	usleep 10000
done
[ "$channel" = 0 ] || ln -s "$host" /dev/host
exec 9<>"$control"
say "booted $(uptime)"

# Payload's output goes through pipes of its own: a port can be opened only once, but payloads open /dev/stderr.
mkfifo /run/stdout /run/stderr
cat /run/stdout >"$stdout" &
cat /run/stderr >"$stderr" &
exec 3<>/run/stdout 4<>/run/stderr

# Streams end with a mark, not with the end of the file: a process that can't be killed may still hold the pipe.
send_files() { { tar -C /out -cf - . && printf %s "$end"; } >"$files"; }

# The host's orders. If the host is gone, there is nobody to work for.
listen() {
	while read -r order; do
		case $order in
		stop) # it took too long: show who is blocked, and save what there is
			# Not here: a write to a port blocks for ever when the host is gone, and then nobody would notice that.
			{
				echo 7 >/proc/sys/kernel/printk
				echo w >/proc/sysrq-trigger
				say stopped
				send_files
			} &
			;;
		bye) halt ;;
		esac
	done
	halt
}
listen <&9 3>&- 4>&- &

load_zfs || { say "failed can't load the ZFS modules"; wait; }
# The proof that this is the module which the host asked for.
grep -qF " $symbol" /proc/kallsyms && symbol_found=1 || symbol_found=0
if [ $symbol_found != "$symbol_wanted" ]; then
	say "failed this is not the $variant module: symbol $symbol is $([ $symbol_found = 1 ] && echo there || echo missing)"
	wait
fi

say "started $(uptime)"
cd /payload
/command.sh </dev/null >&3 2>&4 3>&- 4>&- 9>&-
status=$?
say "exit $status $(uptime)"
printf %s "$end" >&3
printf %s "$end" >&4
send_files
while :; do sleep 3600; done # until the host has got everything and says bye
