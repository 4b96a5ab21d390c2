#!/bin/sh
# record.sh records what the zfs commands that package zfssend parses write, as txtar files in /out: the command line,
# stdout, stderr, and exit status. It makes two pools of its own and needs a machine of its own:
#
#	go run ./platformtest/vm run --out zfssend/testdata/zfs-2.1 ./zfssend/testdata/record.sh
#
# GUIDs, sizes and times differ with every run, so tests that name them must be adapted.
set -u
export TZ=UTC LC_ALL=C
exec </dev/null
mkdir -p /out
rec() { # NAME COMMAND...
	name=$1
	shift
	"$@" >/tmp/stdout 2>/tmp/stderr
	status=$?
	sed -i '/^usage:$/,$ { /^usage:$/!d }' /tmp/stderr # what follows is the same for all, and long
	{
		echo "$*"
		zfs version | head -1
		echo "-- stdout --"
		cat /tmp/stdout
		[ ! -s /tmp/stdout ] || [ -z "$(tail -c1 /tmp/stdout)" ] || echo
		echo "-- stderr --"
		cat /tmp/stderr
		echo "-- status --"
		echo $status
	} >/out/$name.txtar
}
as_nobody() { su nobody -s /bin/sh -c '"$0" "$@"' -- "$@"; }

truncate -s 512M /tmp/disk1 /tmp/disk2
zpool create -O mountpoint=/tank tank /tmp/disk1
zpool create -O mountpoint=/backup backup /tmp/disk2
zfs create tank/a
zfs create "tank/a b"
zfs create tank/a/child
zfs create -V 1M tank/vol
head -c 3000000 /dev/urandom >/tank/a/file
zfs snapshot tank/a@one
head -c 500000 /dev/urandom >/tank/a/more
zfs snapshot tank/a@two
zfs snapshot "tank/a@three 3" "tank/a b@x" tank/a/child@x
zfs bookmark tank/a@one tank/a#one
zfs hold keep tank/a@two
zfs set com.example:odd="tab	and
line" tank/a

rec list-datasets zfs list -Hp -t filesystem,volume -o name,type,guid,createtxg,encryption,receive_resume_token -r tank
rec list-versions zfs list -Hp -t snapshot,bookmark -o name,guid,createtxg -r tank
rec list-versions-all zfs list -Hp -t snapshot,bookmark -o name,guid,createtxg,creation,userrefs -d 1 tank/a
rec list-properties zfs list -Hp -t filesystem,volume -o name,type,guid,createtxg,encryption,receive_resume_token,com.example:odd,guid,used,guid,volsize,guid -r tank
rec list-missing zfs list -Hp -t filesystem,volume -o name,type,guid,createtxg,encryption,receive_resume_token -d 0 tank/nothing

rec snapshot-exists zfs snapshot tank/a@new tank/a/child@x
rec snapshot-no-dataset zfs snapshot tank/a@new tank/nothing@new
rec snapshot-twice zfs snapshot tank/a@new tank/a@newer

rec hold zfs hold -- "my tag" tank/a@one tank/a@two
rec hold-again zfs hold -- "my tag" tank/a@one tank/a@two
rec hold-some zfs hold -- "my tag" tank/a@one tank/a@missing tank/nothing@x "tank/a@three 3"
zfs hold "tab	and
line" tank/a@one
rec holds zfs holds -H tank/a@one tank/a@two "tank/a@three 3"
rec holds-missing zfs holds -H tank/a@two tank/a@missing
rec holds-none zfs holds -H tank/a/child@x
zfs release "tab	and
line" tank/a@one
rec release-some zfs release -- "my tag" tank/a@one tank/a@missing tank/a/child@x
rec release-again zfs release -- "my tag" tank/a@one
zfs release "my tag" tank/a@two "tank/a@three 3"

