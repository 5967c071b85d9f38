// What we add to a warm `1+1` on a microsandbox server: the bare RPC to the stub of one, and our binary in front of the same stub.

import { callTool, openSession, percentiles, post, timeInTurns } from "./warm.ts";

const runs = 500;

/** `stubUrl` is the stub's, `url` that of an msb-mcp in front of it. */
export async function measureStub(stubUrl: string, url: string): Promise<void> {
  console.log('\na warm execute_code("1+1") with --backend server, in milliseconds:\n');
  console.log("| language | way | median | p99 |\n|---|---|--:|--:|");
  for (const language of ["python", "node"]) {
    const sandbox = { sandbox: `bench-${language}`, namespace: `bench-${language}` };
    await rpc(stubUrl, "sandbox.start", { ...sandbox, config: { image: `microsandbox/${language}` } });
    const sessionId = await openSession(url, language);
    const bare = () => rpc(stubUrl, "sandbox.repl.run", { ...sandbox, language, code: "1+1", timeout: 10 });
    const overMcp = () => callTool(url, { code: "1+1", session_id: sessionId });
    const [bareMs, mcpMs] = await timeInTurns(runs, [bare, overMcp]);
    console.log(`| ${language} | the bare RPC | ${percentiles(bareMs)} |`);
    console.log(`| ${language} | over MCP | ${percentiles(mcpMs)} |`);
    await rpc(stubUrl, "sandbox.stop", sandbox);
  }
}

async function rpc(stubUrl: string, method: string, params: object): Promise<void> {
  const text = await post(`${stubUrl}/api/v1/rpc`, { jsonrpc: "2.0", id: "bench", method, params });
  if (!text.includes('"result"')) throw new Error(`${method}: ${text}`);
}
