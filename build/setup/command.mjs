// Builds the command line into out/cli: one file instead of hundreds, whose types need not be stripped at each start.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { commitAtBuild, httpOnDemand, readCommit, textsOnDemand } from './bundle.mjs'
import { inProject, isProgram } from './project.mjs'
import { capture } from './run.mjs'

const sources = ['core', 'cli', 'assets/locales', 'build/setup', 'package.json', 'package-lock.json']

/** Native modules, and packages that look for files beside themselves, as in electron.vite.config.ts. */
const external = [
  /^koffi/,
  /^@koromix\//,
  /^@photostructure\//,
  /^@napi-rs\//,
  /^msgpackr-extract$/,
  /^ssh2$/,
  /\.node$/,
]

/** Returns a digest of the commit, and of name, size and time of all sources: it differs after any change. */
function sourcesDigest() {
  const hash = createHash('sha256').update(`${readCommit()}\n`)
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
 * Returns the script of the command line: the build of the present sources, built first if possible, else the sources.
 * Each build has its own directory, as a running agent starts its workers from it.
 * @param {string} node
 */
export async function commandScript(node) {
  const source = { script: inProject('cli/holdfast.ts'), isBuilt: false }
  const directory = inProject('out/cli', sourcesDigest())
  const built = { script: path.join(directory, 'holdfast.js'), isBuilt: true }
  if (existsSync(built.script)) return built
  // Development dependencies are missing, or the directory is not writable.
  if (!existsSync(inProject('node_modules/rolldown'))) return source
  const { status } = await capture(node, [inProject('build/setup/command.mjs'), directory], {
    timeoutMs: 60_000,
  })
  if (status !== 0 || !existsSync(built.script)) return source
  removeOldBuilds(path.dirname(directory))
  return built
}

/** Number of builds to keep: a running agent needs its own. */
const KEPT = 10
/** A directory made by `commandScript`: its name is a digest of the sources. */
const BUILD_NAME = /^[0-9a-f]{16}$/

/**
 * Removes all but the newest builds from out/cli; other entries are kept.
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
    plugins: [textsOnDemand, httpOnDemand, commitAtBuild],
    logLevel: 'silent',
    // Short commands run on the user's Node.js: build/holdfast.mjs.
    transform: { target: 'node20.18' },
  })
  await bundle.write({
    ...{ dir: directory, format: 'esm', chunkFileNames: '[name]-[hash].js' },
    // The file has all that it imports: loading a file takes a millisecond or two.
    codeSplitting: { groups: [{ name: 'pipe', test: /cli.check.pipe\.ts$/ }] },
  })
}

/**
 * Builds into a directory that gets its name only when it is complete.
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
