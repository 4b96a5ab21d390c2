// Package manpage makes manual pages of a program's commands, from what their help says, so that both can't differ.
//
//	book := manpage.Book{Section: "8", Source: "zferry", Manual: "spanstack", SeeAlso: []string{"zfs(8)"}}
//	err := book.Write(w, cmd)
//
// The help of a [cobra.Command] is text. A page needs to know more of it, so the text has to have a form, which reads well as it is:
//
//   - Paragraphs have blank lines between them.
//   - "Exit codes:", "Signals:", "Environment:" and "Files:" as the first line of a paragraph make a section of the rest of it.
//   - Lines that are indented are a list if they have two blanks after the term that they are about; lines below it that are
//     indented as far as the explanation go on with it. Other lines that are indented stay as they are.
//   - Examples are command lines, each with two blanks before what is to be said about it, or none of that.
//
// It is for commands of this module. (The generator that comes with cobra goes by way of Markdown, which takes stars for emphasis,
// and has no sections for what administrators look up first.)
package manpage

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Book is what all pages of a program have in common.
type Book struct {
	Section string // of the manual: "1", or "8" for those who administer a system
	Source  string // the program, and its version if it has one
	Manual  string // the title in the middle of a page's head
	SeeAlso []string
}

// sections are those that a paragraph of a help may begin, and where pages have them.
var sections = []struct{ help, page string }{
	{"Exit codes:", "EXIT STATUS"}, {"Signals:", "SIGNALS"}, {"Environment:", "ENVIRONMENT"}, {"Files:", "FILES"},
}

// Name returns the name of a command's page: "zferry-daemon-run" of "zferry daemon run".
func Name(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// Commands returns a command and all below it that users see: those that have a page. What is below cobra's "completion" says no
// more than that.
func Commands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, below := range cmd.Commands() {
		if cmd.Name() == "completion" {
			break
		}
		if below.IsAvailableCommand() {
			list = append(list, Commands(below)...)
		}
	}
	return list
}

// Write writes the page of a command, as troff's macros "man" have it. That of a command is always the same: it has no date.
func (b *Book) Write(w io.Writer, cmd *cobra.Command) error {
	p := &page{}
	p.line(".TH", quote(strings.ToUpper(Name(cmd))), quote(b.Section), `""`, quote(b.Source), quote(b.Manual))
	p.line(".nh\n.ad l") // a name with a hyphen in the wrong place is another one
	p.section("NAME")
	p.line(escape(Name(cmd) + " - " + lowerFirst(cmd.Short)))
	p.section("SYNOPSIS")
	p.line(synopsis(cmd))
	p.section("DESCRIPTION")
	description, others := parts(cmd)
	p.text(description)
	p.commands(b.Section, cmd)
	p.options(cmd)
	for _, s := range sections {
		if text := others[s.page]; text != "" {
			p.section(s.page)
			p.text(text)
		}
	}
	p.examples(cmd.Example)
	p.seeAlso(b, cmd)
	_, err := io.WriteString(w, p.String())
	return err
}

// parts returns the text of a command's help, and what of it is sections of their own.
func parts(cmd *cobra.Command) (description string, others map[string]string) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	others = make(map[string]string)
	var rest []string
paragraphs:
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		for _, s := range sections {
			if list, ok := strings.CutPrefix(paragraph, s.help+"\n"); ok {
				others[s.page] = list
				continue paragraphs
			}
		}
		rest = append(rest, paragraph)
	}
	return strings.Join(rest, "\n\n"), others
}

// page is the text of a page.
type page struct{ strings.Builder }

func (p *page) line(words ...string) {
	p.WriteString(strings.Join(words, " "))
	p.WriteByte('\n')
}

func (p *page) section(title string) { p.line(".SH", title) }

// term begins an item of a list. Its explanation follows.
func (p *page) term(text string) { p.line(".TP\n" + text) }

// synopsis returns how a command is called: what is typed bold, what stands for something else in italics.
func synopsis(cmd *cobra.Command) string {
	typed := len(strings.Fields(cmd.CommandPath()))
	var words []string
	for i, word := range strings.Fields(cmd.UseLine()) {
		switch {
		case i < typed:
			word = `\fB` + escape(word) + `\fR`
		case strings.ContainsFunc(word, unicode.IsUpper):
			word = `\fI` + escape(word) + `\fR`
		default:
			word = escape(word)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// commands lists those that are below a command.
func (p *page) commands(section string, cmd *cobra.Command) {
	below := Commands(cmd)[1:]
	if len(below) > 0 {
		p.section("COMMANDS")
	}
	for _, c := range below {
		p.term(reference(Name(c), section))
		p.line(escape(c.Short + "."))
	}
}

// options lists the flags of a command, as its help does.
func (p *page) options(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	flags := cmd.Flags()
	flags.AddFlagSet(cmd.InheritedFlags())
	p.section("OPTIONS")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		term := `\fB` + escape("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			term = `\fB` + escape("-"+f.Shorthand) + `\fR, ` + term
		}
		if value != "" && f.NoOptDefVal == "" {
			term += ` \fI` + escape(value) + `\fR`
		}
		p.term(term)
		p.line(escape(usage + defaultOf(f)))
	})
}

// defaultOf says what a flag is if it isn't given, unless that is nothing.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "0s", "false", "[]", "<nil>":
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// examples lists command lines, with what is said about them.
func (p *page) examples(text string) {
	if text == "" {
		return
	}
	p.section("EXAMPLES")
	for line := range strings.Lines(text) {
		command, about, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if about = strings.TrimLeft(about, " #"); strings.HasPrefix(command, "# ") { // about the line above, which was too long
			command, about = "", command[2:]
		}
		if command != "" {
			p.term(`\fB` + escape(command) + `\fR`)
		}
		if about == "" {
			about = "\u00a0" // an item needs something
		}
		p.line(escape(about))
	}
}

// seeAlso names the pages around a command's, and those of others.
func (p *page) seeAlso(b *Book, cmd *cobra.Command) {
	var list []string
	if cmd.HasParent() {
		list = append(list, reference(Name(cmd.Parent()), b.Section))
		for _, c := range cmd.Parent().Commands() {
			if c != cmd && c.IsAvailableCommand() {
				list = append(list, reference(Name(c), b.Section))
			}
		}
	}
	for _, other := range b.SeeAlso {
		name, section, _ := strings.Cut(strings.TrimSuffix(other, ")"), "(")
		list = append(list, reference(name, section))
	}
	if len(list) > 0 {
		p.section("SEE ALSO")
		p.line(strings.Join(list, ",\n"))
	}
}

func reference(name, section string) string {
	return fmt.Sprintf(`\fB%s\fR(%s)`, escape(name), escape(section))
}

func lowerFirst(s string) string {
	if len(s) < 2 || unicode.IsUpper(rune(s[1])) { // such as a name in capitals
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func quote(s string) string { return `"` + strings.ReplaceAll(escape(s), `"`, `\(dq`) + `"` }

// escapes are characters that mean something to troff, or that it shows as others.
var escapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`)

// escape returns a text as troff shows it.
func escape(s string) string {
	s = escapes.Replace(s)
	var b strings.Builder
	for _, r := range s {
		if r < 0x7f {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	s = b.String()
	if strings.HasPrefix(s, ".") {
		s = `\&` + s // a line that begins so is a request
	}
	return s
}
