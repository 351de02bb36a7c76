// Chooses the Electron that runs the application, in this order: ELECTRON_OVERRIDE_DIST_PATH, the installed one, the
// official download, and the stand-in if requested.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  declaredVersion,
  downloadOfficial,
  executableName,
  officialDirectory,
  rememberedFailure,
  rememberFailure,
} from './official.mjs'
import { SetupError, say } from './project.mjs'
import {
  ensureStandIn,
  STAND_IN_MARK,
  standIn,
  standInInstalled,
  standInPlatform,
  standInWanted,
} from './standin.mjs'

/** No Electron is installed, and none can be downloaded. */
export class NoElectron extends SetupError {}

const ELSE = 'Or set ELECTRON_OVERRIDE_DIST_PATH to the directory of an Electron that you have.'

/**
 * @typedef {{ directory: string, executable: string, version: string, standIn: boolean }} Electron
 * @param {string} directory
 * @returns {Promise<Electron>}
 */
async function described(directory) {
  const executable = path.join(directory, executableName())
  const version = await readFile(path.join(directory, 'version'), 'utf8').catch(() => 'unknown')
  return {
    directory,
    executable,
    version: version.trim().replace(/^v/, ''),
    standIn: existsSync(path.join(directory, STAND_IN_MARK)),
  }
}

/** @param {string} directory */
async function overridden(directory) {
  const found = await described(path.resolve(directory))
  if (!existsSync(found.executable)) {
    throw new SetupError(
      `ELECTRON_OVERRIDE_DIST_PATH is ${directory}, but there is no ${executableName()} in it. Correct it or unset it.`,
    )
  }
  return found
}

/**
 * Returns the Electron to use: directory, executable, version, and whether it is the stand-in. `node` is the project's
 * Node.js; `isTest` allows the stand-in, as HOLDFAST_ELECTRON_STANDIN=1 does. Throws a SetupError with instructions if
 * there is none.
 * @param {string} node
 */
export async function ensureElectron(node, isTest = false) {
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH) return overridden(process.env.ELECTRON_OVERRIDE_DIST_PATH)
  const official = await officialDirectory()
  if (official !== null) return described(official)

  const standInAllowed = standInPlatform() && (isTest || standInWanted())
  let reason = standInAllowed ? await rememberedFailure() : null
  if (reason === null) {
    const download = await downloadOfficial(node)
    if (download.directory !== null) return described(download.directory)
    reason = download.reason
    await rememberFailure(reason)
  }
  if (!standInAllowed) throw new NoElectron(await noElectron(reason))
  if (!standInInstalled()) say(`Electron ${await declaredVersion()} could not be downloaded: ${reason}.`)
  const found = await described(await ensureStandIn(node))
  say(
    `Electron ${standIn.version} stands in for ${await declaredVersion()}, which cannot be downloaded here. ` +
      'It is for development and tests: build nothing from it that is released.',
  )
  return found
}

/** @param {string | null} reason */
async function noElectron(reason) {
  return (
    `Electron ${await declaredVersion()} could not be downloaded: ${reason}. ` +
    `Make its release page or a mirror (ELECTRON_MIRROR) reachable. ${ELSE}`
  )
}
