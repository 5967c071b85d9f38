// A machine that has no image and no registry: the compiled program takes both languages' images from an archive, on first use.

import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { patienceMs } from "./patience.ts";
import { sessionOf, start, stdoutOf } from "./server.ts";

test(
  "the images of both languages come from an archive, and are there for the next server",
  async () => {
    const home = "/root/without-images";
    await mkdir(home);
    const env = { HOME: home };
    const flags = ["--flavor", "small=1:256"];
    {
      await using bare = await start({ env, flags });
      const { error } = await bare.call("execute_code", { code: "1" });
      expect(error?.message).toContain("python:3.13-slim");
    }
    {
      await using server = await start({ env, flags: [...flags, "--images-archive", "/images/default.tar"] });
      const python = await server.call("execute_code", { code: "x = 6 * 7; print('Hello from MCP!')" });
      expect(stdoutOf(python)).toBe("Hello from MCP!\n");
      const session_id = sessionOf(python);
      expect(stdoutOf(await server.call("execute_code", { code: "x", session_id }))).toBe("42\n");
      const node = await server.call("execute_code", { code: "await Promise.resolve(6 * 7)", template: "node" });
      expect(stdoutOf(node)).toBe("42\n");
    }
    await using next = await start({ env, flags });
    expect(stdoutOf(await next.call("execute_code", { code: "6 * 7" }))).toBe("42\n");
  },
  patienceMs,
);
