package zfssuite

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zstream"
)

var encryptionCases = []testCase{
	{"EncryptionPlainSend", encryptionPlainSend},
	{"EncryptionRaw", encryptionRaw},
	{"EncryptionRawWithoutKey", encryptionRawWithoutKey},
	{"EncryptionRawIsNotPlain", encryptionRawIsNotPlain},
	{"EncryptionKeyNotLoaded", encryptionKeyNotLoaded},
	{"EncryptionInherited", encryptionInherited},
	{"EncryptionForce", encryptionForce},
	{"EncryptionRawOntoPlain", encryptionRawOntoPlain},
	{"EncryptionRawAboveOwn", encryptionRawAboveOwn},
	{"EncryptionEmbedded", encryptionEmbedded},
	{"EncryptionPropertiesNeedRaw", encryptionPropertiesNeedRaw},
	{"EncryptionRawTree", encryptionRawTree},
}

// keyFile returns the name of a file with a key.
func (e *env) keyFile() string {
	e.Helper()
	name := filepath.Join(e.TempDir(), "key")
	if err := os.WriteFile(name, []byte(strings.Repeat("0123456789abcdef", 4)), 0o600); err != nil {
		e.Fatal(err)
	}
	return name
}

// encrypted makes an encrypted filesystem. All of them have the same key.
func (e *env) encrypted(name string) string {
	e.Helper()
	return e.create(name, "-o", "encryption=on", "-o", "keyformat=hex", "-o", "keylocation=file://"+e.keyFile())
}

func (e *env) loadKey(dataset string) {
	e.Helper()
	e.zfs("load-key", "-L", "file://"+e.keyFile(), dataset)
}

func (e *env) encryptedSource(name string) string {
	e.Helper()
	a := e.encrypted(name)
	e.write(a, "one", 300_000)
	e.snapshot(a + "@1")
	e.write(a, "two", 100_000)
	e.snapshot(a + "@2")
	return a
}

// encryptionPlainSend: without Raw, an encrypted filesystem is sent as plain text.
func encryptionPlainSend(e *env) {
	a, b := e.encryptedSource("a"), e.root+"/b"
	if first := e.begin(e.stream(a+"@1", zfssend.SendOptions{})); first.Raw {
		e.Error("it is raw")
	}
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.copy(a+"@2", b, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{})
	e.same(a+"@2", b+"@2")
	d, err := e.client.Dataset(e.ctx(), b)
	if err != nil || d.Encrypted() {
		e.Errorf("%+v, %v", d, err)
	}
}

func encryptionRaw(e *env) {
	a, b := e.encryptedSource("a"), e.root+"/b"
	if first := e.begin(e.stream(a+"@1", zfssend.SendOptions{Raw: true})); !first.Raw {
		e.Error("it isn't raw")
	}
	e.copy(a+"@1", b, zfssend.SendOptions{Raw: true}, zfssend.ReceiveOptions{})
	d, err := e.client.Dataset(e.ctx(), b)
	if err != nil || !d.Encrypted() || e.get("keystatus", b) != "unavailable" || e.get("encryptionroot", b) != b {
		e.Errorf("%+v, %v", d, err)
	}
	e.copy(a+"@2", b, zfssend.SendOptions{Raw: true, From: "@1"}, zfssend.ReceiveOptions{})
	e.loadKey(b)
	e.same(a+"@1", b+"@1")
	e.same(a+"@2", b+"@2")
}

func (e *env) lock(dataset string) {
	e.Helper()
	e.zfs("unmount", dataset)
	e.zfs("unload-key", dataset)
}

func encryptionRawWithoutKey(e *env) {
	a, b := e.encryptedSource("a"), e.root+"/b"
	e.lock(a)
	e.copy(a+"@1", b, zfssend.SendOptions{Raw: true}, zfssend.ReceiveOptions{})
	e.copy(a+"@2", b, zfssend.SendOptions{Raw: true, From: "@1"}, zfssend.ReceiveOptions{})
	e.loadKey(a)
	e.loadKey(b)
	e.same(a+"@2", b+"@2")
}

func encryptionRawIsNotPlain(e *env) {
	a := e.encrypted("a")
	secret := bytes.Repeat([]byte("a secret that nobody else may read. "), 10_000)
	e.p.Write(e.T, a, "secret", secret)
	e.snapshot(a + "@1")
	if !bytes.Contains(e.stream(a+"@1", zfssend.SendOptions{}), secret[:100]) {
		e.Error("the plain stream lacks it")
	}
	if bytes.Contains(e.stream(a+"@1", zfssend.SendOptions{Raw: true}), secret[:100]) {
		e.Error("the raw stream has it")
	}
}

