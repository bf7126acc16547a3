package report

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// Machine is where a report comes from, and the versions of what was measured.
type Machine struct {
	Processor string
	Cores     int
	System    string
	Go        string
	Peers     []Peer
}

// Peer is a module that was measured.
type Peer struct{ Path, Version string }

// ThisMachine describes the machine and, of the modules that are built into this
// program, those with the given paths.
func ThisMachine(paths ...string) Machine {
	m := Machine{Processor: processor(), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	for _, module := range info.Deps {
		if slices.Contains(paths, module.Path) {
			m.Peers = append(m.Peers, Peer{module.Path, module.Version})
		}
	}
	return m
}

// processor is the model as Linux tells it, else the architecture.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

func (m Machine) markdown() string {
	peers := make([]string, len(m.Peers))
	for i, peer := range m.Peers {
		peers[i] = peer.Path + " " + peer.Version
	}
	return fmt.Sprintf("- Machine: %s, %d cores, %s, %s\n- Peers: %s\n", m.Processor, m.Cores, m.System, m.Go, strings.Join(peers, ", "))
}
