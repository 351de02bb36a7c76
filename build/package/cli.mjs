#!/usr/bin/env node
// `npm run package -- cli`: the command line as a package of its own, without Electron, below out/package-cli/: a Debian
// package and a tar.gz with the same tree (bin, lib/holdfast, share). Node.js is in it: the one that it was tested with.
import { cp, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import manifest from '../../package.json' with { type: 'json' }
import { buildCommand } from '../setup/command.mjs'
import { ensureNode } from '../setup/node.mjs'
import { inProject, isProgram, runMain, SetupError, say } from '../setup/project.mjs'
import { buildDebian, debianArchitecture, pack, setModes, sourceDate } from './debian.mjs'
import { notices } from './notices.mjs'
import { shippedPackages } from './shipped.mjs'

const OUTPUT = inProject('out/package-cli')
/** `exec`: whoever ends what was started here ends the program itself. */
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
  'a folder, an SFTP server or a bucket, checks that their disks can be written,',
  'and tells people the moment something fails. This is the command line alone,',
  'for computers without a desktop, with the receiving end.',
]

/** It brings its own Node.js and native modules, as they were released and tested. */
const OVERRIDES = [
  'embedded-library *',
  'unstripped-binary-or-object *',
  'hardening-no-pie *',
  'copyright-file-contains-full-apache-2-license',
  'copyright-not-using-common-license-for-lgpl',
]

/** Services that \`holdfast service install\` has made for the whole computer would start nothing any more. */
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

/** Sources, types and documentation of a package: nothing of it is read at run time. Licences are in `copyright`. */
const NOT_READ =
  /\/(doc|examples|test|vendor|util|native)(\/|$)|\/cnoke\.cjs$|\.(map|md|[cm]?ts|gyp|cc?|hh?|inc|S)$|\/\.[^/]+$/
const OTHER_SYSTEM = /\/prebuilds\/(?!$)/
/**
 * Node.js here is the one for glibc.
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
 * The program and everything that it reads, in lib/holdfast.
 * @param {string} library
 * @param {string} node
 */
async function layOutProgram(library, node) {
  await buildCommand(library)
  await cp(node, path.join(library, 'node'))
  await writeFile(path.join(library, 'package.json'), JSON.stringify({ type: 'module', name: 'holdfast' }))
  await copyModules(path.join(library, 'node_modules'))
}

/**
 * Completions, man page and licences, all said by the program itself.
 * @param {string} share
 */
async function layOutShare(share) {
  const { loadProgram } = await import('../../cli/program.ts')
  const { factsOf } = await import('../../cli/reference/tree.ts')
  const { completionFor } = await import('../../cli/reference/completion.ts')
  const { manPage } = await import('../../cli/reference/man.ts')
  const facts = factsOf(await loadProgram(''))
  const date = new Date(Number(await sourceDate()) * 1000).toISOString().slice(0, 10)
  const files = {
    'bash-completion/completions/holdfast': completionFor('bash', facts),
    'zsh/vendor-completions/_holdfast': completionFor('zsh', facts),
    'fish/vendor_completions.d/holdfast.fish': completionFor('fish', facts),
    // Without a time: two builds are equal.
    'man/man1/holdfast.1.gz': gzipSync(manPage(facts, manifest.version, date), { level: 9 }),
    'doc/holdfast/copyright': await notices(),
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(share, name)), { recursive: true })
    await writeFile(path.join(share, name), text)
  }
}

/**
 * The tree of bin, lib and share, as it is below /usr.
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

/** Builds and names them. */
export async function packageCli() {
  if (process.platform !== 'linux') throw new SetupError('The package of the command line is made on Linux.')
  for (const file of await packageCommandLine())
    say(`${path.relative(inProject(), file)}: ${((await stat(file)).size / 2 ** 20).toFixed(1)} MiB`)
  return 0
}

if (isProgram(import.meta.url)) await runMain(packageCli)
