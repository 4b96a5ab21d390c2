package endpoint_test

import (
	"fmt"

	"github.com/spanstack/spanstack/cmd/zferry/internal/endpoint"
)

func Example() {
	for _, text := range []string{"tank/home", "root@nas:backup/home", "tls://nas:7443/backup/home", "-oProxyCommand=x:backup"} {
		e, err := endpoint.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%s on %q\n", e.Dataset, e.HostName())
	}
	// Output:
	// tank/home on ""
	// backup/home on "root@nas"
	// backup/home on "nas:7443"
	// -oProxyCommand=x:backup: "-oProxyCommand=x" is no host: want host or user@host
}
