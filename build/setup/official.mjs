// The official download of Electron, with a time limit, and a record of failed attempts.
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { lastLine } from './node.mjs'
import { cacheDirectory, dropError, inProject, say } from './project.mjs'
import { capture } from './run.mjs'

const DAY_MS = 24 * 60 * 60 * 1000
const packageDirectory = () => inProject('node_modules/electron')
const distribution = () => path.join(packageDirectory(), 'dist')

/** Returns the version that package.json requires and npm installed. */
export async function declaredVersion() {
  return JSON.parse(await readFile(path.join(packageDirectory(), 'package.json'), 'utf8')).version
}

/** Returns the executable's name inside an Electron distribution. */
export function executableName(platform = process.platform) {
  if (platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron'
  return platform === 'win32' ? 'electron.exe' : 'electron'
}

/** Returns the directory of the official binary; null if it is missing or of another version. */
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
 * Tries to download Electron. If that fails, `directory` is null and `reason` explains it.
 * @param {string} node
 */
export async function downloadOfficial(node) {
  const version = await declaredVersion()
  say(`Downloading Electron ${version} ...`)
  const proxied = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].some((name) => process.env[name])
  const result = await capture(node, [inProject('build/setup/download-official.mjs')], {
    cwd: inProject(),
    // @electron/get reads the proxy variables only if ELECTRON_GET_USE_PROXY is set.
    env: proxied ? { ELECTRON_GET_USE_PROXY: '1', ...process.env } : process.env,
    // The child also has a timeout; this one is for a child that hangs nevertheless.
    timeoutMs: 1_800_000,
  })
  const directory = result.status === 0 ? await officialDirectory() : null
  const reason = directory === null ? lastLine(result.stderr) || `it ended with ${result.status}` : null
  return { directory, reason, version }
}

const memoryFile = () => path.join(cacheDirectory(), 'electron-download-failed.json')

/** The facts that decide whether the download is reachable: another version or mirror is tried again. */
const circumstances = async () => ({
  version: await declaredVersion(),
  mirror: process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror ?? null,
})

/** Returns why the download failed within the last day under the same circumstances; null if it did not. */
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