rec bookmark zfs bookmark "tank/a@three 3" "tank/a#three 3"
rec bookmark-exists zfs bookmark tank/a@two tank/a#one
rec bookmark-missing zfs bookmark tank/a@missing tank/a#m
rec bookmark-no-dataset zfs bookmark tank/a@two tank/nothing#m
rec get-guid zfs get -Hp -o name,value guid tank/a#one tank/a@one
rec get-guid-missing zfs get -Hp -o name,value guid tank/a#one tank/a@missing tank/a#missing
cat >/tmp/bookmark.lua <<'LUA'
args = ...
argv = args["argv"]
failed = {}
for i = 1, #argv, 2 do
	err = zfs.sync.bookmark(argv[i], argv[i + 1])
	if err ~= 0 then
		failed[argv[i + 1]] = err
	end
end
return failed
LUA
rec program-bookmark zfs program -j tank /tmp/bookmark.lua tank/a@two tank/a#new tank/a@two tank/a#one tank/a@missing tank/a#m
rec program-ok zfs program -j tank /tmp/bookmark.lua tank/a@two tank/a#new2

zfs snapshot tank/a/child@held
zfs snapshot tank/a/child@free
zfs snapshot tank/a/child@cloned
zfs clone tank/a/child@cloned tank/clone
zfs hold keep tank/a/child@held
rec destroy-held zfs destroy -vp tank/a/child@held,free,missing
rec destroy-cloned zfs destroy -vp tank/a/child@cloned,free
rec destroy-free zfs destroy -vp tank/a/child@free,missing
rec destroy-missing zfs destroy -vp tank/a/child@missing
rec destroy-no-dataset zfs destroy -vp tank/nothing@missing
rec destroy-bookmark-missing zfs destroy tank/a#missing
rec destroy-children zfs destroy tank/a
rec destroy-dataset-missing zfs destroy tank/nothing

rec get-all zfs get -Hp -o property,value,name,received,source all tank/a
zfs snapshot tank/a@p
zfs set compression=gzip tank/a
zfs send -p tank/a@p | zfs receive -u -x mountpoint backup/a
zfs set compression=lz4 backup/a
rec get-some zfs get -Hp -o property,value,name,received,source compression,com.example:odd,nosuch:prop,mountpoint,origin,atime backup/a
rec set-bad zfs set com.example:x=1 compression=bogus tank/a
rec set-readonly zfs set guid=1 tank/a
rec inherit-missing zfs inherit compression tank/a tank/nothing
rec inherit-bad zfs inherit nosuch tank/a

rec estimate-full zfs send -nvP tank/a@one
rec estimate-increment zfs send -nvP -i tank/a@one tank/a@two
rec estimate-bookmark zfs send -nvP -i tank/a#one tank/a@two
rec estimate-intermediates zfs send -nvP -I tank/a@one "tank/a@three 3"
rec estimate-missing zfs send -nvP tank/a@missing
rec estimate-no-bookmark zfs send -nvP -i tank/a#missing tank/a@two
zfs send tank/a@two | head -c 2000000 | zfs receive -s backup/r
rec estimate-token zfs send -nvP -t $(zfs get -Ho value receive_resume_token backup/r)

chmod 666 /dev/zfs
rec denied-snapshot as_nobody zfs snapshot tank/a@u
rec denied-hold as_nobody zfs hold -- u tank/a@one tank/a@two
rec denied-bookmark as_nobody zfs bookmark tank/a@one tank/a#u
rec denied-destroy as_nobody zfs destroy -vp tank/a@one,two
rec denied-destroy-bookmark as_nobody zfs destroy tank/a#one
rec denied-set as_nobody zfs set atime=off tank/a
rec denied-inherit as_nobody zfs inherit atime tank/a
rec denied-program as_nobody zfs program -j tank /tmp/bookmark.lua tank/a@one tank/a#u
rec allow-nothing zfs allow tank/a
zfs allow nobody snapshot,hold,bookmark tank/a
zfs allow -l nobody release tank/a
zfs allow -d nobody destroy tank/a
zfs allow -e send tank
zfs allow -g nogroup mount,create tank
zfs allow -s @basic compression,atime tank
zfs allow -s @more @basic,clone tank/a
zfs allow -c destroy,mount tank/a
zfs allow -u nobody @more tank/a
zfs allow -u root snapshot tank
rec allow zfs allow tank/a
rec allow-child zfs allow tank/a/child
rec allow-missing zfs allow tank/nothing
