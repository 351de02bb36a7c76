// The built application in out/: rebuilt when its sources have changed.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { projectEnvironment } from './node.mjs'
import { ifMissing, inProject, SetupError, say } from './project.mjs'
import { capture } from './run.mjs'

const sources = [
  'core',
  'electron',
  'renderer',
  'assets',
  'electron.vite.config.ts',
  'build/setup/bundle.mjs',
  'package.json',
  'package-lock.json',
]
const stamp = () => inProject('out/.sources')

/**
 * @param {string} place
 * @returns {AsyncGenerator<[string, import('node:fs').Stats]>}
 */
async function* filesUnder(place) {
  const found = await stat(place).catch(ifMissing(null))
  if (found === null) return
  if (!found.isDirectory()) {
    yield [place, found]
    return
  }
  for (const name of (await readdir(place)).sort()) yield* filesUnder(path.join(place, name))
}

/** Returns a digest of name, size and time of all source files: it differs after any change. */
export async function sourcesDigest(root = inProject()) {
  const hash = createHash('sha256')
  for (const source of sources) {
    for await (const [file, { size, mtimeMs }] of filesUnder(path.join(root, source))) {
      hash.update(`${path.relative(root, file)}\0${size}\0${mtimeMs}\n`)
    }
  }
  return hash.digest('hex')
}

/**
 * Builds the application if out/ does not match the present sources.
 * @param {string} node
 */
export async function ensureBuilt(node) {
  const digest = await sourcesDigest()
  const built = await readFile(stamp(), 'utf8').catch(ifMissing(null))
  if (built === digest) return
  say('Building the application ...')
  const result = await buildApplication(node, digest)
  if (result.status !== 0) {
    throw new SetupError(
      `The application could not be built:\n${`${result.stdout}\n${result.stderr}`.trim().slice(-8000)}`,
    )
  }
}

/**
 * Builds the application for its page, if necessary. Without the page, the agent does everything else.
 * @param {string} node
 */
export async function tryBuilding(node) {
  try {
    await ensureBuilt(node)
  } catch (thrown) {
    if (!(thrown instanceof SetupError)) throw thrown
    say(thrown.message)
  }
}

/**
 * Builds unconditionally. Returns electron-vite's output and status.
 * @param {string} node
 * @param {string} [digest] default: that of the present sources.
 */
export async function buildApplication(node, digest, { echo = false } = {}) {
  const wanted = digest ?? (await sourcesDigest())
  await rm(stamp(), { force: true })
  const result = await capture(
    node,
    [inProject('node_modules/electron-vite/bin/electron-vite.js'), 'build'],
    {
      cwd: inProject(),
      env: projectEnvironment(),
      timeoutMs: 600_000,
      echo,
    },
  )
  if (result.status === 0) {
    await mkdir(path.dirname(stamp()), { recursive: true })
    await writeFile(`${stamp()}-${process.pid}`, wanted)
    await rename(`${stamp()}-${process.pid}`, stamp())
  }
  return result
}
