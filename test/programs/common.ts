// Common programs, each with something to do that a filter of system calls could break: shell command lines that print one line.

export type CommonProgram = {
  readonly name: string;
  /** Programs that it takes, by their names or paths. */
  readonly needs: readonly string[];
  readonly source: string;
  readonly prints: string;
};

/** A C program in a file of its own, compiled with what is given. */
const compiled = (name: string, body: string, flags = "") =>
  `cat >${name}.c <<'END'\n${body}\nEND\ngcc ${flags} -o ${name} ${name}.c && `;

const go = "/usr/local/go/bin/go";

export const commonPrograms: readonly CommonProgram[] = [
  {
    name: "pip installs a wheel",
    needs: ["python3", "pip3"],
    source: `mkdir -p wheel/made-1.dist-info && cd wheel && echo 'answer = 42' >made.py &&
printf 'Metadata-Version: 2.1\\nName: made\\nVersion: 1\\n' >made-1.dist-info/METADATA &&
printf 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n' >made-1.dist-info/WHEEL &&
printf 'made.py,,\\nmade-1.dist-info/METADATA,,\\nmade-1.dist-info/WHEEL,,\\nmade-1.dist-info/RECORD,,\\n' >made-1.dist-info/RECORD &&
python3 -m zipfile -c ../made-1-py3-none-any.whl made.py made-1.dist-info && cd .. &&
pip3 install -q --no-index --target site made-1-py3-none-any.whl 2>/dev/null && PYTHONPATH=site python3 -c 'import made; print(made.answer)'`,
    prints: "42",
  },
  {
    name: "numpy multiplies matrices in threads",
    needs: ["python3", "/usr/lib/python3/dist-packages/numpy"],
    source: `python3 -c 'import numpy; a = numpy.ones((600, 600)); print(int((a @ a).sum()))'`,
    prints: "216000000",
  },
  {
    name: "Python's pools of processes and shared memory",
    needs: ["python3"],
    source: `cat >pool.py <<'END'
import multiprocessing as m
from multiprocessing import shared_memory
def square(n): return n * n
if __name__ == "__main__":
    memory = shared_memory.SharedMemory(create=True, size=16)
    with m.Pool(2) as pool: print(sum(pool.map(square, range(100))))
    memory.close(); memory.unlink()
END
python3 pool.py`,
    prints: "328350",
  },
  {
    name: "Python's asyncio with subprocesses and threads",
    needs: ["python3"],
    source: `python3 -c '
import asyncio, threading
async def main():
    child = await asyncio.create_subprocess_shell("cat", stdin=-1, stdout=-1)
    out, _ = await child.communicate(b"through")
    print(out.decode(), await asyncio.to_thread(threading.active_count) > 1)
asyncio.run(main())'`,
    prints: "through True",
  },
  {
    name: "npm installs a package",
    needs: ["npm", "node"],
    source: `mkdir -p made use && cd made && echo '{"name":"made","version":"1.0.0"}' >package.json && echo 'module.exports = 42' >index.js &&
npm pack --silent >/dev/null 2>&1 && cd ../use && echo '{"private":true}' >package.json &&
npm install --silent --offline --no-audit --no-fund ../made/made-1.0.0.tgz >/dev/null 2>&1; node -p 'require("made")'`,
    prints: "42",
  },
  {
    name: "Node's worker threads with shared memory",
    needs: ["node"],
    source: `node -e '
const { Worker } = require("worker_threads");
const shared = new Int32Array(new SharedArrayBuffer(4));
const source = "const { workerData } = require(\\"worker_threads\\"); for (let i = 0; i < 1000; i++) Atomics.add(workerData, 0, 1)";
const workers = [1, 2, 3].map(() => new Promise((done) => new Worker(source, { eval: true, workerData: shared }).on("exit", done)));
Promise.all(workers).then(() => console.log(shared[0]))'`,
    prints: "3000",
  },
  {
    name: "Node's files and streams, and io_uring asked for",
    needs: ["node"],
    source: `UV_USE_IO_URING=1 node -e '
const fs = require("fs");
const { pipeline } = require("stream/promises");
(async () => {
  await fs.promises.writeFile("big", Buffer.alloc(3e6, 7));
  await pipeline(fs.createReadStream("big"), require("zlib").createGzip(), fs.createWriteStream("big.gz"));
  await Promise.all(Array.from({ length: 50 }, (_, i) => fs.promises.writeFile("f" + i, "x")));
  const watcher = fs.watch(".", () => {}); watcher.close();
  console.log((await fs.promises.stat("big")).size, (await fs.promises.readdir(".")).filter((n) => /^f\\d+$/.test(n)).length);
})()'`,
    prints: "3000000 50",
  },
  {
    name: "Node's HTTP over the loopback",
    needs: ["node"],
    source: `node -e 'const s = require("http").createServer((q, r) => r.end("served")).listen(0, "127.0.0.1", async () => {
  console.log(await (await fetch("http://127.0.0.1:" + s.address().port)).text()); s.close(); process.exit(0) })'`,
    prints: "served",
  },
  {
    name: "gcc compiles, and threads of C run",
    needs: ["gcc"],
    source: `${compiled("threads", '#include <pthread.h>\n#include <stdio.h>\nstatic void *f(void *p) { ++*(int *)p; return 0; }\nint main(void) { int n = 0; for (int i = 0; i < 50; i++) { pthread_t t; pthread_create(&t, 0, f, &n); pthread_join(t, 0); } printf("%d\\n", n); }', "-pthread")}./threads`,
    prints: "50",
  },
  {
    name: "g++ with exceptions and std::thread",
    needs: ["g++"],
    source: `cat >t.cc <<'END'
#include <iostream>
#include <thread>
int main() { int n = 0; std::thread t([&] { try { throw 7; } catch (int e) { n = e; } }); t.join(); std::cout << n << std::endl; }
END
g++ -pthread -o tcc t.cc && ./tcc`,
    prints: "7",
  },
  {
    name: "make with parallel jobs",
    needs: ["make"],
    source:
      "printf 'all: a b c\\n\\t@cat $^\\na b c:\\n\\t@echo $@ >$@\\n' >Makefile && make -s -j3 | tr -d '\\n'; echo",
    prints: "abc",
  },
  {
    name: "cmake configures and builds",
    needs: ["cmake", "gcc", "make"],
    source: `mkdir -p cm && cd cm && printf 'int main(void) { return 0; }' >m.c && printf 'cmake_minimum_required(VERSION 3.5)\\nproject(m C)\\nadd_executable(m m.c)\\n' >CMakeLists.txt &&
cmake -S . -B build >/dev/null && cmake --build build >/dev/null && ./build/m && echo built`,
    prints: "built",
  },
  {
    name: "git commits, clones and packs",
    needs: ["git"],
    source: `git init -q repo && cd repo && git config user.email a@b && git config user.name a && echo x >f && git add f && git commit -qm one && git gc -q &&
cd .. && git clone -q repo copy 2>/dev/null && git -C copy log --format=%s`,
    prints: "one",
  },
  {
    name: "gdb runs a child and finds its crash",
    needs: ["gdb", "gcc"],
    source: `${compiled("crash", "int deep(int *p) { return *p; }\nint main(void) { return deep(0); }", "-g -O0")}gdb -q -batch -ex run -ex bt ./crash 2>/dev/null | grep -c 'deep (p=0x0)\\|main ()'`,
    // Where it stopped, and both frames.
    prints: "3",
  },
  {
    name: "gdb attaches to another process and changes it",
    needs: ["gdb", "gcc"],
    source: `${compiled("loop", "#include <sys/prctl.h>\nint main(void) { prctl(PR_SET_PTRACER, -1, 0, 0, 0); for (volatile int on = 1; on;) {} return 7; }", "-g -O0")}
./loop & pid=$!; sleep 0.3; gdb -q -batch -p $pid -ex 'set var on = 0' -ex detach >attached 2>&1; wait $pid; echo $?`,
    prints: "7",
  },
  {
    name: "strace follows its child",
    needs: ["strace"],
    source: `strace -f -e trace=execve -o trace sh -c 'true; /bin/true' && grep -c 'execve(.*= 0' trace`,
    prints: "2",
  },
  {
    name: "valgrind runs a program",
    needs: ["valgrind", "gcc"],
    source: `${compiled("leak", "#include <stdlib.h>\nint main(void) { volatile char *p = malloc(10); p = 0; return 0; }", "-g")}valgrind --leak-check=full ./leak 2>&1 | grep -c 'definitely lost: 10 bytes'`,
    prints: "1",
  },
  {
    // To link a program takes the whole library, which would have to be compiled first.
    name: "Go's compiler, a program of Go with its threads and collector",
    needs: [go],
    source: `printf 'package m\nfunc Sum(n []int) (s int) { for _, v := range n { s += v }; return s }\n' >m.go && GOCACHE=/tmp/gocache ${go} tool compile -p m -o m.o m.go && test -s m.o && echo compiled`,
    prints: "compiled",
  },
  {
    name: "Rust's compiler and its threads",
    needs: ["rustc"],
    source: `printf 'fn main() { let t = std::thread::spawn(|| 42); println!("{}", t.join().unwrap()); }' >m.rs && rustc m.rs && ./m`,
    prints: "42",
  },
  {
    name: "Java's compiler and its virtual machine",
    needs: ["java"],
    source: `cat >Main.java <<'END'
import java.util.stream.*;
public class Main { public static void main(String[] a) throws Exception {
  Thread t = new Thread(() -> System.gc()); t.start(); t.join();
  System.out.println(IntStream.range(0, 1000).parallel().sum()); } }
END
java Main.java`,
    prints: "499500",
  },
  {
    name: "Perl with fork and sockets",
    needs: ["perl"],
    source: `perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0) or die; if (!fork) { syswrite B, "child\\n"; exit } $l = <A>; wait; print $l'`,
    prints: "child",
  },
  {
    name: "Ruby with threads and a child",
    needs: ["ruby"],
    source: `ruby -e 'puts [Thread.new { 40 }.value, \`echo 2\`.to_i].sum'`,
    prints: "42",
  },
  {
    name: "PHP",
    needs: ["php"],
    source: `php -r 'file_put_contents("p", "42"); echo file_get_contents("p"), "\\n";'`,
    prints: "42",
  },
  {
    name: "SQLite with a write-ahead log",
    needs: ["sqlite3"],
    source: `sqlite3 d.db "pragma journal_mode=wal; create table t(n); insert into t values (41), (1); select sum(n) from t" | tail -1`,
    prints: "42",
  },
  {
    name: "PostgreSQL starts and answers",
    needs: ["postgres", "initdb", "psql"],
    source: `initdb -D pg -A trust -N >/dev/null 2>&1 && { postgres -D pg -k /tmp -h '' -F >pg.log 2>&1 & } &&
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do psql -h /tmp -d postgres -Atc 'select 6*7' 2>/dev/null && break; sleep 0.5; done; kill $!; wait`,
    prints: "42",
  },
  {
    name: "tar, gzip, xz and zstd",
    needs: ["tar", "gzip", "xz", "zstd"],
    source:
      "mkdir -p t && head -c 300000 /dev/urandom >t/f && tar czf t.tgz t && tar cJf t.txz t && tar --zstd -cf t.zst t && for a in t.tgz t.txz t.zst; do mkdir -p o && tar xf $a -C o && cmp t/f o/t/f || exit 1; done; echo same",
    prints: "same",
  },
  {
    name: "zip and unzip",
    needs: ["zip", "unzip"],
    source: "echo x >z && zip -q z.zip z && rm z && unzip -q z.zip && cat z",
    prints: "x",
  },
  {
    name: "curl from a server on the loopback",
    needs: ["curl", "python3"],
    source: `mkdir -p web && echo page >web/index.html && { python3 -m http.server -d web -b 127.0.0.1 8123 >/dev/null 2>&1 & } &&
curl -s --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:8123/; kill $!`,
    prints: "page",
  },
  {
    name: "rsync copies a tree",
    needs: ["rsync"],
    source: "mkdir -p r1 && echo x >r1/f && rsync -a r1/ r2/ && cat r2/f",
    prints: "x",
  },
  {
    name: "script with a pseudo terminal",
    needs: ["script"],
    source: "script -qec 'test -t 0 && stty size >/dev/null && echo terminal' /dev/null | tr -d '\\r'",
    prints: "terminal",
  },
  {
    name: "tmux with a server of its own",
    needs: ["tmux"],
    source: `tmux -L own -f /dev/null new-session -d 'echo from the pane >pane; tmux -L own wait-for -S done' && tmux -L own wait-for done; cat pane; tmux -L own kill-server 2>/dev/null; true`,
    prints: "from the pane",
  },
  {
    name: "ssh-keygen and ssh-agent",
    needs: ["ssh-keygen", "ssh-agent"],
    source: `ssh-keygen -q -t ed25519 -N '' -f key && ssh-agent sh -c 'ssh-add -q key && ssh-add -l' | grep -c ED25519`,
    prints: "1",
  },
  {
    name: "OpenSSL with TLS over the loopback",
    needs: ["openssl"],
    source: `openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=localhost 2>/dev/null && { openssl s_server -accept 8124 -key k.pem -cert c.pem -www >/dev/null 2>&1 & } &&
for i in 1 2 3 4 5 6 7 8 9 10; do echo | openssl s_client -connect 127.0.0.1:8124 2>/dev/null | grep -q 'Verify return code' && break; sleep 0.3; done; kill $!; openssl verify -CAfile c.pem c.pem`,
    prints: "c.pem: OK",
  },
  {
    name: "GnuPG makes a key and signs",
    needs: ["gpg"],
    source: `mkdir -m 700 -p gh && export GNUPGHOME=$PWD/gh && gpg --batch -q --passphrase '' --quick-gen-key a@b ed25519 sign never 2>/dev/null && echo x | gpg --batch -q -s 2>/dev/null | gpg -q 2>/dev/null; gpgconf --kill all`,
    prints: "x",
  },
  {
    name: "ffmpeg makes and reads a film",
    needs: ["ffmpeg", "ffprobe"],
    source: `ffmpeg -v error -f lavfi -i testsrc=d=1:s=64x64 -y f.mkv && ffprobe -v error -show_entries stream=width -of csv=p=0 f.mkv`,
    prints: "64",
  },
  {
    name: "vim edits a file",
    needs: ["vim"],
    source: "echo old >v && vim -u NONE -es -c '%s/old/new/' -c wq v </dev/null; cat v",
    prints: "new",
  },
  { name: "jq", needs: ["jq"], source: `echo '{"a":[40,2]}' | jq '.a|add'`, prints: "42" },
  {
    name: "awk and sort",
    needs: ["awk", "sort"],
    source: `seq 9 | sort -R --parallel=2 | awk '{ s += $1 } END { print s }'`,
    prints: "45",
  },
  {
    name: "flock, timeout, xargs and find",
    needs: ["flock", "timeout", "xargs", "find"],
    source:
      "mkdir -p many && touch many/1 many/2 many/3 && flock lock timeout 5 find many -type f | xargs -P 3 -n 1 echo | wc -l",
    prints: "3",
  },
];
