// A Debian package of the unpacked application, by the system's own dpkg-deb.
//
// It has no maintainer scripts: nothing is set up that dpkg does not know of, so removing it leaves nothing behind. The
// sandbox's helper is root's (setuid) as in Chromium's own packages; that also serves systems that keep user namespaces
// from ordinary programs.
import { chmod, copyFile, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { lastLine } from '../setup/node.mjs'
import { inProject, SetupError } from '../setup/project.mjs'
import { capture } from '../setup/run.mjs'
import { electronPackages } from '../setup/system.mjs'
import { APP_ID, EXECUTABLE, MAINTAINER, OUTPUT } from './configuration.mjs'

/** What Debian calls the processors that Electron is built for. */
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }

/** dpkg keeps to it; without one the date of the last commit makes two builds of it equal. */
async function sourceDate() {
  if (process.env.SOURCE_DATE_EPOCH) return process.env.SOURCE_DATE_EPOCH
  const { status, stdout } = await capture('git', ['log', '-1', '--format=%ct'], { cwd: inProject() })
  return status === 0 ? stdout.trim() : String(Math.floor(Date.now() / 1000))
}

/** @param kibibytes of everything that is installed. */
function control({ version, architecture, kibibytes, description }) {
  const depends = [...electronPackages.map((entry) => entry.replaceAll('|', ' | ')), 'xdg-utils']
  const [first, ...rest] = description
  return `Package: ${EXECUTABLE}
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kibibytes}
Depends: ${depends.join(', ')}
Section: utils
Priority: optional
Description: ${first}
${rest.map((line) => ` ${line}`).join('\n')}
`
}

const DESCRIPTION = [
  'checks disks, ships finished files off-site, tells what fails',
  'Holdfast watches directories, sends every finished file to another computer,',
  'a folder, an SFTP server or a bucket, checks that their disks can be written,',
  'and tells people the moment something fails. This is the desktop application.',
]

/** The files of the package, below `root`, with the modes that they are installed with. */
async function layOut(root, unpacked) {
  const application = path.join(root, 'opt/Holdfast')
  await mkdir(path.dirname(application), { recursive: true })
  await cp(unpacked, application, { recursive: true, preserveTimestamps: true })
  const put = async (from, to) => {
    await mkdir(path.dirname(path.join(root, to)), { recursive: true })
    await copyFile(inProject(from), path.join(root, to))
  }
  for (const name of await readdir(inProject('assets/icons'))) {
    const size = /^(\d+x\d+)\.png$/.exec(name)?.[1]
    if (size !== undefined)
      await put(`assets/icons/${name}`, `usr/share/icons/hicolor/${size}/apps/holdfast.png`)
  }
  await put('assets/icons/holdfast.svg', 'usr/share/icons/hicolor/scalable/apps/holdfast.svg')
  await put('assets/desktop/holdfast.desktop', 'usr/share/applications/holdfast.desktop')
  await put(`assets/desktop/${APP_ID}.metainfo.xml`, `usr/share/metainfo/${APP_ID}.metainfo.xml`)
  await put('LICENSE', `usr/share/doc/${EXECUTABLE}/copyright`)
  await mkdir(path.join(root, 'usr/bin'), { recursive: true })
  await symlink(`/opt/Holdfast/${EXECUTABLE}`, path.join(root, 'usr/bin', EXECUTABLE))
}

/** Everybody may read all of it, and only what is a program may be run. Gives its size in bytes. */
async function setModes(directory) {
  let size = 0
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const place = path.join(directory, entry.name)
    if (entry.isDirectory()) size += await setModes(place)
    if (!entry.isFile()) continue
    const found = await stat(place)
    size += found.size
    await chmod(place, (found.mode & 0o111) === 0 ? 0o644 : 0o755)
  }
  return size
}

/**
 * @param unpacked electron-builder's directory.
 * @returns the package's path.
 */
export async function buildDeb(unpacked) {
  const architecture = ARCHITECTURES[process.arch]
  if (architecture === undefined) throw new SetupError(`There is no Electron for ${process.arch} on Linux.`)
  const { version } = JSON.parse(await readFile(inProject('package.json'), 'utf8'))
  const root = inProject(OUTPUT, 'deb')
  const file = inProject(OUTPUT, `${EXECUTABLE}_${version}_${architecture}.deb`)
  await rm(root, { recursive: true, force: true })
  try {
    await layOut(root, unpacked)
    const kibibytes = Math.ceil((await setModes(root)) / 1024)
    await chmod(path.join(root, 'opt/Holdfast/chrome-sandbox'), 0o4755)
    await mkdir(path.join(root, 'DEBIAN'), { mode: 0o755 })
    const text = control({ version, architecture, kibibytes, description: DESCRIPTION })
    await writeFile(path.join(root, 'DEBIAN/control'), text)
    const env = { ...process.env, SOURCE_DATE_EPOCH: await sourceDate() }
    const words = ['--root-owner-group', '-Zxz', '-z2', '--build', root, file]
    const { status, stderr } = await capture('dpkg-deb', words, { env, timeoutMs: 1_200_000 })
    if (status !== 0) throw new SetupError(`dpkg-deb could not make ${file}: ${lastLine(stderr)}`)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
  return file
}
