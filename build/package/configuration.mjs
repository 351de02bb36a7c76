// The configuration of electron-builder, for all systems.
import { readdirSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { inProject } from '../setup/project.mjs'
import { fuses } from './fuses.mjs'
import { shippedPackages } from './shipped.mjs'

export const EXECUTABLE = 'holdfast-desktop'
export const OUTPUT = 'out/package'
/** Licences of all shipped packages; written before the application is packed. */
export const LICENCES = `${OUTPUT}/LICENSES.txt`

/** Returns where electron-builder puts the unpacked application. */
export function unpackedDirectory(platform = process.platform, arch = process.arch) {
  if (platform === 'darwin') return inProject(OUTPUT, arch === 'arm64' ? 'mac-arm64' : 'mac')
  const system = platform === 'win32' ? 'win' : 'linux'
  return inProject(OUTPUT, `${system}${arch === 'arm64' ? '-arm64' : ''}-unpacked`)
}

/** Returns the executable in that directory. */
export function unpackedExecutable() {
  /** @type {Partial<Record<NodeJS.Platform, string>>} */
  const names = { darwin: 'Holdfast.app/Contents/MacOS/Holdfast', win32: `${EXECUTABLE}.exe` }
  return path.join(unpackedDirectory(), names[process.platform] ?? EXECUTABLE)
}

/** Excludes documentation, sources and tests of packages, which are not read at run time. Licences are included. */
const NOT_READ = [
  '**/*',
  '!**/{doc,examples,test,vendor,util}/**',
  '!**/*.{map,md,ts,cts,mts,gyp,c,cc,cpp,h,hh,hpp,inc,S,asm,js.bak}',
  '!**/{install.js,cnoke.cjs,CMakeLists.txt,Jenkinsfile}',
  '!**/.*/**',
  '!**/.*',
]

/** Electron for Linux is built for glibc. */
const OTHER_LIBRARY = ['!**/musl_*/**', '!**/*.musl.node']

/**
 * Selects a package's files, without binaries for other systems that some packages include.
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

/** Reads the desktop file's entries, except Exec and Icon, which the packager sets. */
async function desktopEntry() {
  const text = await readFile(inProject('assets/desktop/holdfast.desktop'), 'utf8')
  const pairs = text.split('\n').flatMap((line) => {
    const [, key, value] = /^([^#=]+)=(.*)$/.exec(line) ?? []
    return key === undefined || ['Exec', 'Icon'].includes(key) ? [] : [[key, value]]
  })
  return Object.fromEntries(pairs)
}

/**
 * Removes Electron's own start page, and the record of a development copy's origin.
 * @param {{ appOutDir: string }} context
 */
async function removeDefaultApp({ appOutDir }) {
  for (const name of ['default_app.asar', 'default_app.sha256'])
    await rm(path.join(appOutDir, 'resources', name), { force: true })
}

/**
 * @param {object} of
 * @param {{ directory: string, version: string }} of.electron the Electron to pack.
 * @param {string | null} [of.feed] address of the directory in which updates are published; null for no feed. Holdfast
 *   has no updater: the feed's files (latest*.yml with digests) are for its distributors.
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
    electronLanguages: readdirSync(inProject('assets/locales')).flatMap((one) =>
      one === 'en' ? ['en-US', 'en-GB'] : [one],
    ),
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
    // Native modules come prebuilt from the registry.
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
    nsis: {
      // Without spaces, which release pages replace.
      // biome-ignore lint/suspicious/noTemplateCurlyInString: electron-builder fills in the names
      artifactName: 'holdfast-${version}-${arch}-setup.${ext}',
      oneClick: false,
      perMachine: false,
      allowToChangeInstallationDirectory: true,
    },
    mac: {
      target: /** @type {import('electron-builder').MacOsTargetName[]} */ (['dmg']),
      category: 'public.app-category.utilities',
      icon: 'assets/icons/512x512.png',
      hardenedRuntime: true,
      notarize: true,
      extendInfo: {
        // The icon in the menu bar stands for the application: none in the Dock.
        LSUIElement: true,
        // Without a visible window, App Nap would delay checks.
        NSAppSleepDisabled: true,
        ...Object.fromEntries(
          ['Desktop', 'Documents', 'Downloads', 'RemovableVolumes', 'NetworkVolumes'].map((place) => [
            `NS${place}${place.endsWith('Volumes') ? '' : 'Folder'}UsageDescription`,
            'Holdfast checks and copies the folders that you choose.',
          ]),
        ),
      },
    },
    protocols: [{ name: 'Holdfast pairing code', schemes: ['holdfast'] }],
    // A release must be signed.
    forceCodeSigning: true,
  }
}
