#!/usr/bin/env node
// `npm run package -- cli`: packages the command line without Electron, in out/package-cli/: a Debian package and a
// tar.gz with the same tree (bin, lib/holdfast, share). It includes the Node.js that it was tested with. `-- cli-windows`
// makes a zip for Windows.
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import manifest from '../../package.json' with { type: 'json' }
import { ensureBuilt } from '../setup/application.mjs'
import { buildCommand } from '../setup/command.mjs'
import { CHECK_FLAG, CHECK_NAMES, GUARD } from '../setup/guard.mjs'
import { ensureNode } from '../setup/node.mjs'
import { inProject, isProgram, runMain, SetupError, say } from '../setup/project.mjs'
import { installForWindows, WINDOWS_NODE } from '../setup/windows.mjs'
import { buildDebian, debianArchitecture, pack, setModes, sourceDate } from './debian.mjs'
import { notices } from './notices.mjs'
import { shippedPackages } from './shipped.mjs'

const OUTPUT = inProject('out/package-cli')
/** `exec` replaces the shell, so that ending the started process ends the program. */
const LAUNCHER = `#!/bin/sh
self=$(readlink -f "$0")
lib=\${self%/*}/../lib/holdfast
# Many received files are synced at once, and a disk that hangs must not take every thread of the pool.
check=
case "$1" in receive) threads=128 ;; ${CHECK_NAMES.join(' | ')}) threads=576 check=1 ;; *) threads=16 ;; esac
export UV_THREADPOOL_SIZE="\${UV_THREADPOOL_SIZE:-$threads}"
# Node.js keeps what it has compiled, which is half of what a short command costs.
if [ -n "$HOME" ]; then
  export NODE_COMPILE_CACHE="\${NODE_COMPILE_CACHE:-\${XDG_CACHE_HOME:-$HOME/.cache}/holdfast/compiled}"
fi
[ -n "$check" ] || exec "$lib/node" "$lib/holdfast.js" "$@"
# A call that is stuck in the kernel keeps its process from ending: the caller waits for this shell.
set -- "$lib/node" ${CHECK_FLAG} "$lib/holdfast.js" "$@"
${GUARD}`

const DESCRIPTION = [
  'checks disks, ships finished files off-site, tells what fails',
  'Holdfast watches directories, sends every finished file to another computer,',
  'a folder, a server (SFTP, S3, WebDAV), checks that their disks can be written,',
  'and tells people the moment something fails. This is the command line alone,',
  'for computers without a desktop, with the receiving end.',
]

/** The package includes Node.js and native modules as released by their publishers. */
const OVERRIDES = [
  'embedded-library *',
  'unstripped-binary-or-object *',
  'hardening-no-pie *',
  'copyright-file-contains-full-apache-2-license',
  'copyright-not-using-common-license-for-lgpl',
]

/** Removes system services that `holdfast service install` created: they could not start without the program. */
const PRERM = `#!/bin/sh
set -e
if [ "$1" = remove ]; then
  for what in agent receive; do
    if [ -e /etc/systemd/system/holdfast-$what.service ]; then
      holdfast service uninstall $what --system || true
    fi
  done
fi
`

const DEBIAN = {
  name: 'holdfast',
  depends: ['libc6 (>= 2.28)', 'libstdc++6'],
  description: DESCRIPTION,
  overrides: OVERRIDES,
  prerm: PRERM,
}

/** Sources, types and documentation of packages, which are not read at run time. Licences are in `copyright`. */
const NOT_READ =
  /\/(doc|examples|test|vendor|util|native)(\/|$)|\/cnoke\.cjs$|\.(map|md|[cm]?ts|gyp|cc?|hh?|inc|S)$|\/\.[^/]+$/
const OTHER_SYSTEM = /\/prebuilds\/(?!$)/

/**
 * Node.js and the dependencies of a system, such as "linux-x64". `project`: its node_modules has them.
 * @typedef {{ node: string, project: string, system: string }} Built
 */

/**
 * @param {string} to
 * @param {Built} built
 */
async function copyModules(to, { project, system }) {
  /**
   * True unless a file is for another system; Node.js for Linux is the build for glibc.
   * @param {string} place
   */
  const isOurs = (place) =>
    !/[./]musl[._]/.test(place) && (!OTHER_SYSTEM.test(place) || place.includes(`/prebuilds/${system}`))
  for (const name of await shippedPackages(project)) {
    const from = path.join(project, 'node_modules', name)
    /** @param {string} place */
    const filter = (place) => !NOT_READ.test(place.slice(from.length)) && isOurs(place)
    await cp(from, path.join(to, name), { recursive: true, filter })
  }
}

/**
 * Copies the program and everything that it reads to lib/holdfast.
 * @param {string} library
 * @param {Built} built
 */
async function layOutProgram(library, built) {
  await buildCommand(library)
  await ensureBuilt(await ensureNode())
  const isShipped = (/** @type {string} */ place) => !place.endsWith('.map')
  await cp(inProject('out/renderer'), path.join(library, 'page'), { recursive: true, filter: isShipped })
  await cp(built.node, path.join(library, path.basename(built.node)))
  await writeFile(path.join(library, 'package.json'), JSON.stringify({ type: 'module', name: 'holdfast' }))
  await copyModules(path.join(library, 'node_modules'), built)
}