func encryptionKeyNotLoaded(e *env) {
	a, plain := e.encryptedSource("a"), e.source("plain", 1000)
	e.lock(a)
	for _, o := range []zfssend.SendOptions{{}, {From: "@1"}} {
		s := e.start(a+"@2", o)
		if n, err := io.Copy(io.Discard, s); n != 0 {
			e.Errorf("%d bytes", n)
		} else {
			e.fails(err, zfssend.KeyNotLoaded)
		}
	}
	e.refuse(a+"/below", e.stream(plain+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{}, zfssend.KeyNotLoaded)
}

func encryptionInherited(e *env) {
	a, plain := e.encryptedSource("a"), e.source("plain", 300_000)
	e.copy(plain+"@1", a+"/b", zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.same(plain+"@1", a+"/b@1")
	if root := e.get("encryptionroot", a+"/b"); root != a {
		e.Errorf("its encryption root is %s", root)
	}
}

func encryptionForce(e *env) {
	a, plain := e.encrypted("a"), e.source("plain", 1000)
	e.refuse(a, e.stream(plain+"@1", zfssend.SendOptions{}), zfssend.ReceiveOptions{Force: true}, zfssend.EncryptionMismatch)
}

func encryptionRawOntoPlain(e *env) {
	a, b := e.encryptedSource("a"), e.root+"/b"
	e.copy(a+"@1", b, zfssend.SendOptions{}, zfssend.ReceiveOptions{})
	e.refuse(b, e.stream(a+"@2", zfssend.SendOptions{Raw: true, From: "@1"}), zfssend.ReceiveOptions{}, zfssend.EncryptionMismatch)
}

// encryptionRawAboveOwn: a raw increment goes on top of its base alone, and not of snapshots since, even if nothing was changed.
func encryptionRawAboveOwn(e *env) {
	a, b, plain := e.encryptedSource("a"), e.root+"/b", e.root+"/plain"
	e.copy(a+"@1", b, zfssend.SendOptions{Raw: true}, zfssend.ReceiveOptions{})
	e.copy(a+"@1", plain, zfssend.SendOptions{}, zfssend.ReceiveOptions{Unmounted: true})
	e.snapshot(b + "@own")
	e.snapshot(plain + "@own")
	e.refuse(b, e.stream(a+"@2", zfssend.SendOptions{From: "@1", Raw: true}), zfssend.ReceiveOptions{}, zfssend.DestinationModified)
	e.copy(a+"@2", plain, zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{Unmounted: true})
	e.same(a+"@2", plain+"@2")
}

// encryptionEmbedded: what is encrypted takes no blocks that are embedded in their pointers, be it new or there already.
func encryptionEmbedded(e *env) {
	a, safe := e.create("a", "-o", "compression=lz4"), e.encrypted("safe")
	for _, name := range []string{"@1", "@2"} {
		e.write(a, "tiny"+name, 80)
		e.snapshot(a + name)
	}
	embedded := zfssend.SendOptions{Embedded: true}
	if found := e.encodings(e.stream(a+"@1", embedded)); found.embedded == 0 {
		e.Fatal("nothing is embedded")
	}
	e.refuse(safe+"/new", e.stream(a+"@1", embedded), zfssend.ReceiveOptions{}, zfssend.UnsupportedFeature)
	e.copy(a+"@1", safe+"/new", zfssend.SendOptions{}, zfssend.ReceiveOptions{Unmounted: true})
	embedded.From = "@1"
	e.refuse(safe+"/new", e.stream(a+"@2", embedded), zfssend.ReceiveOptions{}, zfssend.UnsupportedFeature)
	e.copy(a+"@2", safe+"/new", zfssend.SendOptions{From: "@1"}, zfssend.ReceiveOptions{Unmounted: true})
	e.same(a+"@2", safe+"/new@2")
}

func encryptionPropertiesNeedRaw(e *env) {
	a := e.encryptedSource("a")
	sendFails(e, a+"@1", zfssend.SendOptions{Properties: true}, zfssend.EncryptionMismatch, "without the raw flag")
	b := e.root + "/b"
	e.copy(a+"@1", b, zfssend.SendOptions{Properties: true, Raw: true}, zfssend.ReceiveOptions{})
	e.loadKey(b)
	e.same(a+"@1", b+"@1")
}

// encryptionRawTree: a package can be raw, too. The filesystems below have their keys by inheritance again.
func encryptionRawTree(e *env) {
	a, b := e.encryptedSource("a"), e.root+"/b"
	e.create("a/below")
	e.write(a+"/below", "three", 100_000)
	e.zfs("snapshot", "-r", a+"@3")
	stream := e.stream(a+"@3", zfssend.SendOptions{Replicate: true, Raw: true})
	members := 0
	v := zstream.Verifier{OnBegin: func(b zstream.Begin) error {
		switch {
		case b.Compound:
			if b.Package == nil || !b.Package.Raw || len(b.Package.Filesystems) != 2 {
				e.Errorf("the stream begins with %+v", b)
			}
		case !b.Raw:
			e.Errorf("%s isn't raw", b.ToName)
		default:
			members++
		}
		return nil
	}}
	if _, err := v.Write(stream); err != nil || v.Close() != nil || members != 4 {
		e.Errorf("%d streams; %v, %v", members, err, v.Close())
	}
	e.received(b, stream, zfssend.ReceiveOptions{})
	for _, name := range []string{b, b + "/below"} {
		if e.get("encryptionroot", name) != b || e.get("keystatus", name) != "unavailable" {
			e.Errorf("%s: encryption root %s, key %s", name, e.get("encryptionroot", name), e.get("keystatus", name))
		}
	}
	e.loadKey(b)
	for _, version := range []string{"@1", "@2", "@3", "/below@3"} {
		e.same(a+version, b+version)
	}
}
