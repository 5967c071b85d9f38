// Whom each policy lets a sandbox reach: one table, which the proxy of namespaces and the rules of microVMs are both held against.

export type NetworkCase = {
  readonly policy: string;
  readonly host: string;
  readonly port: number;
  /** What the name resolves to; a public address where it does not matter. */
  readonly address?: string;
  readonly isReached: boolean;
};

const reached = (policy: string, host: string, port: number, address?: string): NetworkCase => ({
  ...{ policy, host, port, isReached: true },
  ...(address !== undefined && { address }),
});
const refused = (policy: string, host: string, port: number, address?: string): NetworkCase => ({
  ...reached(policy, host, port, address),
  isReached: false,
});

const listed = "allow:api.example.com,db.example.com:5432,*.example.org,192.0.2.7,10.0.0.0/8:5432,[2001:db8::1]:443";

export const networkCases: readonly NetworkCase[] = [
  refused("none", "pypi.org", 443),
  ...["pypi.org", "files.pythonhosted.org", "registry.npmjs.org"].map((host) => reached("packages", host, 443)),
  refused("packages", "pypi.org", 80),
  refused("packages", "pypi.org", 22),
  refused("packages", "evil.pypi.org", 443),
  refused("packages", "pypi.org.evil.com", 443),
  refused("packages", "example.com", 443),
  refused("packages", "1.1.1.1", 443),
  refused("packages", "host.microsandbox.internal", 443),
  reached("public", "example.com", 443),
  reached("public", "example.com", 8080),
  reached("public", "1.1.1.1", 443),
  reached("public", "2606:4700:4700::1111", 443),
  refused("public", "host.microsandbox.internal", 8080),
  ...["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1"].map(
    (host) => refused("public", host, 80),
  ),
  reached(listed, "api.example.com", 443),
  reached(listed, "api.example.com", 80),
  refused(listed, "www.example.com", 443),
  refused(listed, "example.com", 443),
  reached(listed, "db.example.com", 5432),
  refused(listed, "db.example.com", 443),
  reached(listed, "example.org", 443),
  reached(listed, "a.b.example.org", 443),
  refused(listed, "badexample.org", 443),
  reached(listed, "192.0.2.7", 80),
  refused(listed, "192.0.2.8", 80),
  reached(listed, "10.9.8.7", 5432),
  refused(listed, "10.9.8.7", 5433),
  reached(listed, "2001:db8::1", 443),
  refused(listed, "2001:db8::2", 443),
  refused(listed, "host.microsandbox.internal", 443),
  reached("allow:host.microsandbox.internal:8080", "host.microsandbox.internal", 8080),
  refused("allow:host.microsandbox.internal:8080", "host.microsandbox.internal", 8081),
];

/** One that is public. */
export const somewhere = "93.184.215.14";
