// What electron-builder makes of the built application, for every system.
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { inProject } from '../setup/project.mjs'
import { fuses } from './fuses.mjs'
import { shippedPackages } from './shipped.mjs'

export const EXECUTABLE = 'holdfast-desktop'
export const OUTPUT = 'out/package'
/** Of everybody's packages that are shipped; written before the application is packed. */
export const LICENCES = `${OUTPUT}/LICENSES.txt`

/** Where electron-builder puts the unpacked application. */
export function unpackedDirectory(platform = process.platform, arch = process.arch) {
  if (platform === 'darwin') return inProject(OUTPUT, arch === 'arm64' ? 'mac-arm64' : 'mac')
  const system = platform === 'win32' ? 'win' : 'linux'
  return inProject(OUTPUT, `${system}${arch === 'arm64' ? '-arm64' : ''}-unpacked`)
}

/** The program inside of it. */
export function unpackedExecutable() {
  /** @type {Partial<Record<NodeJS.Platform, string>>} */
  const names = { darwin: 'Holdfast.app/Contents/MacOS/Holdfast', win32: `${EXECUTABLE}.exe` }
  return path.join(unpackedDirectory(), names[process.platform] ?? EXECUTABLE)
}

/** Documentation, sources and tests of packages: nothing of it is read at run time. Their licences are. */
const NOT_READ = [
  '**/*',
  '!**/{doc,examples,test,vendor,util}/**',
  '!**/*.{map,md,ts,cts,mts,gyp,c,cc,cpp,h,hh,hpp,inc,S,asm,js.bak}',
  '!**/{install.js,cnoke.cjs,CMakeLists.txt,Jenkinsfile}',
  '!**/.*/**',
  '!**/.*',
]

/** Electron for Linux is the one for glibc. */
const OTHER_LIBRARY = ['!**/musl_*/**', '!**/*.musl.node']

/**
 * A package's files, without the binaries for other systems that some bring.
 * @param {string} name
 */
const packageFiles = (name) => ({
  from: `node_modules/${name}`,
  to: `node_modules/${name}`,
  filter: [
    ...NOT_READ,
    '!prebuilds/**',
    `prebuilds/${process.platform}-${process.arch}/**`,
    ...OTHER_LIBRARY,
  ],
})

/** The desktop file's own keys; the package's Exec and Icon are the packager's business. */
async function desktopEntry() {
  const text = await readFile(inProject('assets/desktop/holdfast.desktop'), 'utf8')
  const pairs = text.split('\n').flatMap((line) => {
    const [, key, value] = /^([^#=]+)=(.*)$/.exec(line) ?? []
    return key === undefined || ['Exec', 'Icon'].includes(key) ? [] : [[key, value]]
  })
  return Object.fromEntries(pairs)
}

/**
 * Electron's own start page, and what says where a development copy came from.
 * @param {{ appOutDir: string }} context
 */
async function removeDefaultApp({ appOutDir }) {
  for (const name of ['default_app.asar', 'default_app.sha256'])
    await rm(path.join(appOutDir, 'resources', name), { force: true })
}

/**
 * @param {object} of
 * @param {{ directory: string, version: string }} of.electron the Electron to pack.
 * @param {string | null} [of.feed] address of the directory that updates are published in; null: no feed is named. Holdfast has no updater of
 *   its own: the feed's files (latest*.yml with digests) are for whoever distributes it.
 */
export async function configuration({ electron, feed = null }) {
  const names = await shippedPackages()
  return {
    appId: manifest.appId,
    productName: 'Holdfast',
    copyright: 'Copyright © 2026 The Holdfast authors',
    directories: { output: OUTPUT, buildResources: 'build/package' },
    electronDist: electron.directory,
    electronVersion: electron.version,
    electronLanguages: ['en-US', 'en-GB', 'zh-TW'],
    electronFuses: fuses,
    files: [
      'package.json',
      'out/{main,preload,renderer}/**',
      'assets/{icons,tray}/**',
      '!**/*.map',
      '!node_modules/**',
      ...names.map(packageFiles),
    ],
    extraFiles: [{ from: LICENCES, to: 'LICENSES.packages.txt' }],
    asar: true,
    asarUnpack: ['**/*.node'],
    // Everything native comes built from the registry.
    npmRebuild: false,
    nodeGypRebuild: false,
    afterPack: removeDefaultApp,
    publish: feed === null ? null : { provider: /** @type {const} */ ('generic'), url: feed },
    linux: {
      target: ['AppImage', 'rpm', 'tar.gz'],
      executableName: EXECUTABLE,
      maintainer: manifest.author,
      category: 'Utility',
      icon: 'assets/icons',
      desktop: { entry: await desktopEntry() },
    },
    win: {
      target: ['nsis'],
      executableName: EXECUTABLE,
      icon: 'assets/icons/512x512.png',
      verifyUpdateCodeSignature: true,
    },
    nsis: { oneClick: false, perMachine: false, allowToChangeInstallationDirectory: true },
    mac: {
      target: /** @type {import('electron-builder').MacOsTargetName[]} */ (['dmg']),
      category: 'public.app-category.utilities',
      icon: 'assets/icons/512x512.png',
      hardenedRuntime: true,
      notarize: true,
    },
    protocols: [{ name: 'Holdfast pairing code', schemes: ['holdfast'] }],
    // A release that nobody has signed is none.
    forceCodeSigning: true,
  }
}
