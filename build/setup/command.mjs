// The command line built into out/cli: one file instead of hundreds, without types to be taken out at each start.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { inProject, isProgram } from './project.mjs'
import { capture } from './run.mjs'

const sources = ['core', 'cli', 'assets/locales', 'package.json', 'package-lock.json']

/** Native modules, and what looks for files beside itself, as in electron.vite.config.ts. */
const external = [
  /^koffi/,
  /^@koromix\//,
  /^@photostructure\//,
  /^@napi-rs\//,
  /^msgpackr-extract$/,
  /^ssh2$/,
  /\.node$/,
]

/** A digest of name, size and time of every source: another one means that something has changed. */
function sourcesDigest() {
  const hash = createHash('sha256')
  /** @param {string} place */
  const add = (place) => {
    const { size, mtimeMs } = statSync(inProject(place))
    hash.update(`${place}\0${size}\0${mtimeMs}\n`)
  }
  for (const source of sources) {
    if (!statSync(inProject(source), { throwIfNoEntry: false })?.isDirectory()) {
      if (existsSync(inProject(source))) add(source)
      continue
    }
    for (const entry of readdirSync(inProject(source), { recursive: true, withFileTypes: true }))
      if (entry.isFile()) add(path.relative(inProject(), path.join(entry.parentPath, entry.name)))
  }
  return hash.digest('hex').slice(0, 16)
}

/**
 * The script of the command line: what was built of the sources as they are, made first where that can be, else the
 * sources themselves. Each build has a directory of its own: an agent that runs starts its workers from there.
 * @param {string} node
 */
export async function commandScript(node) {
  const source = { script: inProject('cli/holdfast.ts'), isBuilt: false }
  const directory = inProject('out/cli', sourcesDigest())
  const built = { script: path.join(directory, 'holdfast.js'), isBuilt: true }
  if (existsSync(built.script)) return built
  // Without the development dependencies, or where nothing may be written.
  if (!existsSync(inProject('node_modules/rolldown'))) return source
  const { status } = await capture(node, [inProject('build/setup/command.mjs'), directory], {
    timeoutMs: 60_000,
  })
  if (status !== 0 || !existsSync(built.script)) return source
  removeOldBuilds(path.dirname(directory))
  return built
}

/** Builds that stay: an agent that runs needs its own. */
const KEPT = 10
/** A directory that `commandScript` made: its name is a digest of the sources. */
const BUILD_NAME = /^[0-9a-f]{16}$/

/**
 * Removes all but the newest builds from out/cli; other names there are left alone.
 * @param {string} directory
 */
function removeOldBuilds(directory) {
  const builds = readdirSync(directory)
    .filter((name) => BUILD_NAME.test(name))
    .map((name) => ({
      place: path.join(directory, name),
      at: statSync(path.join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.at - a.at)
  for (const { place } of builds.slice(KEPT)) rmSync(place, { recursive: true, force: true })
}

/** As in electron.vite.config.ts. */
const jsonAsString = {
  name: 'json-as-string',
  transform: {
    filter: { id: /\.json$/ },
    /** @param {string} code */
    handler: (code) => ({
      code: `export default JSON.parse(${JSON.stringify(JSON.stringify(JSON.parse(code)))})`,
      moduleType: 'js',
    }),
  },
}

/**
 * Builds into a directory.
 * @param {string} directory
 */
export async function buildCommand(directory) {
  const { rolldown } = await import('rolldown')
  const workers = readdirSync(inProject('cli/workers'), { withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.ts'))
    .map(({ name }) => [`worker-${path.basename(name, '.ts')}`, inProject('cli/workers', name)])
  const bundle = await rolldown({
    input: { holdfast: inProject('cli/holdfast.ts'), ...Object.fromEntries(workers) },
    platform: 'node',
    external,
    plugins: [jsonAsString],
    logLevel: 'silent',
  })
  await bundle.write({ dir: directory, format: 'esm', chunkFileNames: '[name]-[hash].js' })
}

/**
 * Builds into a directory whose name appears when all of it is there.
 * @param {string} directory
 */
async function build(directory) {
  const { rename, rm } = await import('node:fs/promises')
  const temporary = `${directory}-${process.pid}`
  try {
    await buildCommand(temporary)
    await rename(temporary, directory)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

const wanted = process.argv[2]
if (isProgram(import.meta.url) && wanted !== undefined) await build(wanted)
