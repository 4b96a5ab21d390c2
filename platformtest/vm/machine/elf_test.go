package machine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadOrder(t *testing.T) {
	modules := map[string]kernelModule{}
	for name, depends := range map[string]string{
		"zfs": "spl,icp,zavl", "icp": "spl,zcommon", "zcommon": "znvpair,spl", "znvpair": "spl", "zavl": "", "spl": "virtio",
		"loop": "spl", "orphan": "gone",
	} {
		modules[name] = kernelModule{name: name, depends: strings.FieldsFunc(depends, func(r rune) bool { return r == ',' })}
	}
	order, err := loadOrder(modules, map[string]bool{"virtio": true}, []string{"zfs", "spl"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range order {
		names = append(names, m.name)
	}
	if got, want := strings.Join(names, " "), "spl znvpair zcommon icp zavl zfs"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, wanted := range []string{"orphan", "nothing"} {
		if _, err := loadOrder(modules, nil, []string{wanted}); err == nil {
			t.Errorf("%s: no error", wanted)
		}
	}
	if _, err := loadOrder(modules, nil, []string{"spl"}); err == nil || !strings.Contains(err.Error(), "virtio") {
		t.Errorf("a driver that is neither a file nor built in: %v", err)
	}
}

func TestReadBuiltin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "modules.builtin")
	if err := os.WriteFile(file, []byte("kernel/drivers/virtio/virtio.ko\nkernel/drivers/char/hw_random/virtio-rng.ko\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readBuiltin(file)
	if err != nil || len(got) != 2 || !got["virtio"] || !got["virtio_rng"] {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestReadModuleRefuses(t *testing.T) {
	if _, err := readModule(os.Args[0]); err == nil { // an ELF file, but no module
		t.Error("a program was taken for a module")
	}
	if _, err := libraryClosure(t.TempDir(), nil, []string{"libgone.so.1"}); err == nil ||
		!strings.Contains(err.Error(), "libgone.so.1") {
		t.Errorf("missing library: %v", err)
	}
}
