// What the Node runner promises to the programs that run in it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { rehearse } from "./rehearse.ts";
import { Prompt, spawnIn } from "./spawn.ts";

let prompt: Prompt;
beforeAll(async () => {
  prompt = await Prompt.start("node");
});
afterAll(() => prompt[Symbol.asyncDispose]());

rehearse(() => prompt, {
  "a last expression is printed as at the prompt, and undefined is not": [
    { source: "40 + 2", stdout: "42\n", result: "42" },
    { source: "_ * 2", stdout: "84\n", result: "84" },
    { source: "'text'", stdout: "'text'\n", result: "'text'" },
    { source: "let unused = 1", stdout: "", result: null },
    { source: "undefined", stdout: "", result: null },
    { source: "null", stdout: "null\n", result: "null" },
    { source: "{ a: 1, b: [2n, -0, Symbol('s')] }", stdout: "{ a: 1, b: [ 2n, -0, Symbol(s) ] }\n" },
    { source: "new Map([[1, { a: 2 }]])", stdout: "Map(1) { 1 => { a: 2 } }\n" },
    { source: "1; 2 // and no more", stdout: "2\n" },
    { source: "", stdout: "", result: null },
  ],
  "variables, functions and classes stay and may be declared again": [
    { source: "const x = 42; let y = 1; class A {}; function double(n) { return n * 2 }" },
    { source: "console.log(double(x), new A() instanceof A, y)", stdout: "84 true 1\n" },
    { source: "const x = 43; let y = 2; class A { b = 1 }; function double(n) { return n * 3 }" },
    { source: "console.log(double(x), new A().b, y)", stdout: "129 1 2\n" },
    {
      source: "x = 1",
      success: false,
      stderr: /^cell-\d+:1\nx = 1\n {2}\^\n\nTypeError: Assignment to constant variable/,
    },
  ],
  "a declaration may follow one of another kind": [
    { source: "const f = () => 1; let g = 1; var h = 1; function i() {}; const j = 1; class k {}" },
    {
      source:
        "function f() { return 2 }\nasync function g() { return 3 }\nlet h = 4; const i = 5; let j = 6; const k = 7",
    },
    { source: "[f(), await g(), h, i, j, k].join()", stdout: "'2,3,4,5,6,7'\n" },
    {
      source: "let twice = 1; let twice = 2",
      success: false,
      stderr: /SyntaxError: Identifier 'twice' has already been declared/,
    },
    { source: "globalThis.ran = 0", stdout: "0\n" },
    { source: "ran++; eval('let e; let e')", success: false, stderr: /SyntaxError: Identifier 'e' has already/ },
    { source: "ran", stdout: "1\n" },
  ],
  "top-level await works, with its value, its declarations and in loops": [
    { source: "const z = await new Promise((resolve) => setTimeout(resolve, 5, 6)); z * 7", stdout: "42\n" },
    { source: "z", stdout: "6\n" },
    { source: "for await (const n of [1, Promise.resolve(2)]) console.log(n)", stdout: "1\n2\n" },
    { source: "await Promise.resolve('value')", stdout: "'value'\n" },
    {
      source: "await 0; throw new TypeError('later')",
      success: false,
      stderr: /^cell-\d+:1\n.*\n {15}\^\n\nTypeError: later\n {4}at cell-\d+:1:16\n$/,
    },
  ],
  "modules can be had by require, import() and import statements": [
    { source: "require('node:fs').writeFileSync('mine.mjs', 'export default 5; export const named = 6'); undefined" },
    {
      source:
        "import mine, { named as other } from './mine.mjs'\nimport * as path from \"path\"; import 'node:os'\n[mine, other, path.basename('/a/b')]",
      stdout: "[ 5, 6, 'b' ]\n",
    },
    { source: "mine + other", stdout: "11\n" },
    { source: "(await import('./mine.mjs')).named", stdout: "6\n" },
    { source: "const load = () => import('node:path'); typeof (await load()).join", stdout: "'function'\n" },
    {
      source: "/import x from 'y'/.test(\"import x from 'y'\") && `import(0)` // import(2)",
      stdout: "'import(0)'\n",
    },
    {
      source: "import { missing } from './mine.mjs'",
      success: false,
      stderr: /SyntaxError: The requested module '\.\/mine\.mjs' does not provide an export named 'missing'/,
    },
    { source: "if (require.main === module) console.log('main')", stdout: "main\n" },
    { source: "__dirname === process.cwd() && typeof os.cpus", stdout: "'function'\n" },
  ],
  "import() works in code that is made of text": [
    ...[
      "eval(`import('node:path')`)",
      "(0, eval)(`import('node:path')`)",
      "globalThis.eval(`import('node:path')`)",
      "eval?.(`import('node:path')`)",
      "eval('eval(\"import(`node:path`)\")')",
      "new Function('name', 'return import(name)')('node:path')",
      "Function(`return import('node:path')`)()",
      "new globalThis.Function(`return eval(\"import('node:path')\")`)()",
    ].map((made) => ({ source: `typeof (await ${made}).join`, stdout: "'function'\n" })),
    {
      source:
        "const AsyncFunction = (async () => {}).constructor; typeof await new AsyncFunction(`return (await import('node:path')).join`)()",
      stdout: "'function'\n",
    },
    {
      source: "function within() { const here = 7; return eval('here') }; [within(), eval(8), eval(), eval('1, 2', 3)]",
      stdout: "[ 7, 8, undefined, 2 ]\n",
    },
    { source: "({ eval(x) { return x }, Function(x) { return x } }).eval('import(1)')", stdout: "'import(1)'\n" },
    { source: "new Function('a', 'b', 'return a + b')(1, 2)", stdout: "3\n" },
    { source: "eval('import a from \"b\"')", success: false, stderr: /SyntaxError: Cannot use import statement/ },
    { source: "(() => {}).constructor === Function && eval.name", stdout: "'eval'\n" },
  ],
  "a syntax error anywhere runs nothing": [
    {
      source: "console.log('never')\nlet w = ;",
      success: false,
      stdout: "",
      stderr: /^cell-\d+:2\nlet w = ;\n {8}\^\n\nSyntaxError: Unexpected token ';'\n$/,
    },
    { source: "console.log('never'); return 5", success: false, stdout: "", stderr: /SyntaxError: Illegal return/ },
  ],
  "an error shows the user's lines, also those of earlier runs, and none of the runner's": [
    { source: "let step = 1\nfunction fail() {\n\n  throw new Error('boo')\n}" },
    {
      source: "step = 2\nfail()\nstep = 3",
      success: false,
      stderr:
        /^cell-\d+:4\n {2}throw new Error\('boo'\)\n {8}\^\n\nError: boo\n {4}at fail \(cell-\d+:4:9\)\n {4}at cell-\d+:2:1\n$/,
    },
    { source: "step", stdout: "2\n" },
    { source: "throw 'text'", success: false, stderr: "Uncaught 'text'\n" },
    {
      source: "throw new Error('outer', { cause: new Error('inner') })",
      success: false,
      stderr: /^cell(?:.*\n)*.*cause\]: Error: inner/,
    },
  ],
  "process.exit ends the run and nothing else, past every catch and finally": [
    {
      source: "let kept = 1; process.stdout.write('bye'); process.exit(3)",
      success: false,
      exitCode: 3,
      stdout: "bye",
    },
    { source: "try { process.exit() } finally { console.log('never') }", success: true, exitCode: 0, stdout: "" },
    {
      source: "setTimeout(() => { try { process.exit(4) } catch {} }, 1); await new Promise(() => {})",
      success: false,
      exitCode: 4,
    },
    { source: "setTimeout(() => console.log('never'), 20); process.exit(5)", success: false, exitCode: 5 },
    { source: "await new Promise((resolve) => setTimeout(resolve, 40))", stdout: "" },
    { source: "process.exitCode = 6; undefined", success: false, exitCode: 6 },
    { source: "kept", stdout: "1\n" },
  ],
  "a run ends when what it has started has": [
    { source: "setTimeout(() => console.log('later'), 30); undefined", stdout: "later\n" },
    {
      source: "async function main() { await new Promise((r) => setTimeout(r, 20)); console.log('done') }\nmain(); 0",
      stdout: "0\ndone\n",
    },
    { source: "(async () => { await new Promise((r) => setTimeout(r, 20)); return 7 })()", stdout: "Promise { 7 }\n" },
    { source: "require('child_process').exec('echo out', (_, out) => console.log(out.trim())); 0", stdout: "0\nout\n" },
    { source: "require('fs').readFile('/dev/null', () => console.log('read')); 0", stdout: "0\nread\n" },
    { source: "Promise.resolve().then(() => console.log('micro')); undefined", stdout: "micro\n" },
  ],
  "a run does not wait for servers and intervals": [
    { source: "const interval = setInterval(() => {}, 10); 0", stdout: "0\n" },
    {
      source: "const server = require('http').createServer((_, answer) => answer.end('ok')).listen(0); 0",
      stdout: "0\n",
    },
    { source: "await (await fetch('http://127.0.0.1:' + server.address().port)).text()", stdout: "'ok'\n" },
    {
      source: "fetch('http://127.0.0.1:' + server.address().port).then((a) => a.text()).then(console.log); 0",
      stdout: "0\nok\n",
    },
    { source: "clearInterval(interval); server.closeAllConnections(); server.close(); 0", stdout: "0\n" },
  ],
  "an error that nobody catches ends its run and not the interpreter": [
    {
      source: "setTimeout(() => { throw new Error('in a callback') }, 1); await new Promise(() => {})",
      success: false,
      stderr: /Error: in a callback/,
    },
    {
      source: "Promise.reject(new TypeError('unhandled')); undefined",
      success: false,
      stderr: /^cell-\d+:1\n.*\n {15}\^\n\nTypeError: unhandled/,
    },
    {
      source:
        "process.once('uncaughtException', (e) => console.log('caught', e.message)); setTimeout(() => { throw new Error('mine') }, 1); 0",
      stdout: "0\ncaught mine\n",
    },
    { source: "'on'", stdout: "'on'\n" },
  ],
  "what threads compute belongs to the run that asked for it": [
    { source: "require('zlib').gzip('x', (_, packed) => console.log(packed.length)); 0", stdout: "0\n21\n" },
    { source: "require('crypto').scrypt('a', 'b', 64, (_, key) => console.log(key.length)); 0", stdout: "0\n64\n" },
    { source: "process.once('beforeExit', () => console.log('bye')); 0", stdout: "0\nbye\n" },
    { source: "process.removeAllListeners('beforeExit'); 0", stdout: "0\n" },
    { source: "1", stdout: "1\n" },
  ],
  "a signal of the program's own is its own": [
    { source: "process.kill(process.pid, 'SIGINT'); 'sent'", success: false, exitCode: 130, stdout: "'sent'\n" },
    { source: "process.kill(process.pid, 'SIGINT'); await new Promise(() => {})", success: false, exitCode: 130 },
    {
      source: "process.once('SIGINT', () => console.log('once')); process.kill(process.pid, 'SIGINT'); 0",
      stdout: "0\nonce\n",
    },
    {
      source: "process.on('SIGINT', () => console.log('mine')); process.kill(process.pid, 'SIGINT'); 0",
      stdout: "0\nmine\n",
    },
    { source: "require('child_process').execSync('kill -INT $PPID'); 0", stdout: "0\nmine\n" },
    {
      source: "process.on('SIGUSR2', () => console.log('other')); process.kill(process.pid, 'SIGUSR2'); 0",
      stdout: "0\nother\n",
    },
    { source: "process.removeAllListeners('SIGINT'); process.removeAllListeners('SIGUSR2'); 0", stdout: "0\n" },
    {
      source: "process.kill(process.pid, 'SIGINT'); 0",
      success: false,
      exitCode: 130,
    },
    { source: "1", stdout: "1\n" },
  ],
  "require and import follow the working directory": [
    {
      source:
        "const fs = require('fs'); fs.mkdirSync('there/node_modules/pack', { recursive: true }); fs.writeFileSync('there/here.cjs', 'module.exports = 1'); fs.writeFileSync('there/node_modules/pack/index.js', 'module.exports = 2')",
    },
    { source: "require('./here.cjs')", success: false, stderr: /Cannot find module '\.\/here\.cjs'/ },
    {
      source:
        "process.chdir('there'); [require('./here.cjs'), require('pack'), require.resolve('pack').endsWith('index.js')]",
      stdout: "[ 1, 2, true ]\n",
    },
    { source: "[(await import('./here.cjs')).default, (await import('pack')).default]", stdout: "[ 1, 2 ]\n" },
    {
      source:
        "[require.resolve.paths('pack')[0] === process.cwd() + '/node_modules', require.main === module, require('./here.cjs') === require.cache[require.resolve('./here.cjs')].exports]",
      stdout: "[ true, true, true ]\n",
    },
    { source: "process.chdir('..'); require('pack')", success: false, stderr: /Cannot find module 'pack'/ },
  ],
  "an error with properties, of its own or of one within it, is shown whole": [
    {
      source: "throw Object.assign(new Error('boo'), { code: 5 })",
      success: false,
      stderr: /\nError: boo\n {4}at cell-\d+:1:21 \{\n {2}code: 5\n\}\n$/,
    },
    {
      source: "throw new AggregateError([new Error('a'), Object.assign(new Error('b'), { c: 1 })], 'all')",
      success: false,
      stderr:
        /\nAggregateError: all\n {4}at cell-\d+:1:7 \{\n {2}\[errors\]: \[\n {4}Error: a\n {8}at cell-\d+:1:27,\n {4}Error: b\n {8}at cell-\d+:1:57 \{\n {6}c: 1\n {4}\}\n {2}\]\n\}\n$/,
    },
    {
      source: "setTimeout(() => { throw Object.assign(new Error('later'), { k: [1] }) }, 1); undefined",
      success: false,
      stderr: /\nError: later\n {4}at Timeout.*\(cell-\d+:1:40\) \{\n {2}k: \[ 1 \]\n\}\n$/,
    },
  ],
  "stdin is empty": [
    { source: "process.stdin.on('data', () => {}).on('end', () => console.log('end')); 0", stdout: "0\nend\n" },
    { source: "require('fs').readFileSync(0, 'utf8')", stdout: "''\n" },
  ],
  "an await that nothing can settle ends at once, with status 13": [
    {
      source: "let before = 1\nawait new Promise(() => {})",
      success: false,
      exitCode: 13,
      stderr: /^Warning: Detected unsettled top-level await at cell-\d+:2\nawait new Promise\(\(\) => \{\}\)\n\^\n$/,
    },
    { source: "before", stdout: "1\n" },
    ...["a", "b"].map((name) => ({
      source: `const ${name} = require('readline/promises').createInterface({ input: process.stdin }); await ${name}.question('? '); await 1`,
      success: false,
      exitCode: 13,
      stderr: /^Warning: Detected unsettled top-level await at cell-\d+\n$/,
    })),
    {
      source: "setTimeout(() => console.log('last'), 10); await new Promise(() => {})",
      success: false,
      exitCode: 13,
      stdout: "last\n",
      stderr: /^Warning: /,
    },
    { source: "process.exitCode = 4; await new Promise(() => {})", success: false, exitCode: 4, stderr: /^Warning: / },
    { source: "await new Promise((settle) => require('zlib').gzip('x', settle))", stdout: "null\n" },
    { source: "await new Promise((settle) => setTimeout(settle, 20, 'late'))", stdout: "'late'\n" },
    { source: "new Promise(() => {})", stdout: "Promise { <pending> }\n" },
  ],
  "output is exact, in order with that of child processes": [
    { source: "process.stdout.write('x'); undefined", stdout: "x" },
    {
      source:
        "console.log('1'); require('child_process').spawnSync('echo', ['2'], { stdio: 'inherit' }); console.log('3')",
      stdout: "1\n2\n3\n",
    },
    { source: "console.error('err')", stderr: "err\n" },
    {
      source: "process.stdout.write('y'.repeat(3_000_000)); process.exit(0)",
      stdout: "y".repeat(3_000_000),
      exitCode: 0,
    },
    { source: "process.stdout.end('last'); process.stdout.destroy(); undefined", stdout: "last" },
    { source: "console.log('again')", stdout: "again\n" },
    // A child of Node's makes the pipe that it inherits non-blocking, for all.
    {
      source:
        "require('child_process').execFileSync(process.execPath, ['-e', 'process.stdout'], { stdio: 'inherit' }); process.stdout.write('z'.repeat(3_000_000)); undefined",
      stdout: "z".repeat(3_000_000),
    },
  ],
  "names that the runner uses itself may be declared": [
    {
      source:
        "const JSON = 1, Promise = 2, setTimeout = 3, Object = 4, Error = 5, Map = 6, process = 7, Buffer = 8, String = 9",
    },
    { source: "JSON + Map", stdout: "7\n" },
    { source: "missing()", success: false, stderr: /ReferenceError: missing is not defined/ },
  ],
});

