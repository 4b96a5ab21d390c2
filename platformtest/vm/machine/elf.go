package machine

import (
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// libraryDirs are where Debian's packages put libraries; sudo has one of its own.
var libraryDirs = []string{"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib", "usr/lib", "usr/libexec/sudo"}

// libraryClosure returns the libraries that the programs need, directly and through other libraries, and those named in
// extra, as a map from each one's name to its path below root.
func libraryClosure(root string, programs, extra []string) (map[string]string, error) {
	found := map[string]string{}
	var add func(needer, name string) error
	scan := func(file string) error {
		f, err := elf.Open(filepath.Join(root, file))
		if err != nil {
			return err
		}
		defer f.Close()
		names, err := f.ImportedLibraries()
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		for _, name := range names {
			if err := add(file, name); err != nil {
				return err
			}
		}
		return nil
	}
	add = func(needer, name string) error {
		if found[name] != "" {
			return nil
		}
		for _, dir := range libraryDirs {
			file := filepath.Join(dir, name)
			if _, err := os.Stat(filepath.Join(root, file)); err == nil {
				found[name] = file
				return scan(file)
			}
		}
		return fmt.Errorf("find %s, which %s needs: not in any of the unpacked packages", name, needer)
	}
	for _, p := range programs {
		if err := scan(p); err != nil {
			return nil, err
		}
	}
	for _, name := range extra {
		if err := add("the recipe", name); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// A kernelModule is a module file and what its header says.
type kernelModule struct {
	name    string
	file    string
	depends []string // modules, by name
	aliases []string // patterns by which the kernel and modprobe find it, such as "block-major-7-*"
}

// readModule reads the .modinfo section of a module: NUL-terminated "key=value" texts, which modpost wrote.
func readModule(file string) (kernelModule, error) {
	m := kernelModule{file: file}
	f, err := elf.Open(file)
	if err != nil {
		return m, err
	}
	defer f.Close()
	s := f.Section(".modinfo")
	if s == nil {
		return m, fmt.Errorf("read %s: not a kernel module (no .modinfo)", file)
	}
	data, err := s.Data()
	if err != nil {
		return m, fmt.Errorf("read %s: %w", file, err)
	}
	for kv := range strings.SplitSeq(string(data), "\x00") {
		switch key, value, _ := strings.Cut(kv, "="); {
		case key == "name":
			m.name = value
		case key == "depends" && value != "":
			for d := range strings.SplitSeq(value, ",") {
				m.depends = append(m.depends, strings.ReplaceAll(d, "-", "_"))
			}
		case key == "alias":
			m.aliases = append(m.aliases, value)
		}
	}
	return m, nil
}

// findModules reads the modules below dir, by name.
func findModules(dir string) (map[string]kernelModule, error) {
	found := map[string]kernelModule{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(p) != ".ko" {
			return err
		}
		m, err := readModule(p)
		if err == nil {
			found[m.name] = m
		}
		return err
	})
	return found, err
}

// loadOrder returns wanted and what they depend on, each after its own dependencies. Names in builtin are left out:
// the kernel has them already.
func loadOrder(modules map[string]kernelModule, builtin map[string]bool, wanted []string) ([]kernelModule, error) {
	var order []kernelModule
	visited := map[string]bool{}
	var visit func(needer, name string) error
	visit = func(needer, name string) error {
		if visited[name] || builtin[name] {
			return nil
		}
		visited[name] = true
		m, ok := modules[name]
		if !ok {
			return fmt.Errorf("find module %s, which %s needs: no such file, and not in the kernel", name, needer)
		}
		for _, d := range m.depends {
			if err := visit(name, d); err != nil {
				return err
			}
		}
		order = append(order, m)
		return nil
	}
	for _, name := range wanted {
		if err := visit("the recipe", name); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// hasSymbol reports whether the symbol table of an ELF file has name.
func hasSymbol(file, name string) (bool, error) {
	f, err := elf.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return false, fmt.Errorf("read the symbols of %s: %w", file, err)
	}
	for _, s := range symbols {
		if s.Name == name {
			return true, nil
		}
	}
	return false, nil
}
