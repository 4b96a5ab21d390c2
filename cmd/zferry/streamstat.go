package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/spanstack/spanstack/zfssend/zstream"
)

// maxListed is how many streams of a package stat lists.
const maxListed = 10000

// streamStat is what "zferry stream stat" tells. GUIDs are strings, since most readers of JSON round numbers of that size.
type streamStat struct {
	Kind         string                         `json:"kind"` // full, incremental, package
	To           string                         `json:"to"`
	Features     []string                       `json:"features"`
	Raw          bool                           `json:"raw"`
	BigEndian    bool                           `json:"big_endian"`
	Bytes        int64                          `json:"bytes"`
	LogicalBytes int64                          `json:"logical_bytes"`
	WireBytes    int64                          `json:"wire_bytes"`
	Streams      []streamOf                     `json:"streams"`
	Omitted      int                            `json:"omitted,omitempty"` // streams that are not listed
	Listed       int                            `json:"listed,omitempty"`  // datasets that the package lists with the snapshot it leads to
	Missing      int                            `json:"missing,omitempty"` // those of them whose snapshot is not in it
	Records      map[string]zstream.RecordStats `json:"records"`
	Whole        bool                           `json:"whole"`
	Error        string                         `json:"error,omitempty"`
}

// streamOf is the stream of one snapshot.
type streamOf struct {
	Offset   int64     `json:"offset"`
	To       string    `json:"to"`
	ToGUID   string    `json:"to_guid"`
	FromGUID string    `json:"from_guid,omitempty"`
	Created  time.Time `json:"created,omitzero"` // left out if JSON has no form for it
	Volume   bool      `json:"volume,omitempty"`
	Resumed  *resumed  `json:"resumed,omitempty"`
}

type resumed struct {
	Object uint64 `json:"object"`
	Offset uint64 `json:"offset"`
}

func newStreamStat() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "stat [flags] FILE",
		Short: "Say what is in a stream",
		Long: `stat says which snapshots are in a stream, with their GUIDs, what a receiver must support, and how many records and bytes
of which type it has. It checks the stream as "zferry stream verify" does. FILE may be - for the standard input.

Of a stream that is damaged or truncated it says what comes before that, and then the error.

` + streamExitCodesHelp,
		Example: `  zferry stream stat tank.zsend
  zferry stream stat --json tank.zsend | jq -r '.streams[].to'`,
		Args: exactly("one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			stdin, stdout, stderr := cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			if args[0] == "-" && isTerminal(stdin) {
				return errors.New("stream stat: the standard input is a terminal: name a FILE, or redirect it")
			}
			return fail(interruptible(cmd.Context(), func() error {
				stat, err := statStream(stdin, stderr, args[0])
				if stat != nil && asJSON {
					err = errors.Join(err, printJSON(stdout, stat))
				} else if stat != nil {
					err = errors.Join(err, stat.print(stdout))
				}
				return err
			}))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

