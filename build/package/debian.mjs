// Common parts of the Debian packages: the files that dpkg and lintian expect, and running dpkg-deb.
import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import manifest from '../../package.json' with { type: 'json' }
import { lastLine } from '../setup/node.mjs'
import { inProject, SetupError } from '../setup/project.mjs'
import { capture } from '../setup/run.mjs'

/**
 * Debian's names of the supported processors.
 * @type {Partial<Record<NodeJS.Architecture, string>>}
 */
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }

/** Returns the Debian architecture of this computer. */
export function debianArchitecture() {
  const found = ARCHITECTURES[process.arch]
  if (found === undefined) throw new SetupError(`There is no Debian package for ${process.arch}.`)
  return found
}

/** Returns seconds since 1970: the last commit's time makes builds reproducible (reproducible-builds.org). */
export async function sourceDate() {
  if (process.env.SOURCE_DATE_EPOCH) return process.env.SOURCE_DATE_EPOCH
  const { status, stdout } = await capture('git', ['log', '-1', '--format=%ct'], { cwd: inProject() })
  return status === 0 ? stdout.trim() : String(Math.floor(Date.now() / 1000))
}

/**
 * Runs a packer to its end, with SOURCE_DATE_EPOCH as the timestamp of the files.
 * @param {string} command
 * @param {string[]} words
 */
export async function pack(command, words) {
  const env = { ...process.env, SOURCE_DATE_EPOCH: await sourceDate() }
  const { status, stderr } = await capture(command, words, { env, timeoutMs: 1_200_000 })
  if (status !== 0) throw new SetupError(`${command} failed: ${lastLine(stderr)}`)
}

/** Libraries and scripts that are loaded, not executed, whatever mode their packages give them. */
const LOADED = /\.(node|so(\.\d+)*|[cm]?js)$/

/**
 * Makes everything readable for all users, and only programs executable. Returns the total size in bytes.
 * @param {string} directory
 */
export async function setModes(directory) {
  let size = 0
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const place = path.join(directory, entry.name)
    if (entry.isDirectory()) size += await setModes(place)
    if (!entry.isFile()) continue
    const found = await stat(place)
    size += found.size
    await chmod(place, (found.mode & 0o111) === 0 || LOADED.test(place) ? 0o644 : 0o755)
  }
  return size
}

/**
 * @param {string} root
 * @param {string} name
 * @param {string | Uint8Array} text
 */
async function put(root, name, text, mode = 0o644) {
  await mkdir(path.dirname(path.join(root, name)), { recursive: true })
  await writeFile(path.join(root, name), text, { mode })
}

/**
 * Returns a change log in Debian's format, with version and date. The changes are in the project's own change log.
 * @param {string} name
 */
async function changeLog(name) {
  const date = new Date(Number(await sourceDate()) * 1000).toUTCString().replace('GMT', '+0000')
  const head = `${name} (${manifest.version}) unstable; urgency=medium`
  return `${head}\n\n  * Holdfast ${manifest.version}: see CHANGELOG.md of its source.\n\n -- ${manifest.author}  ${date}\n`
}

/**
 * Builds a package of the tree in `root`, and adds the control files to it.
 *
 * @param {object} tree
 * @param {string} tree.root
 * @param {string} tree.file
 * @param {string} tree.name
 * @param {string[]} tree.depends
 * @param {string[]} tree.description the first line is the synopsis.
 * @param {string[]} tree.overrides intended lintian warnings (lintian(1), "OVERRIDES").
 * @param {string} [tree.prerm] runs before dpkg removes the package.
 * @param {string[]} [tree.setuid] programs of the tree that are installed setuid root.
 */
export async function buildDebian({ root, file, name, depends, description, overrides, prerm, setuid = [] }) {
  await rm(file, { force: true })
  await put(root, `usr/share/doc/${name}/changelog.gz`, gzipSync(await changeLog(name), { level: 9 }))
  await put(
    root,
    `usr/share/lintian/overrides/${name}`,
    overrides.map((line) => `${name}: ${line}\n`).join(''),
  )
  const kibibytes = Math.ceil((await setModes(root)) / 1024)
  for (const program of setuid) await chmod(path.join(root, program), 0o4755)
  const [first, ...rest] = description
  const control = `Package: ${name}
Version: ${manifest.version}
Architecture: ${debianArchitecture()}
Maintainer: ${manifest.author}
Installed-Size: ${kibibytes}
Depends: ${depends.join(', ')}
Section: utils
Priority: optional
Description: ${first}
${rest.map((line) => ` ${line}`).join('\n')}
`
  await put(root, 'DEBIAN/control', control)
  if (prerm !== undefined) await put(root, 'DEBIAN/prerm', prerm, 0o755)
  await chmod(path.join(root, 'DEBIAN'), 0o755)
  // xz is read by every release of Debian and Ubuntu; levels above 2 take minutes and save little.
  await pack('dpkg-deb', ['--root-owner-group', '-Zxz', '-z2', '--build', root, file])
}
