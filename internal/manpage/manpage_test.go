package manpage_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/internal/manpage"
	"github.com/spanstack/spanstack/internal/manpage/manpagetest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var book = manpage.Book{Section: "8", Source: "ferry", Manual: "spanstack", SeeAlso: []string{"zfs(8)", "zfs-send(8)"}}

// program has one of everything that a help can have.
func program() *cobra.Command {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "ferry", Short: "Carry what is to be carried", Run: run}
	carry := &cobra.Command{
		Use: "carry [flags] THING...", Short: "Carry things", Run: run,
		Long: `carry carries each THING: * stands for any, ** for all, and C:\things isn't one.
.dots and 'quotes' begin lines, too.

Names for what belongs together:

  light       feathers
  very heavy  stones,
              and lead

What stays as it is:

  command="ferry carry ~",restrict ` + "`x`" + `
  .and this

It goes on – and ends.

Exit codes:
    0  done
    1  failed, or there is
       nothing to carry
  130  interrupted
All else is a mistake.

Environment:
  NO_COLOR  no colours`,
		Example: `  ferry carry stone              it is heavy
  ferry carry 'any thing'
  ferry carry -r x | sort        # for programs
                                 # that can't sort`,
	}
	carry.Flags().BoolP("recursive", "r", false, "also what is in it")
	carry.Flags().StringP("to", "o", "home", "to `PLACE`")
	carry.Flags().StringArray("skip", nil, "leave out `THING`; may be repeated")
	carry.Flags().Int("secret", 0, "nobody sees it")
	_ = carry.Flags().MarkHidden("secret")
	root.AddCommand(carry, &cobra.Command{Use: "wait", Short: "Wait", Run: run}, &cobra.Command{Use: "hide", Hidden: true, Run: run})
	root.CompletionOptions.DisableDefaultCmd = true
	return root
}

// TestGolden compares pages with those of testdata, which were looked at.
func TestGolden(t *testing.T) {
	pages := manpage.Commands(program())
	if len(pages) != 3 {
		t.Errorf("there are %d pages", len(pages))
	}
	for _, cmd := range pages {
		var got bytes.Buffer
		if err := book.Write(&got, cmd); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", manpage.Name(cmd)+".8")
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s isn't as it was (%v): got\n%s", path, err, got.Bytes())
		}
	}
}

// TestShown wants to find in what groff shows what the help says, to the letter.
func TestShown(t *testing.T) {
	text := manpagetest.Show(t, &book, manpage.Commands(program())[1])
	for _, want := range []string{
		"FERRY-CARRY(8)", "ferry-carry - carry things", "ferry carry [flags] THING...",
		`carry carries each THING: * stands for any, ** for all, and C:\things isn't one. .dots and 'quotes' begin lines, too.`,
		"very heavy stones, and lead", "command=\"ferry carry ~\",restrict `x` .and this It goes on – and ends.",
		"-o, --to PLACE to PLACE (default home)", "-r, --recursive also what is in it", "--skip THING leave out THING; may be repeated",
		"EXIT STATUS 0 done 1 failed, or there is nothing to carry 130 interrupted All else is a mistake.", "ENVIRONMENT NO_COLOR no colours",
		"ferry carry stone it is heavy", "ferry carry -r x | sort for programs that can't sort",
		"SEE ALSO ferry(8), ferry-wait(8), zfs(8), zfs-send(8)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "hide") {
		t.Errorf("what is hidden is in\n%s", text)
	}
}
