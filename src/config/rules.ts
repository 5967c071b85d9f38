// What must hold between options, beyond what each of them allows by itself.

import { authProblems } from "../http/auth/problems.ts";
import { beyondBackend } from "../sandbox/abilities.ts";
import { dataTemplate } from "../sandbox/data-template.ts";
import { unreachableSecrets } from "../sandbox/secrets.ts";
import { clusterProblems } from "./cluster.ts";
import { type Config, type OptionName, options } from "./options.ts";
import { unknownShares } from "./pool.ts";

export type Rule = {
  /** The rule is looked at only if each of these could be read. */
  readonly needs: readonly OptionName[];
  /** It matters to a server that starts, and to no other command. */
  readonly isOfServing?: boolean;
  /** What is wrong, a message a problem. */
  readonly check: (config: Config) => readonly string[];
};

/** What must hold between options. */
export const rules: readonly Rule[] = [
  {
    needs: ["auditFile", "auditSource"],
    check: ({ auditFile, auditSource }) =>
      auditSource && auditFile === undefined
        ? ["--audit-source (MCP_AUDIT_SOURCE): there is no audit file to write it into; give --audit-file as well"]
        : [],
  },
  {
    needs: ["transport", "transferDirs"],
    check: ({ transport, transferDirs }) =>
      transport === "http" && transferDirs.length > 0
        ? [
            "--transfer-dir (MCP_TRANSFER_DIR): callers over HTTP do not reach files of this machine; leave it out, or use --transport stdio",
          ]
        : [],
  },
  {
    needs: ["transport", "drainTimeoutMs"],
    check: ({ transport, drainTimeoutMs }) =>
      transport === "stdio" && drainTimeoutMs !== undefined
        ? [
            "--drain-timeout (MSB_MCP_DRAIN_TIMEOUT): a server on stdio ends with its only client; leave it out, or use --transport http",
          ]
        : [],
  },
  {
    needs: ["transport", "keepSessions"],
    check: ({ transport, keepSessions }) =>
      transport === "stdio" && keepSessions
        ? [
            "--keep-sessions (MSB_MCP_KEEP_SESSIONS): a server on stdio ends with its only client; leave it out, or use --transport http",
          ]
        : [],
  },
  {
    needs: [
      "cluster",
      "clusterSecret",
      "transport",
      "clusterAddress",
      "clusterPort",
      "clusterTlsCert",
      "clusterTlsKey",
      "clusterTlsCa",
    ],
    isOfServing: true,
    check: clusterProblems,
  },
  {
    needs: ["cleanupIntervalMs", "sessionTimeoutMs"],
    check: ({ cleanupIntervalMs, sessionTimeoutMs }) =>
      cleanupIntervalMs < sessionTimeoutMs
        ? []
        : [
            `--cleanup-interval (MSB_CLEANUP_INTERVAL): ${cleanupIntervalMs / 1000} is not allowed; it must be less than ` +
              `--session-timeout (MSB_SESSION_TIMEOUT), which is ${sessionTimeoutMs / 1000}`,
          ],
  },
  {
    needs: ["executionTimeoutMs", "maxExecutionTimeoutMs"],
    check: ({ executionTimeoutMs, maxExecutionTimeoutMs }) =>
      executionTimeoutMs <= maxExecutionTimeoutMs
        ? []
        : [
            `--execution-timeout (MSB_EXECUTION_TIMEOUT): ${executionTimeoutMs / 1000} is not allowed; it must be at most ` +
              `--max-execution-timeout (MSB_MAX_EXECUTION_TIMEOUT), which is ${maxExecutionTimeoutMs / 1000}`,
          ],
  },
  {
    needs: ["pool", "templates", "flavors", "maxSessions", "maxTotalMemoryMib"],
    check: ({ pool, templates, flavors, maxSessions, maxTotalMemoryMib = Number.POSITIVE_INFINITY }) => {
      const count = pool.reduce((sum, share) => sum + share.count, 0);
      const memoryMib = pool.reduce((sum, share) => sum + share.count * flavors[share.flavor].memoryMib, 0);
      return [
        // Whether its packages have been built is found out at the start.
        ...unknownShares(pool, [...templates, dataTemplate]),
        ...(count <= maxSessions
          ? []
          : [
              `--pool (MSB_MCP_POOL): ${count} sandboxes are not allowed; it must be at most --max-sessions (MSB_MAX_SESSIONS), ` +
                `which is ${maxSessions}`,
            ]),
        ...(memoryMib <= maxTotalMemoryMib
          ? []
          : [
              `--pool (MSB_MCP_POOL): ${memoryMib} MB is not allowed; it must be at most --max-total-memory-mb ` +
                `(MSB_MAX_TOTAL_MEMORY_MB), which is ${maxTotalMemoryMib}`,
            ]),
      ];
    },
  },
  {
    needs: ["network", "secrets"],
    check: ({ network, secrets }) =>
      unreachableSecrets(secrets, network).map(
        (problem) =>
          `--secret (MSB_MCP_SECRETS): ${problem}; allowed are hosts that --network (MSB_MCP_NETWORK) allows`,
      ),
  },
  {
    needs: ["backend", "network", "secrets", "interpreters"],
    check: ({ backend, network, secrets, interpreters }) =>
      backend === "auto" ? [] : beyondBackend(backend, network, secrets, interpreters),
  },
  ...(["maxTotalMemoryMib", "maxMemoryMibPerPrincipal"] as const).map(
    (name): Rule => ({
      needs: [name, "defaultFlavor", "flavors"],
      check: (config) => {
        const limit = config[name];
        const least = config.flavors[config.defaultFlavor].memoryMib;
        const { flag, variable } = options[name];
        return limit === undefined || limit >= least
          ? []
          : [
              `${flag} (${variable}): ${limit} is not allowed; it must be at least the memory of the default flavor ` +
                `(${config.defaultFlavor}), which is ${least}`,
            ];
      },
    }),
  ),
  {
    needs: ["auth", "authTokens", "authTokenFile", "oauthIssuer", "oauthAudience", "oauthScopes", "oauthJwksUrl"],
    check: (config) =>
      authProblems({
        mode: config.auth,
        tokens: config.authTokens,
        hasTokenFile: config.authTokenFile !== undefined,
        oauth: {
          scopes: config.oauthScopes,
          ...(config.oauthIssuer !== undefined && { issuer: config.oauthIssuer }),
          ...(config.oauthAudience !== undefined && { audience: config.oauthAudience }),
          ...(config.oauthJwksUrl !== undefined && { jwksUrl: config.oauthJwksUrl }),
        },
      }),
  },
];
