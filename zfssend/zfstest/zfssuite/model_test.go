package zfssuite_test

import (
	"crypto/sha256"
	"os/exec"
	"strings"
	"testing"

	"github.com/spanstack/spanstack/zfssend"
	"github.com/spanstack/spanstack/zfssend/zfstest"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfsmodel"
	"github.com/spanstack/spanstack/zfssend/zfstest/zfssuite"
)

func TestMain(m *testing.M) { zfstest.Main(m) }

// model is the model as a platform of the suite.
type model struct {
	*zfsmodel.Model
	client *zfssend.Client
}

func newModel(t *testing.T) *model {
	m := zfstest.Model(t)
	return &model{m, &zfssend.Client{Command: m.Command()}}
}

func (m *model) Client() *zfssend.Client { return m.client }

func (m *model) Root(testing.TB) string { return "tank" }

// lacks says what the model knows nothing of.
var lacks = map[string]string{"SendRedacted": "the model doesn't know redaction"}

func (m *model) Lacks(name string) string { return lacks[name] }

func (m *model) Write(t testing.TB, dataset, file string, data []byte) {
	t.Helper()
	if err := m.Model.Write(dataset, file, data); err != nil {
		t.Fatal(err)
	}
}

func (m *model) Contents(t testing.TB, snapshot string) map[string][sha256.Size]byte {
	t.Helper()
	sums, err := m.Model.Contents(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func (m *model) Use(t testing.TB, dataset string) (release func()) {
	t.Helper()
	use := func(inUse bool) {
		if err := m.Model.Use(dataset, inUse); err != nil {
			t.Fatal(err)
		}
	}
	use(true)
	return func() { use(false) }
}

func (m *model) FailingSnapshot(t testing.TB) string {
	t.Helper()
	const dataset = "tank/failing"
	out, err := exec.Command(m.Command()[0], append(m.Command()[1:], "create", dataset)...).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "already exists") {
			return dataset + "@1"
		}
		t.Fatalf("zfs create: %v\n%s", err, out)
	}
	m.Write(t, dataset, "file", make([]byte, 8<<20))
	if err := m.client.Snapshot(t.Context(), dataset+"@1"); err != nil {
		t.Fatal(err)
	}
	if err := m.Damage(dataset+"@1", "file"); err != nil {
		t.Fatal(err)
	}
	return dataset + "@1"
}

// TestModel: the model passes the suite.
func TestModel(t *testing.T) { zfssuite.Run(t, newModel(t)) }

// TestModelTranscripts: the model answers as real ZFS did when the transcripts were recorded.
func TestModelTranscripts(t *testing.T) { zfssuite.Transcripts(t, newModel(t)) }
