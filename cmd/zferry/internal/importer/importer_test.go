package importer_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
	"github.com/spanstack/spanstack/cmd/zferry/internal/importer"
)

var update = flag.Bool("update", false, "rewrite what is expected in testdata")

// TestGolden imports files, and compares the result and the notes. The result is one that the daemon accepts.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			i := importer.New()
			var rest []txtar.File
			want := map[string]string{}
			for _, f := range archive.Files {
				if strings.HasPrefix(f.Name, "expect.") {
					want[f.Name] = string(f.Data)
					continue
				}
				rest = append(rest, f)
				if err := i.Add(f.Name, f.Data); err != nil {
					t.Fatal(err)
				}
			}
			text, err := i.YAML()
			if err != nil {
				t.Errorf("config check wouldn't accept it: %v\n%s", err, text)
			}
			notes := ""
			for _, n := range i.Notes() {
				notes += n.String() + "\n"
			}
			if *update {
				archive.Files = append(rest, txtar.File{Name: "expect.yml", Data: text}, txtar.File{Name: "expect.notes", Data: []byte(notes)})
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want["expect.yml"] != string(text) {
				t.Errorf("got:\n%swant:\n%s", text, want["expect.yml"])
			}
			if want["expect.notes"] != notes {
				t.Errorf("got notes:\n%swant:\n%s", notes, want["expect.notes"])
			}
		})
	}
}

func TestWrong(t *testing.T) {
	for text, want := range map[string]string{
		"hello":                    "neither a zrepl.yml nor a sanoid.conf",
		"jobs:\n- {":               "f:2:3: ",
		"[tank]\nuse_template\n":   "f:2: want [SECTION] or NAME = VALUE",
		"use_template=a\n[tank]\n": "f:1: want [SECTION]",
	} {
		if err := importer.New().Add("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := importer.New().Add("f", nil); !errors.Is(err, importer.ErrUnknownKind) {
		t.Error(err)
	}
}

// FuzzAdd wants no panic, and that a result that is said to be right can be read.
func FuzzAdd(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if !strings.HasPrefix(file.Name, "expect.") {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		i := importer.New()
		if i.Add("f", data) != nil {
			return
		}
		if text, err := i.YAML(); err == nil {
			if _, err := config.Parse("f", text); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		}
		i.Notes()
	})
}