/**
 * Writes completions, man page and licences, generated from the program.
 * @param {string} share
 */
async function layOutShare(share) {
  const { loadProgram } = await import('../../cli/program.ts')
  const { describeCommand } = await import('../../cli/reference/tree.ts')
  const { completionFor } = await import('../../cli/reference/completion.ts')
  const { manPage } = await import('../../cli/reference/man.ts')
  const facts = describeCommand(await loadProgram())
  const date = new Date(Number(await sourceDate()) * 1000).toISOString().slice(0, 10)
  const files = {
    'bash-completion/completions/holdfast': completionFor('bash', facts),
    'zsh/vendor-completions/_holdfast': completionFor('zsh', facts),
    'fish/vendor_completions.d/holdfast.fish': completionFor('fish', facts),
    // Without a timestamp, so that builds are reproducible.
    'man/man1/holdfast.1.gz': gzipSync(manPage(facts, manifest.version, date), { level: 9 }),
    'doc/holdfast/copyright': await notices(),
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(share, name)), { recursive: true })
    await writeFile(path.join(share, name), text)
  }
}

/**
 * Writes the tree of bin, lib and share that is installed in /usr.
 * @param {string} usr
 */
async function layOut(usr) {
  await mkdir(path.join(usr, 'bin'), { recursive: true })
  await mkdir(path.join(usr, 'lib'), { recursive: true })
  const system = `${process.platform}-${process.arch}`
  const built = { node: await ensureNode(), project: inProject(), system }
  await layOutProgram(path.join(usr, 'lib/holdfast'), built)
  await layOutShare(path.join(usr, 'share'))
  await writeFile(path.join(usr, 'bin/holdfast'), LAUNCHER, { mode: 0o755 })
  await setModes(usr)
}

/**
 * Builds both packages.
 *
 * @param {('deb' | 'tar.gz')[]} wanted
 * @returns their paths
 */
export async function packageCommandLine(wanted = ['deb', 'tar.gz'], output = OUTPUT) {
  const name = `holdfast-${manifest.version}-${process.platform}-${process.arch}`
  const root = path.join(output, 'root')
  await rm(root, { recursive: true, force: true })
  try {
    await layOut(path.join(root, name))
    const deb = path.join(output, `holdfast_${manifest.version}_${debianArchitecture()}.deb`)
    const archive = path.join(output, `${name}.tar.gz`)
    if (wanted.includes('tar.gz'))
      await pack('tar', ['-C', root, '--owner=0', '--group=0', '-czf', archive, name])
    await rename(path.join(root, name), path.join(root, 'usr'))
    if (wanted.includes('deb')) await buildDebian({ root, file: deb, ...DEBIAN })
    return wanted.map((one) => (one === 'deb' ? deb : archive))
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** Builds the packages and prints their names. */
export async function packageCli() {
  if (process.platform !== 'linux') throw new SetupError('The package of the command line is made on Linux.')
  for (const file of await packageCommandLine()) await tell(file)
  return 0
}

const WINDOWS_LAUNCHER = `@echo off
setlocal
set threads=128
${CHECK_NAMES.map((name) => `if "%~1"=="${name}" set threads=576`).join('\n')}
if not defined UV_THREADPOOL_SIZE set UV_THREADPOOL_SIZE=%threads%
if not defined NODE_COMPILE_CACHE set "NODE_COMPILE_CACHE=%TEMP%\\holdfast-compiled"
"%~dp0lib\\node.exe" "%~dp0lib\\holdfast.js" %*
`.replaceAll('\n', '\r\n')

/**
 * Builds a zip for Windows on x64: to unpack anywhere, and to run its holdfast.cmd.
 * @param {string} home as of `installForWindows`
 * @returns its path
 */
export async function zipForWindows(home, output = OUTPUT) {
  const name = `holdfast-${manifest.version}-win32-x64`
  const root = path.join(output, name)
  await rm(root, { recursive: true, force: true })
  try {
    const project = path.join(home, 'app')
    const built = { node: path.join(home, WINDOWS_NODE), project, system: 'win32-x64' }
    await layOutProgram(path.join(root, 'lib'), built)
    await writeFile(path.join(root, 'holdfast.cmd'), WINDOWS_LAUNCHER)
    await writeFile(path.join(root, 'LICENSES.txt'), await notices(project))
    /** @type {import('fflate').Zippable} */
    const files = {}
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name)
      if (entry.isFile()) files[path.relative(output, file)] = await readFile(file)
    }
    await writeFile(`${root}.zip`, zipSync(files))
    return `${root}.zip`
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** @param {string} file */
const tell = async (file) =>
  say(`${path.relative(inProject(), file)}: ${((await stat(file)).size / 2 ** 20).toFixed(1)} MiB`)

/** Builds the zip for Windows, with the version of Node.js that this project uses, and prints its name. */
export async function packageCliForWindows() {
  const { default: node } = await import('node/package.json', { with: { type: 'json' } })
  await tell(await zipForWindows(await installForWindows(node.version)))
  return 0
}

if (isProgram(import.meta.url)) await runMain(packageCli)
