// Builds a Debian package of the unpacked application, with the system's dpkg-deb.
//
// It has no maintainer scripts: dpkg tracks all installed files, so removing the package leaves nothing behind. The
// sandbox helper is setuid root, as in Chromium's own packages; that also serves systems on which ordinary programs
// have no user namespaces.
import { copyFile, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { inProject } from '../setup/project.mjs'
import { electronPackages } from '../setup/system.mjs'
import { EXECUTABLE, OUTPUT } from './configuration.mjs'
import { buildDebian, debianArchitecture } from './debian.mjs'

const DESCRIPTION = [
  'checks disks, ships finished files off-site, tells what fails',
  'Holdfast watches directories, sends every finished file to another computer,',
  'a folder, a server (SFTP, S3, WebDAV), checks that their disks can be written,',
  'and tells people the moment something fails. This is the desktop application.',
]

/** The package is not part of Debian, so it is installed in /opt; Electron is included as released. */
const OVERRIDES = [
  'dir-or-file-in-opt *',
  'embedded-library *',
  'unstripped-binary-or-object *',
  'elevated-privileges 4755 root/root [opt/Holdfast/chrome-sandbox]',
  'no-manual-page *',
]

/** Returns the metadata for software centres; the application's id is that of package.json. */
export async function metainfoText() {
  const text = await readFile(inProject('assets/desktop/metainfo.xml'), 'utf8')
  return text.replaceAll('@APP_ID@', manifest.appId)
}

/**
 * Writes the package's files below `root`, with their installed modes.
 * @param {string} root
 * @param {string} unpacked
 */
async function layOut(root, unpacked) {
  const application = path.join(root, 'opt/Holdfast')
  await mkdir(path.dirname(application), { recursive: true })
  await cp(unpacked, application, { recursive: true, preserveTimestamps: true })
  /**
   * @param {string} from
   * @param {string} to
   */
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
  const metainfo = path.join(root, `usr/share/metainfo/${manifest.appId}.metainfo.xml`)
  await mkdir(path.dirname(metainfo), { recursive: true })
  await writeFile(metainfo, await metainfoText())
  await put('LICENSE', `usr/share/doc/${EXECUTABLE}/copyright`)
  await mkdir(path.join(root, 'usr/bin'), { recursive: true })
  await symlink(`/opt/Holdfast/${EXECUTABLE}`, path.join(root, 'usr/bin', EXECUTABLE))
}

/**
 * @param {string} unpacked electron-builder's directory.
 * @returns the package's path.
 */
export async function buildDeb(unpacked) {
  const root = inProject(OUTPUT, 'deb')
  const file = inProject(OUTPUT, `${EXECUTABLE}_${manifest.version}_${debianArchitecture()}.deb`)
  await rm(root, { recursive: true, force: true })
  try {
    await layOut(root, unpacked)
    await buildDebian({
      root,
      file,
      name: EXECUTABLE,
      depends: [...electronPackages.map((entry) => entry.replaceAll('|', ' | ')), 'libc6', 'xdg-utils'],
      description: DESCRIPTION,
      overrides: OVERRIDES,
      setuid: ['opt/Holdfast/chrome-sandbox'],
    })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
  return file
}
