// The Go SDK as a client that driven.ts drives: go-client <revision | auto> <url | command...>
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type order struct {
	ID        int            `json:"id"`
	Tool      string         `json:"tool"`
	Arguments map[string]any `json:"arguments"`
	Progress  bool           `json:"progress"`
	Cancel    int            `json:"cancel"`
}

var saying sync.Mutex

func say(line map[string]any) {
	saying.Lock()
	defer saying.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx := context.Background()
	revision, target := os.Args[1], os.Args[2:]
	client := mcp.NewClient(&mcp.Implementation{Name: "matrix", Version: "1"}, &mcp.ClientOptions{
		ProgressNotificationHandler: func(_ context.Context, request *mcp.ProgressNotificationClientRequest) {
			say(map[string]any{"id": request.Params.ProgressToken, "progress": request.Params.Message})
		},
	})
	options := &mcp.ClientSessionOptions{}
	if revision != "auto" {
		options.ProtocolVersion = revision
	}
	session, err := client.Connect(ctx, transport(target), options)
	if err != nil {
		log.Fatal(err)
	}
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		log.Fatal(err)
	}
	say(map[string]any{"revision": session.InitializeResult().ProtocolVersion, "tools": tools.Tools})
	cancels := map[int]context.CancelFunc{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var next order
		if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
			log.Fatal(err)
		}
		if next.Cancel != 0 {
			cancels[next.Cancel]()
			continue
		}
		callCtx, cancel := context.WithCancel(ctx)
		cancels[next.ID] = cancel
		go call(callCtx, session, next)
	}
	if err := session.Close(); err != nil {
		log.Fatal(err)
	}
}

func transport(target []string) mcp.Transport {
	if strings.HasPrefix(target[0], "http") {
		return &mcp.StreamableClientTransport{Endpoint: target[0]}
	}
	return &mcp.CommandTransport{Command: exec.Command(target[0], target[1:]...)}
}

func call(ctx context.Context, session *mcp.ClientSession, next order) {
	params := &mcp.CallToolParams{Name: next.Tool, Arguments: next.Arguments}
	if next.Progress {
		params.SetProgressToken(next.ID)
	}
	result, err := session.CallTool(ctx, params)
	if err == nil {
		say(map[string]any{"id": next.ID, "result": result})
		return
	}
	told := map[string]any{"message": err.Error()}
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		told["code"] = wire.Code
	}
	say(map[string]any{"id": next.ID, "error": told})
}
