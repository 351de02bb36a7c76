// A small checkout: the project's real scripts and tools around an application that only says what it was
// started with.
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../../..')

const said = `
const words = process.argv.slice(2)
if (words.some((word) => word.endsWith('stay'))) {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => { console.log(signal); process.exit(7) })
  }
  setInterval(() => undefined, 60_000)
}
// Behind that: whoever reads it may send a signal at once.
console.log(JSON.stringify({ words, node: process.version, pid: process.pid }))
const code = words.find((word) => /^exit-\\d+$/.test(word))
if (code !== undefined) process.exitCode = Number(code.slice('exit-'.length))
`

/** Makes one in a directory. The electron package in it has no binary, whatever the real one has. */
export async function makeCheckout(directory: string): Promise<string> {
  const modules = path.join(directory, 'node_modules')
  await mkdir(modules, { recursive: true })
  await cp(path.join(root, 'build'), path.join(directory, 'build'), { recursive: true })
  await cp(path.join(root, 'package.json'), path.join(directory, 'package.json'))
  await mkdir(path.join(directory, 'cli'))
  await writeFile(path.join(directory, 'cli/holdfast.ts'), said)
  for (const name of await readdir(path.join(root, 'node_modules'))) {
    if (name !== 'electron') await symlink(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  await cp(path.join(root, 'node_modules/electron'), path.join(modules, 'electron'), {
    recursive: true,
    filter: (source) => !/[/\\]electron[/\\](dist|path\.txt)/.test(source),
  })
  return directory
}

/** An environment without a display, an Electron or a cache of this machine, as if typed at a prompt. */
export function bareEnvironment(directory: string, extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env }
  for (const name of Object.keys(environment)) {
    if (leftOut.includes(name) || /^npm_(lifecycle|command|package)/.test(name)) delete environment[name]
  }
  return { ...environment, HOLDFAST_CACHE: path.join(directory, 'cache'), ...extra }
}

const leftOut = [
  'NODE_COMPILE_CACHE',
  'DISPLAY',
  'WAYLAND_DISPLAY',
  'ELECTRON_OVERRIDE_DIST_PATH',
  'ELECTRON_MIRROR',
  'HOLDFAST_ELECTRON_STANDIN',
  'INIT_CWD',
]
