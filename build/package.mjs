#!/usr/bin/env node
// Builds packages of the desktop application in out/package/.
//
//   npm run package -- dir       the unpacked directory, for this computer
//   npm run package -- deb       … and a Debian package of it
//   npm run package -- cli       the command line alone, without Electron: a Debian package and a tar.gz
//   npm run package -- cli-windows   … and for Windows: a zip
//   npm run package -- release   electron-builder's formats of this system (AppImage, rpm, tar.gz; nsis; dmg), and deb
//
// Packages are for the platform that they are built on: npm installs only its native modules.
import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { Arch, build, Platform } from 'electron-builder'
import { packageCli, packageCliForWindows } from './package/cli.mjs'
import { shippedComponents, withoutIntegrity, writeLicences } from './package/components.mjs'
import { configuration, unpackedDirectory, unpackedExecutable } from './package/configuration.mjs'
import { buildDeb } from './package/deb.mjs'
import { wrongFuses } from './package/fuses.mjs'
import { ensureBuilt } from './setup/application.mjs'
import { ensureElectron } from './setup/electron.mjs'
import { ensureNode } from './setup/node.mjs'
import { inProject, isProgram, runMain, SetupError, say } from './setup/project.mjs'

const USAGE = 'usage: npm run package -- dir | deb | cli | cli-windows | release'

/** @param {number} bytes */
const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`

/** @param {string} place */
async function measureSize(place) {
  const found = await stat(place)
  if (!found.isDirectory()) return found.size
  let size = 0
  for (const entry of await readdir(place, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) size += (await stat(path.join(entry.parentPath, entry.name))).size
  return size
}

/** @param {string} place */
const tell = async (place) =>
  say(`${path.relative(inProject(), place)}: ${mebibytes(await measureSize(place))}`)

/**
 * @param {import('./setup/electron.mjs').Electron} electron
 * @param {string | null} target null for all formats of this system.
 */
async function pack(electron, target) {
  const settings = await configuration({ electron, feed: process.env.HOLDFAST_FEED ?? null })
  const platform = Platform.current()
  // The default formats of this system in the configuration, or only the directory.
  const targets = platform.createTarget(target, Arch[/** @type {keyof typeof Arch} */ (process.arch)])
  const isRelease = target !== 'dir'
  await build({
    targets,
    config: { ...settings, forceCodeSigning: isRelease },
    publish: 'never',
    projectDir: inProject(),
  })
  const wrong = await wrongFuses(unpackedExecutable())
  if (wrong.length > 0)
    throw new SetupError(`Fuses of ${unpackedExecutable()} are not as configured: ${wrong.join(', ')}`)
  await tell(unpackedDirectory())
}

async function main() {
  const [what = '', ...more] = process.argv.slice(2)
  if (what === 'cli' && more.length === 0) return packageCli()
  if (what === 'cli-windows' && more.length === 0) return packageCliForWindows()
  if (!['dir', 'deb', 'release'].includes(what) || more.length > 0) throw new SetupError(USAGE)
  const node = await ensureNode()
  const electron = await ensureElectron(node)
  if (electron.standIn) {
    if (what === 'release')
      throw new SetupError('A release is built from the official Electron, not from its stand-in.')
    say('NOT FOR RELEASE: this is packed with a stand-in for Electron.')
  }
  await ensureBuilt(node)
  const components = await shippedComponents()
  await writeLicences(components)
  const unknown = what === 'release' ? await withoutIntegrity(components) : []
  if (unknown.length > 0)
    throw new SetupError(
      `package-lock.json has no integrity of ${unknown.join(', ')}. Run npm install where they are served.`,
    )
  await pack(electron, what === 'release' ? null : 'dir')
  if (what === 'dir') return 0
  if (process.platform !== 'linux') {
    if (what === 'deb') throw new SetupError('A Debian package is made on Linux.')
    return 0
  }
  await tell(await buildDeb(unpackedDirectory()))
  return 0
}

if (isProgram(import.meta.url)) await runMain(main)