// statStream reads a stream. There is no stat if not even its first record could be read.
func statStream(stdin io.Reader, stderr io.Writer, name string) (*streamStat, error) {
	in, size, err := openStream(stdin, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer in.Close()
	stat := &streamStat{Kind: "full", Streams: []streamOf{}, Records: map[string]zstream.RecordStats{}}
	v := zstream.Verifier{OnBegin: stat.add}
	if err = copyStream(&v, in, size, name, stderr); err == nil {
		err = v.Close()
	}
	stats := v.Stats()
	if err != nil {
		stat.Error = err.Error()
		err = fmt.Errorf("%s: %w", name, err)
	}
	if stats.Records[zstream.TypeBegin].Count == 0 {
		return nil, err
	}
	stat.To, stat.Features, stat.Raw, stat.BigEndian = stats.First.ToName, stats.All.Names(), stats.All.Has(zstream.FeatureRaw), stats.First.BigEndian
	stat.Bytes, stat.LogicalBytes, stat.WireBytes, stat.Whole = stats.Bytes, stats.LogicalBytes, stats.WireBytes, stats.Whole
	stat.Listed, stat.Missing = stats.Listed, stats.Missing
	if stats.First.FromGUID != 0 {
		stat.Kind = "incremental"
	}
	if stats.First.Compound {
		stat.Kind = "package"
	}
	for t, n := range stats.Records {
		if n.Count > 0 {
			stat.Records[zstream.RecordType(t).String()] = n
		}
	}
	return stat, err
}

func (s *streamStat) add(b zstream.Begin) error {
	if b.Compound {
		return nil
	}
	if len(s.Streams) == maxListed {
		s.Omitted++
		return nil
	}
	of := streamOf{Offset: b.Offset, To: b.ToName, ToGUID: guid(b.ToGUID), FromGUID: guid(b.FromGUID), Created: b.Creation, Volume: b.Volume}
	if y := of.Created.Year(); y < 0 || y > 9999 {
		of.Created = time.Time{}
	}
	if b.Features.Has(zstream.FeatureResuming) {
		of.Resumed = &resumed{b.ResumeObject, b.ResumeOffset}
	}
	s.Streams = append(s.Streams, of)
	return nil
}

// guid prints a GUID as zfs does; none is empty.
func guid(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func guids(all []uint64) (printed []string) {
	for _, n := range all {
		printed = append(printed, guid(n))
	}
	return printed
}

func (s *streamStat) print(w io.Writer) error {
	t := newTable(w)
	fmt.Fprintf(t, "kind\t%s\n", s.Kind)
	fmt.Fprintf(t, "to\t%s\n", s.To)
	fmt.Fprintf(t, "features\t%s\n", strings.Join(s.Features, ", "))
	fmt.Fprintf(t, "size\t%s\n", byteCount(s.Bytes))
	fmt.Fprintf(t, "data\t%s, of %s uncompressed\n", byteCount(s.WireBytes), byteCount(s.LogicalBytes))
	state := "whole and right"
	if !s.Whole {
		state = "NOT whole and right"
	}
	fmt.Fprintf(t, "state\t%s\n", state)
	if s.Missing > 0 {
		fmt.Fprintf(t, "missing\t%d of %s that the package lists\n", s.Missing, datasets(s.Listed))
	}
	fmt.Fprintf(t, "\nstream at\tto\tGUID\tincrement to GUID\n")
	for _, of := range s.Streams {
		from := of.FromGUID
		if from == "" {
			from = "-"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", of.Offset, of.To, of.ToGUID, from)
	}
	if s.Omitted > 0 {
		fmt.Fprintf(t, "and %d more\n", s.Omitted)
	}
	fmt.Fprintf(t, "\nrecords\tnumber\tpayload\n")
	for r := range zstream.RecordType(zstream.NumRecordTypes) {
		if n, ok := s.Records[r.String()]; ok {
			fmt.Fprintf(t, "%v\t%d\t%s\n", r, n.Count, byteCount(n.Payload))
		}
	}
	return t.flush()
}

// table aligns columns. Its errors come all from flush.
type table struct {
	*tabwriter.Writer
	out *bufio.Writer
}

func newTable(w io.Writer) table {
	out := bufio.NewWriter(w)
	return table{tabwriter.NewWriter(out, 0, 8, 2, ' ', 0), out}
}

func (t table) flush() error {
	t.Flush() // what fails in there is kept by out
	return t.out.Flush()
}

const tokenExitCodesHelp = `Exit codes:
    0  a token, which was decoded
    1  no token, or a damaged one, or one that could not be read; the message says why
    2  wrong flags or arguments
  130  interrupted by SIGINT or SIGTERM`

func newStreamToken() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "token [flags] TOKEN",
		Short: "Say what a resume token means",
		Long: `token decodes a resume token: the value of the property receive_resume_token of a dataset that was received in part. TOKEN may
be - to read it from the standard input. Values are those of "zfs send -nvt", in decimal.

A dataset of which nothing was received in part has no token: zfs then says -.

` + tokenExitCodesHelp,
		Example: `  zferry stream token 1-a0615f801-b8-789c6360...
  zfs get -H -o value receive_resume_token backup/home | zferry stream token -`,
		Args: exactly("one TOKEN"),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			stdin, stdout := cmd.InOrStdin(), cmd.OutOrStdout()
			if args[0] == "-" && isTerminal(stdin) {
				return errors.New("stream token: the standard input is a terminal: name a TOKEN, or redirect it; a - that zfs says is no token")
			}
			return fail(interruptible(cmd.Context(), func() error { return explainToken(stdin, stdout, args[0], asJSON) }))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

// tokenOf is a token as JSON.
type tokenOf struct {
	ToName          string   `json:"toname"`
	ToGUID          string   `json:"toguid"`
	FromGUID        string   `json:"fromguid,omitempty"`
	Object          uint64   `json:"object"`
	Offset          uint64   `json:"offset"`
	Bytes           uint64   `json:"bytes"`
	LargeBlocks     bool     `json:"largeblockok"`
	Embedded        bool     `json:"embedok"`
	Compressed      bool     `json:"compressok"`
	Raw             bool     `json:"rawok"`
	Saved           bool     `json:"savedok"`
	RedactSnapshots []string `json:"redact_snaps,omitempty"`
	BookSnapshots   []string `json:"book_redact_snaps,omitempty"`
	Unknown         []string `json:"unknown,omitempty"`
}

func explainToken(stdin io.Reader, stdout io.Writer, arg string, asJSON bool) error {
	if arg == "-" {
		line, err := io.ReadAll(io.LimitReader(stdin, 2<<20))
		if err != nil {
			return err
		}
		arg = strings.TrimSpace(string(line))
	}
	if arg == "" || arg == "-" {
		return errors.New("there is no token: nothing was received in part")
	}
	token, err := zstream.ParseToken(arg)
	if err != nil {
		return err
	}
	of := tokenOf{ToName: token.ToName, ToGUID: guid(token.ToGUID), FromGUID: guid(token.FromGUID), Object: token.Object, Offset: token.Offset,
		Bytes: token.Bytes, LargeBlocks: token.LargeBlocks, Embedded: token.Embedded, Compressed: token.Compressed, Raw: token.Raw,
		Saved: token.Saved, RedactSnapshots: guids(token.RedactSnapshots), BookSnapshots: guids(token.BookmarkRedactSnapshots),
		Unknown: token.Unknown}
	if asJSON {
		return printJSON(stdout, of)
	}
	t := newTable(stdout)
	fmt.Fprintf(t, "toname\t%s\ntoguid\t%s\n", of.ToName, of.ToGUID)
	if of.FromGUID != "" {
		fmt.Fprintf(t, "fromguid\t%s\n", of.FromGUID)
	}
	fmt.Fprintf(t, "object\t%d\noffset\t%d\nbytes\t%d (%s)\n", of.Object, of.Offset, of.Bytes, byteCount(int64(min(of.Bytes, 1<<63-1))))
	for _, f := range []struct {
		name string
		set  bool
	}{{"largeblockok", of.LargeBlocks}, {"embedok", of.Embedded}, {"compressok", of.Compressed}, {"rawok", of.Raw}, {"savedok", of.Saved}} {
		if f.set {
			fmt.Fprintf(t, "%s\tyes\n", f.name)
		}
	}
	if of.RedactSnapshots != nil {
		fmt.Fprintf(t, "redact_snaps\t%s\n", strings.Join(of.RedactSnapshots, ", "))
	}
	if of.BookSnapshots != nil {
		fmt.Fprintf(t, "book_redact_snaps\t%s\n", strings.Join(of.BookSnapshots, ", "))
	}
	if of.Unknown != nil {
		fmt.Fprintf(t, "unknown\t%q\n", of.Unknown)
	}
	return t.flush()
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
