package importer_test

import (
	"fmt"

	"github.com/spanstack/spanstack/cmd/zferry/internal/importer"
)

func Example() {
	i := importer.New()
	if err := i.Add("crontab", []byte("0 3 * * * syncoid --no-sync-snap --sshport=2222 tank/home nas:pool/home\n")); err != nil {
		fmt.Println(err)
	}
	text, err := i.YAML()
	fmt.Print(string(text))
	fmt.Println(err, i.Notes()[0])
	// Output:
	// jobs:
	//   - name: tank-home
	//     source: tank/home
	//     replicate:
	//       targets:
	//         - to: nas:pool/home
	//       cron: "0 3 * * *"
	// <nil> crontab:1: tank/home: not carried over: --sshport=2222: put it into ~/.ssh/config of the daemon's user
}
