// The reference in Go: mcp-go's server over Streamable HTTP, with one tool that answers as our get_volume_path does.
// /mcp has no sessions, /session/mcp has those of 2025.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

func getVolumePath(context.Context, mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultJSON(map[string][]string{"volume_mappings": {}})
}

func main() {
	reference := server.NewMCPServer("reference", "0")
	reference.AddTool(mcp.NewTool("get_volume_path"), getVolumePath)
	mux := http.NewServeMux()
	mux.Handle("/mcp", server.NewStreamableHTTPServer(reference, server.WithStateLess(true)))
	mux.Handle("/session/mcp", server.NewStreamableHTTPServer(reference, server.WithStateful(true)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s/mcp\n", listener.Addr())
	log.Fatal(http.Serve(listener, mux))
}
