// Package manpagetest tests manual pages: those of a program have what readers look for, and groff has nothing to say about them.
package manpagetest

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/spanstack/spanstack/internal/manpage"
)

// Show has groff show a page as text, in one line without any more blanks than there have to be. Warnings are failures. Without groff
// the test is skipped, unless SPANSTACK_REQUIRE_GROFF is set.
func Show(t *testing.T, b *manpage.Book, cmd *cobra.Command) string {
	t.Helper()
	groff, err := exec.LookPath("groff")
	if err != nil {
		if os.Getenv("SPANSTACK_REQUIRE_GROFF") != "" {
			t.Fatal(err)
		}
		t.Skip("groff isn't installed")
	}
	var page bytes.Buffer
	if err := b.Write(&page, cmd); err != nil {
		t.Fatal(err)
	}
	show := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-ww", "-rLL=120n", "-P-cbou")
	show.Stdin = &page
	var stderr strings.Builder
	show.Stderr = &stderr
	out, err := show.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v: %s", manpage.Name(cmd), err, stderr.String())
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// Program looks at the pages of all commands of a program: what their help says of flags is there, and each that does something, and
// isn't cobra's own, has examples, and an exit status unless the page of the program has it.
func Program(t *testing.T, b *manpage.Book, root *cobra.Command) {
	t.Helper()
	for _, cmd := range manpage.Commands(root) {
		t.Run(manpage.Name(cmd), func(t *testing.T) {
			text := Show(t, b, cmd)
			cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
				value, usage := pflag.UnquoteUsage(f)
				if want := strings.TrimSpace("--" + f.Name + " " + value); !f.Hidden && (!strings.Contains(text, want) || !strings.Contains(text, usage)) {
					t.Errorf("%s isn't there, or %q", want, usage)
				}
			})
			if cmd.HasSubCommands() || cmd.Name() == "completion" {
				return
			}
			for _, section := range []string{"EXAMPLES", "EXIT STATUS"} {
				if !strings.Contains(text, " "+section+" ") && (section == "EXAMPLES" || !strings.Contains(root.Long, "Exit codes:")) {
					t.Errorf("it has no %s", section)
				}
			}
		})
	}
}
