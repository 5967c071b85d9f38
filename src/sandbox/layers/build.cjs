// Installs what .build/package.json lists into node_modules/, with npm. Its last line tells what there is then.
{
  const { spawnSync } = require("node:child_process");
  const { cpSync, existsSync, readdirSync, readFileSync } = require("node:fs");
  const layer = "/opt/msb/layer";
  const build = `${layer}/.build`;
  const { index } = JSON.parse(readFileSync(`${build}/settings.json`, "utf8"));
  const hasLock = existsSync(`${build}/package-lock.json`);
  for (const name of ["package.json", ...(hasLock ? ["package-lock.json"] : [])])
    cpSync(`${build}/${name}`, `${layer}/${name}`);
  const options = ["--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier", `--cache=${build}/cache`];
  if (index.kind === "url") options.push(`--registry=${index.url}`);
  const env = { ...process.env, HOME: `${build}`, NPM_CONFIG_LOGLEVEL: "http" };
  const { status, error } = spawnSync("npm", [hasLock ? "ci" : "install", ...options], {
    cwd: layer,
    env,
    stdio: "inherit",
  });
  if (error !== undefined) throw new Error(`npm could not be started: ${error.code}`);
  if (status !== 0) process.exit(status ?? 1);
  const modules = `${layer}/node_modules`;
  const names = (existsSync(modules) ? readdirSync(modules) : []).flatMap((name) =>
    name.startsWith("@") ? readdirSync(`${modules}/${name}`).map((inner) => `${name}/${inner}`) : [name],
  );
  const packages = names
    .filter((name) => existsSync(`${modules}/${name}/package.json`))
    .map((name) => ({ name, version: JSON.parse(readFileSync(`${modules}/${name}/package.json`, "utf8")).version }));
  console.log(`installed: ${JSON.stringify(packages)}`);
}
