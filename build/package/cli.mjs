#!/usr/bin/env node
// `npm run package -- cli`: the command line as a package of its own, without Electron, below out/package-cli/: a Debian
// package and a tar.gz with the same tree (bin, lib/holdfast, share). Node.js is in it: the one that it was tested with.
import { chmod, cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import manifest from '../../package.json' with { type: 'json' }
import { buildCommand } from '../setup/command.mjs'
import { ensureNode, lastLine } from '../setup/node.mjs'
import { inProject, isProgram, runMain, SetupError, say } from '../setup/project.mjs'
import { capture } from '../setup/run.mjs'
import { notices } from './notices.mjs'
import { shippedPackages } from './shipped.mjs'

const OUTPUT = inProject('out/package-cli')
/** What Debian calls the processors. */
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }

/** `exec`: whoever ends what was started here ends the program itself. */
const LAUNCHER = `#!/bin/sh
lib=$(dirname "$(readlink -f "$0")")/../lib/holdfast
# Many files are synced at once, and a disk that hangs must not take every thread of the pool.
export UV_THREADPOOL_SIZE="\${UV_THREADPOOL_SIZE:-128}"
# Node.js keeps what it has compiled, which is half of what a short command costs.
if [ -n "$HOME" ]; then
  export NODE_COMPILE_CACHE="\${NODE_COMPILE_CACHE:-\${XDG_CACHE_HOME:-$HOME/.cache}/holdfast/compiled}"
fi
exec "$lib/node" "$lib/holdfast.js" "$@"
`

const control = ({ architecture, kibibytes }) => `Package: holdfast
Version: ${manifest.version}
Architecture: ${architecture}
Maintainer: The Holdfast authors <maintainers@holdfast.invalid>
Installed-Size: ${kibibytes}
Depends: libc6 (>= 2.28), libstdc++6
Section: utils
Priority: optional
Description: checks disks, ships finished files off-site, tells what fails
 Holdfast watches directories, sends every finished file to another computer,
 a folder, an SFTP server or a bucket, checks that their disks can be written,
 and tells people the moment something fails. This is the command line alone,
 for computers without a desktop, with the receiving end.
`

/** Services that \`holdfast service install\` has made for the whole computer would start nothing any more. */
const PRERM = `#!/bin/sh
set -e
if [ "$1" = remove ]; then
  for what in agent receive; do
    if [ -e /etc/systemd/system/holdfast-$what.service ]; then
      /usr/bin/holdfast service uninstall $what --system || true
    fi
  done
fi
`

/** Sources, types and documentation of a package: nothing of it is read at run time. Licences are in `copyright`. */
const NOT_READ =
  /\/(doc|examples|test|vendor|util|native)(\/|$)|\/cnoke\.cjs$|\.(map|md|[cm]?ts|gyp|cc?|hh?|inc|S)$/
const OTHER_SYSTEM = /\/prebuilds\/(?!$)/
const isOurs = (place) =>
  !OTHER_SYSTEM.test(place) || place.includes(`/prebuilds/${process.platform}-${process.arch}`)

async function copyModules(to) {
  for (const name of await shippedPackages()) {
    const from = inProject('node_modules', name)
    const filter = (place) => !NOT_READ.test(place.slice(from.length)) && isOurs(place)
    await cp(from, path.join(to, name), { recursive: true, filter })
  }
}

/** The program and everything that it reads, in lib/holdfast. */
async function layOutProgram(library, node) {
  await buildCommand(library)
  await cp(node, path.join(library, 'node'))
  await writeFile(path.join(library, 'package.json'), JSON.stringify({ type: 'module', name: 'holdfast' }))
  await copyModules(path.join(library, 'node_modules'))
}

/** Completions, man page and licences, all said by the program itself. */
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

/** Everybody may read all of it. Gives its size in bytes. */
async function setModes(directory) {
  let size = 0
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const place = path.join(directory, entry.name)
    if (entry.isDirectory()) size += await setModes(place)
    else {
      const found = await stat(place)
      size += found.size
      await chmod(place, (found.mode & 0o100) === 0 ? 0o644 : 0o755)
    }
  }
  return size
}

/** The tree of bin, lib and share, as it is below /usr. */
async function layOut(usr) {
  await mkdir(path.join(usr, 'bin'), { recursive: true })
  await mkdir(path.join(usr, 'lib'), { recursive: true })
  await layOutProgram(path.join(usr, 'lib/holdfast'), await ensureNode())
  await layOutShare(path.join(usr, 'share'))
  await writeFile(path.join(usr, 'bin/holdfast'), LAUNCHER, { mode: 0o755 })
  return setModes(usr)
}

async function must(command, words) {
  const env = { ...process.env, SOURCE_DATE_EPOCH: await sourceDate() }
  const { status, stderr } = await capture(command, words, { env, timeoutMs: 1_200_000 })
  if (status !== 0) throw new SetupError(`${command} failed: ${lastLine(stderr)}`)
}

/** Seconds since 1970: the last commit's time makes two builds of it equal (reproducible-builds.org). */
async function sourceDate() {
  if (process.env.SOURCE_DATE_EPOCH) return process.env.SOURCE_DATE_EPOCH
  const { status, stdout } = await capture('git', ['log', '-1', '--format=%ct'], { cwd: inProject() })
  return status === 0 ? stdout.trim() : String(Math.floor(Date.now() / 1000))
}

async function buildDeb(root, kibibytes, file) {
  const architecture = ARCHITECTURES[process.arch]
  if (architecture === undefined) throw new SetupError(`There is no Debian package for ${process.arch}.`)
  await mkdir(path.join(root, 'DEBIAN'), { mode: 0o755 })
  await writeFile(path.join(root, 'DEBIAN/control'), control({ architecture, kibibytes }))
  await writeFile(path.join(root, 'DEBIAN/prerm'), PRERM, { mode: 0o755 })
  // zstd is ten times as fast as xz here, and every release since Debian 12 and Ubuntu 18.04 reads it.
  await must('dpkg-deb', ['--root-owner-group', '-Zzstd', '--build', root, file])
}

/**
 * Builds both packages.
 *
 * @param wanted "deb", "tar.gz"
 * @returns their paths
 */
export async function packageCommandLine(wanted = ['deb', 'tar.gz'], output = OUTPUT) {
  const name = `holdfast-${manifest.version}-${process.platform}-${process.arch}`
  const root = path.join(output, 'root')
  await rm(root, { recursive: true, force: true })
  try {
    const size = await layOut(path.join(root, name))
    const deb = path.join(output, `holdfast_${manifest.version}_${ARCHITECTURES[process.arch]}.deb`)
    const archive = path.join(output, `${name}.tar.gz`)
    if (wanted.includes('tar.gz'))
      await must('tar', ['-C', root, '--owner=0', '--group=0', '-czf', archive, name])
    await rename(path.join(root, name), path.join(root, 'usr'))
    if (wanted.includes('deb')) await buildDeb(root, Math.ceil(size / 1024), deb)
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