describe("an interrupt", () => {
  let fresh: Prompt;
  beforeAll(async () => {
    fresh = await Prompt.start("node");
  });
  afterAll(() => fresh[Symbol.asyncDispose]());

  for (const [what, source] of Object.entries({
    "a loop": "while (true) {}",
    "a loop that catches everything": "while (true) { try { while (true) {} } catch {} finally { while (true) {} } }",
    "a loop after an await": "await 0; while (true) {}",
    "a loop of awaits": "while (true) await 0",
    "a loop in a timer": "setTimeout(() => { console.log('on'); while (true) {} }, 1); await new Promise(() => {})",
    "a loop in a timer after the last statement":
      "setTimeout(() => { console.log('on'); while (true) {} }, 1); undefined",
    "a loop in a callback":
      "require('fs').readFile('/dev/null', () => { console.log('on'); while (true) {} }); await new Promise(() => {})",
    "a promise that never settles, while something else goes on":
      "setInterval(() => {}, 1000); await new Promise(() => {})",
    "a timer": "await new Promise((resolve) => setTimeout(resolve, 600_000))",
    "a timer of timers/promises": "await require('timers/promises').setTimeout(600_000)",
    "a connection": "await new Promise(() => require('net').createServer().listen(0))",
  })) {
    test(`ends ${what}, and the state stays`, async () => {
      await fresh.run("globalThis.kept = 'kept'");
      const ran = await fresh.interruptAfterOutput(source.includes("on')") ? source : `console.log('on')\n${source}`);
      expect(ran).toMatchObject({ ended: "interrupted", success: false, interpreterRestarted: false, stdout: "on\n" });
      expect(await fresh.run("kept")).toMatchObject({ stdout: "'kept'\n", stderr: "" });
    });
  }

  test("ends a first source, also where both come in one piece", async () => {
    await using first = await Prompt.start("node", (directory) => (argv, options) => {
      const guest = spawnIn(directory)(argv, options);
      let held = "";
      const write = (text: string) => {
        held += text;
        if (held.includes('"interrupt"')) guest.write(held);
      };
      return { ...guest, write };
    });
    // Until the control thread is there, which takes long on a busy machine.
    const patience = { interruptGraceMs: 30_000 };
    const { ended, interpreterRestarted } = await first.run("while (true) {}", AbortSignal.timeout(1), patience);
    expect({ ended, interpreterRestarted }).toEqual({ ended: "interrupted", interpreterRestarted: false });
  });

  test.each([
    ["a loop", "console.log('on'); while (true) {}"],
    ["a loop in a timer", "setTimeout(() => { console.log('on'); while (true) {} }, 1); undefined"],
  ])("is told as such for %s whose thread has nothing left to do before it hears of it", async (_, source) => {
    await using slow = await Prompt.start("node", (directory) => (argv, options) => {
      const program = argv.at(-1) ?? "";
      const text = readFileSync(program, "utf8");
      // The first word as if a termination had hit its hearer, and the next one late.
      const first = /parentPort\.postMessage\(\{ interrupt: target, forced: false, once \}\);/;
      const behindTermination = /terminations -= 1;\s*\}\);/;
      expect([text.match(first), text.match(behindTermination)]).toEqual([[expect.anything()], [expect.anything()]]);
      const pause = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);";
      writeFileSync(
        program,
        text.replace(first, "").replace(behindTermination, (found) => `${found}${pause}`),
      );
      return spawnIn(directory)(argv, options);
    });
    await slow.run("globalThis.kept = 'kept'");
    const ran = await slow.interruptAfterOutput(source, undefined, { interruptGraceMs: 30_000 });
    expect(ran).toMatchObject({ ended: "interrupted", success: false, interpreterRestarted: false, stdout: "on\n" });
    expect(await slow.run("kept")).toMatchObject({ stdout: "'kept'\n", stderr: "" });
  });

  test("ends a loop of timers for good", async () => {
    const loop = "for (let i = 0; ; i++) { console.log('tick'); await new Promise((r) => setTimeout(r, 1)) }";
    expect(await fresh.interruptAfterOutput(loop)).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
    expect(await fresh.run("await new Promise((r) => setTimeout(r, 30)); 1")).toMatchObject({ stdout: "1\n" });
  });

  test("reaches a run that waits for a child process once that has been ended", async () => {
    const source = "console.log('on'); require('child_process').execSync('echo $$ > child; exec sleep 600')";
    const ended = async () => {
      const pid = Number(await Bun.file(`${fresh.directory}/child`).text());
      process.kill(pid, "SIGKILL");
    };
    const ran = await fresh.interruptAfterOutput(source, () => void ended());
    expect(ran).toMatchObject({ ended: "interrupted", interpreterRestarted: false });
    expect(await fresh.run("kept")).toMatchObject({ stdout: "'kept'\n", stderr: "" });
  });

  test("leaves a promise that may be collected as garbage, as may that of a run that waits for ever", async () => {
    await fresh.run(
      "require('v8').setFlagsFromString('--expose-gc'); globalThis.collect = require('vm').runInNewContext('gc')",
    );
    const waiting =
      "let rounds = 0; setInterval(() => { collect(); if (++rounds === 20) console.log('on') }, 1); await new Promise(() => {})";
    expect(await fresh.interruptAfterOutput(waiting)).toMatchObject({
      ended: "interrupted",
      interpreterRestarted: false,
    });
    const collecting =
      "for (let i = 0; i < 20; i++) { collect(); await new Promise((r) => setTimeout(r, 1)) } 'collected'";
    expect(await fresh.run(collecting)).toMatchObject({ ended: "exited", stdout: "'collected'\n" });
  });

  test("that comes as a run ends never reaches the next one", async () => {
    for (let round = 0; round < 100; round++) {
      const abort = new AbortController();
      const running = fresh.run(`for (let i = 0; i < ${round * 50_000}; i++) {}`, abort.signal);
      setTimeout(() => abort.abort(), round % 4);
      const { ended, interpreterRestarted } = await running;
      expect(["exited", "interrupted"]).toContain(ended);
      expect(interpreterRestarted).toBe(false);
      expect(await fresh.run("1 + 1")).toMatchObject({ stdout: "2\n", stderr: "" });
    }
  });

  test("as a signal from outside ends the run that is on, and does nothing between runs", async () => {
    process.kill(fresh.interpreter.pid, "SIGINT");
    // A signal is not told when it has been taken notice of.
    await Bun.sleep(50);
    expect(await fresh.run("1")).toMatchObject({ stdout: "1\n", stderr: "" });
    const ran = await fresh.run("process.kill(process.pid, 'SIGINT'); await new Promise(() => {})");
    expect(ran).toMatchObject({ ended: "exited", success: false, exitCode: 130, interpreterRestarted: false });
    expect(await fresh.run("2")).toMatchObject({ stdout: "2\n", stderr: "" });
  });
});
