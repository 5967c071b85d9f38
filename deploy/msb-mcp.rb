# Homebrew formula of msb-mcp @VERSION@.
class MsbMcp < Formula
  desc "MCP server that runs code for AI agents in isolated sandboxes"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license "MIT"

  on_macos do
    on_arm do
      url "@URL msb-mcp-darwin-arm64.tar.gz@"
      sha256 "@SHA256 msb-mcp-darwin-arm64.tar.gz@"
    end
    on_intel do
      url "@URL msb-mcp-darwin-x64.tar.gz@"
      sha256 "@SHA256 msb-mcp-darwin-x64.tar.gz@"
    end
  end

  on_linux do
    on_arm do
      url "@URL msb-mcp-linux-arm64.tar.gz@"
      sha256 "@SHA256 msb-mcp-linux-arm64.tar.gz@"
    end
    on_intel do
      url "@URL msb-mcp-linux-x64.tar.gz@"
      sha256 "@SHA256 msb-mcp-linux-x64.tar.gz@"
    end
  end

  def install
    bin.install "msb-mcp"
    generate_completions_from_executable(bin/"msb-mcp", "completions")
  end

  service do
    run opt_bin/"msb-mcp"
    keep_alive crashed: true
    error_log_path var/"log/msb-mcp.log"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/msb-mcp --version")
  end
end
