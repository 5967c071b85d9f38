// How this installation's microVMs are told from others in the runtime's list: by their names, and by labels.

/** The runtime's limit on names is 128 bytes; ours have about 70. */
const prefix = "msb-mcp";

export const installationLabel = "msb-mcp.installation";
export const sessionLabel = "msb-mcp.session";

export function machineName(installationId: string, sessionId: string): string {
  return `${prefix}-${installationId}-${sessionId}`;
}

/** The session of a name that `machineName` made for this installation; null for everybody else's. */
export function sessionOf(name: string, installationId: string): string | null {
  const start = `${prefix}-${installationId}-`;
  return name.startsWith(start) ? name.slice(start.length) : null;
}
