#!/usr/bin/env node
// `npm run package -- cli`: packages the command line without Electron, in out/package-cli/: a Debian package and a
// tar.gz with the same tree (bin, lib/holdfast, share). It includes the Node.js that it was tested with.
import { cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import manifest from '../../package.json' with { type: 'json' }
import { ensureBuilt } from '../setup/application.mjs'
import { buildCommand } from '../setup/command.mjs'
import { ensureNode } from '../setup/node.mjs'
import { inProject, isProgram, runMain, SetupError, say } from '../setup/project.mjs'
import { buildDebian, debianArchitecture, pack, setModes, sourceDate } from './debian.mjs'
import { notices } from './notices.mjs'
import { shippedPackages } from './shipped.mjs'

const OUTPUT = inProject('out/package-cli')
/** `exec` replaces the shell, so that ending the started process ends the program. */
const LAUNCHER = `#!/bin/sh
lib=$(dirname "$(readlink -f "$0")")/../lib/holdfast
# Many files are synced at once, and a disk that hangs must not take every thread of the pool.
export UV_THREADPOOL_SIZE="\${UV_THREADPOOL_SIZE:-128}"
# Node.js keeps what it has compiled, which is half of what a short command costs.
if [ -n "$HOME" ]; then
  export NODE_COMPILE_CACHE="\${NODE_COMPILE_CACHE:-\${XDG_CACHE_HOME:-$HOME/.cache}/holdfast/compiled}"
fi
# Once it has started it gives back the memory that took.
exec "$lib/node" --expose-gc "$lib/holdfast.js" "$@"
`

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
 * True unless a file is for another system; this Node.js is the build for glibc.
 * @param {string} place
 */
const isOurs = (place) =>
  !/[./]musl[._]/.test(place) &&
  (!OTHER_SYSTEM.test(place) || place.includes(`/prebuilds/${process.platform}-${process.arch}`))

/** @param {string} to */
async function copyModules(to) {
  for (const name of await shippedPackages()) {
    const from = inProject('node_modules', name)
    /** @param {string} place */
    const filter = (place) => !NOT_READ.test(place.slice(from.length)) && isOurs(place)
    await cp(from, path.join(to, name), { recursive: true, filter })
  }
}

/**
 * Copies the program and everything that it reads to lib/holdfast.
 * @param {string} library
 * @param {string} node
 */
async function layOutProgram(library, node) {
  await buildCommand(library)
  await ensureBuilt(node)
  const isShipped = (/** @type {string} */ place) => !place.endsWith('.map')
  await cp(inProject('out/renderer'), path.join(library, 'page'), { recursive: true, filter: isShipped })
  await cp(node, path.join(library, 'node'))
  await writeFile(path.join(library, 'package.json'), JSON.stringify({ type: 'module', name: 'holdfast' }))
  await copyModules(path.join(library, 'node_modules'))
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
  const facts = describeCommand(await loadProgram(''))
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
  await layOutProgram(path.join(usr, 'lib/holdfast'), await ensureNode())
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
  for (const file of await packageCommandLine())
    say(`${path.relative(inProject(), file)}: ${((await stat(file)).size / 2 ** 20).toFixed(1)} MiB`)
  return 0
}

if (isProgram(import.meta.url)) await runMain(packageCli)
