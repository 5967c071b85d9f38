// Tells which interpreter this is: packages that were built for one serve no other.
console.log(
  JSON.stringify({
    executable: process.execPath,
    version: process.version,
    abi: process.versions.modules,
    platform: `${process.platform}-${process.arch}`,
    libc: process.report.getReport().header.glibcVersionRuntime ?? "",
    path: process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin",
  }),
);
