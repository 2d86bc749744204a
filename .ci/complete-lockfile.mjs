/**
 * `node .ci/complete-lockfile.mjs` after `npm install` behind a registry mirror that lacks some platforms' builds: npm then
 * leaves them out of package-lock.json, and `npm ci` refuses the file everywhere. Each optional dependency that a locked
 * package names and the file lacks is added with its exact version and the platform that its name says. Such an entry has
 * no integrity; npm installs it only on that platform.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = new URL('../package-lock.json', import.meta.url);
const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const CPU = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const LIBC = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' };

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const added = [];
for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  if (path === '') continue;
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const key = `node_modules/${name}`;
    if (lock.packages[key] !== undefined || lock.packages[`${path}/${key}`] !== undefined) continue;
    const words = name.split(/[-/]/);
    const os = words.filter((word) => OS.includes(word));
    const cpu = words.filter((word) => CPU.includes(word));
    if (os.length === 0 || cpu.length === 0) throw new Error(`${name}: its name does not say for which platform it is`);
    const libc = words.flatMap((word) => LIBC[word] ?? []);
    lock.packages[key] = { version, cpu, ...(dev && { dev }), ...(libc.length > 0 && { libc }), optional: true, os };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`${added.length} added${added.length > 0 ? `: ${added.join(', ')}` : ''}\n`);
