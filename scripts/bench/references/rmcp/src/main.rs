//! The reference in Rust: rmcp's own server over Streamable HTTP, with one tool that answers as our get_volume_path does.
//! `/mcp` has no sessions and answers JSON; `/session/mcp` has the sessions of 2025 as rmcp configures them by default.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, Implementation, ServerCapabilities,
        ServerConfig,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::json;

#[derive(Clone)]
struct Reference;

impl ServerHandler for Reference {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("reference", "0"))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name != "get_volume_path" {
            return Err(ErrorData::invalid_params("unknown tool", None));
        }
        Ok(CallToolResult::structured(json!({ "volume_mappings": [] })).into())
    }
}

fn service(
    config: StreamableHttpServerConfig,
) -> StreamableHttpService<Reference, LocalSessionManager> {
    StreamableHttpService::new(
        || Ok(Reference),
        Arc::new(LocalSessionManager::default()),
        config,
    )
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let stateless = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let app = axum::Router::new()
        .nest_service("/mcp", service(stateless))
        .nest_service("/session/mcp", service(StreamableHttpServerConfig::default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/mcp", listener.local_addr()?);
    axum::serve(listener, app).await
}
