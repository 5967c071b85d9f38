// Programs that tests try our files with and that few machines have. Installed from Debian's packages where we are root and apt-get is here.

/** How long the lists and the package may take each. */
const patienceMs = 180_000;

/** The program's path; undefined, having said so with the name of what is skipped, where it cannot be had. */
export function debianProgram(name: string, debianPackage: string, skipped: string): string | undefined {
  const path = Bun.which(name) ?? installed(name, debianPackage);
  if (path === null) console.warn(`SKIPPED: ${skipped}: there is no ${name} here (apt-get install ${debianPackage})`);
  return path ?? undefined;
}

function installed(name: string, debianPackage: string): string | null {
  const aptGet = Bun.which("apt-get");
  if (aptGet === null || process.getuid?.() !== 0) return null;
  const run = (...args: readonly string[]) =>
    Bun.spawnSync([aptGet, "-q", "-o", "DPkg::Lock::Timeout=120", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
      timeout: patienceMs,
    }).success;
  const install = () => run("install", "-y", "--no-install-recommends", debianPackage);
  // The lists of a new machine are missing or old.
  return install() || (run("update") && install()) ? Bun.which(name) : null;
}
