// Prints deploy/docker/seccomp.json: the default profile of the Docker engine, as its own module has it, and behind it the system calls that
// bubblewrap requires. Run it here: go run . >../../deploy/docker/seccomp.json
package main

import (
	"encoding/json"
	"os"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// CLONE_NEWUSER, namespaces(7).
const newUser = 0x10000000

func main() {
	profile := seccomp.DefaultProfile()
	withUserNamespace := []specs.LinuxSeccompArg{
		{Index: 0, Value: newUser, ValueTwo: newUser, Op: specs.OpMaskedEqual},
	}
	// On s390 the flags are not the first argument of clone.
	notS390 := &seccomp.Filter{Arches: []string{"s390", "s390x"}}
	profile.Syscalls = append(profile.Syscalls,
		allow("bubblewrap makes the namespaces of a sandbox, with a user namespace that owns them", withUserNamespace, notS390, "clone"),
		allow("bubblewrap makes a second user namespace, in which the first one's limit forbids further ones", withUserNamespace, nil, "unshare"),
		allow("bubblewrap lays out the files of a sandbox; the kernel allows it in such namespaces only", nil, nil, "mount", "umount2", "pivot_root"),
		allow("bubblewrap names the sandbox; the kernel allows it in such namespaces only", nil, nil, "sethostname"),
		allow("every program of a sandbox enters its namespaces", nil, nil, "setns"),
	)
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(profile); err != nil {
		panic(err)
	}
}

func allow(why string, args []specs.LinuxSeccompArg, excludes *seccomp.Filter, names ...string) *seccomp.Syscall {
	rule := &seccomp.Syscall{Comment: "msb-mcp: " + why, Excludes: excludes}
	rule.Names = names
	rule.Action = specs.ActAllow
	rule.Args = args
	return rule
}
