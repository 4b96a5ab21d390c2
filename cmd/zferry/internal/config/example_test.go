package config_test

import (
	"fmt"

	"github.com/spanstack/spanstack/cmd/zferry/internal/config"
)

func Example() {
	text := `
jobs:
  - name: home
    sorce: tank/home
    snapshot: {template: "auto_%Y-%m-%d", every: 1 hour}
`
	_, err := config.Parse("zferry.yml", []byte(text))
	for _, e := range config.Errors(err) {
		fmt.Println(e)
	}
	// Output:
	// zferry.yml:3:5: jobs[0].source: want a dataset, such as tank/home
	// zferry.yml:4:5: jobs[0].sorce: there is no such field; did you mean "source"?
	// zferry.yml:5:43: jobs[0].snapshot.every: "1 hour" is no time: want whole numbers with y, w, d, h, m or s, such as 10m, 1h30m, 1d or 2w
}
