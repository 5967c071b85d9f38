// The reference in Go: the official SDK's server over Streamable HTTP, with one tool that answers as our get_volume_path does.
// /mcp has no sessions, /session/mcp has those of 2025; both answer JSON.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type volumes struct {
	VolumeMappings []string `json:"volume_mappings"`
}

func getVolumePath(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, volumes, error) {
	return nil, volumes{VolumeMappings: []string{}}, nil
}

func main() {
	server := mcp.NewServer(&mcp.Implementation{Name: "reference", Version: "0"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "get_volume_path"}, getVolumePath)
	serve := func(*http.Request) *mcp.Server { return server }
	mux := http.NewServeMux()
	mux.Handle("/mcp", mcp.NewStreamableHTTPHandler(serve, &mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true}))
	mux.Handle("/session/mcp", mcp.NewStreamableHTTPHandler(serve, &mcp.StreamableHTTPOptions{JSONResponse: true}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/mcp\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}
