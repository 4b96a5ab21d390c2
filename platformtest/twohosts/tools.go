package twohosts

import "github.com/spanstack/spanstack/platformtest/vm/machine"

// MemoryMiB is what the machine needs: the tools are in its memory, and so are pools in files.
const MemoryMiB = 4096

// Tools are what the machine has to have besides its image: ssh, ip, tc and nft, and syncoid, for comparisons.
func Tools() machine.ToolsOptions {
	return machine.ToolsOptions{
		Packages: []string{"openssh-server", "openssh-client", "iproute2", "nftables", "procps", "perl", "sanoid", "pv", "mbuffer", "lzop"},
		Modules:  []string{"veth", "sch_netem", "nf_tables", "nft_ct", "nft_reject_inet"},
	}
}
