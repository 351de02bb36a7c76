// The official download of Electron, bounded in time, and the memory that it was out of reach.
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { lastLine } from './node.mjs'
import { cacheDirectory, dropError, inProject, say } from './project.mjs'
import { capture } from './run.mjs'

const DAY_MS = 24 * 60 * 60 * 1000
const packageDirectory = () => inProject('node_modules/electron')
const distribution = () => path.join(packageDirectory(), 'dist')

/** The version that package.json asks for and npm installed. */
export async function declaredVersion() {
  return JSON.parse(await readFile(path.join(packageDirectory(), 'package.json'), 'utf8')).version
}

/** The executable's name inside an Electron distribution. */
export function executableName(platform = process.platform) {
  if (platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron'
  return platform === 'win32' ? 'electron.exe' : 'electron'
}

/** The directory of the official binary, or null while it, or this version of it, is not there. */
export async function officialDirectory() {
  const executable = path.join(distribution(), executableName())
  if (!existsSync(executable)) return null
  try {
    const version = (await readFile(path.join(distribution(), 'version'), 'utf8')).trim().replace(/^v/, '')
    return version === (await declaredVersion()) ? distribution() : null
  } catch (error) {
    return dropError(error, 'a download that is not whole is made again', null)
  }
}

/**
 * Tries the download. Gives null and says why if it cannot be had.
 * @param {string} node
 */
export async function downloadOfficial(node) {
  const version = await declaredVersion()
  say(`Downloading Electron ${version} ...`)
  const proxied = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].some((name) => process.env[name])
  const result = await capture(node, [inProject('build/setup/download-official.mjs')], {
    cwd: inProject(),
    // @electron/get looks at the proxy variables only when it is told to.
    env: proxied ? { ELECTRON_GET_USE_PROXY: '1', ...process.env } : process.env,
    // The child gives up by itself when nothing arrives; this is for one that does not even do that.
    timeoutMs: 1_800_000,
  })
  const directory = result.status === 0 ? await officialDirectory() : null
  const reason = directory === null ? lastLine(result.stderr) || `it ended with ${result.status}` : null
  return { directory, reason, version }
}

const memoryFile = () => path.join(cacheDirectory(), 'electron-download-failed.json')

/** What decides whether the download can be reached: another version or mirror deserves another try. */
const circumstances = async () => ({
  version: await declaredVersion(),
  mirror: process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror ?? null,
})

/** Why the download failed within the last day under the same circumstances, or null. */
export async function rememberedFailure(now = Date.now()) {
  try {
    const memory = JSON.parse(await readFile(memoryFile(), 'utf8'))
    const { version, mirror } = await circumstances()
    const same = memory.version === version && memory.mirror === mirror
    return same && now - memory.at >= 0 && now - memory.at < DAY_MS ? memory.reason : null
  } catch (error) {
    return dropError(error, 'no failed download is remembered, so it is tried', null)
  }
}

/** @param {string | null} reason */
export async function rememberFailure(reason) {
  await mkdir(cacheDirectory(), { recursive: true })
  const aside = `${memoryFile()}-${process.pid}`
  await writeFile(aside, JSON.stringify({ ...(await circumstances()), at: Date.now(), reason }))
  await rename(aside, memoryFile())
}
