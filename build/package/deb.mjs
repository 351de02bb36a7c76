// A Debian package of the unpacked application, by the system's own dpkg-deb.
//
// It has no maintainer scripts: nothing is set up that dpkg does not know of, so removing it leaves nothing behind. The
// sandbox's helper is root's (setuid) as in Chromium's own packages; that also serves systems that keep user namespaces
// from ordinary programs.
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
  'a folder, an SFTP server or a bucket, checks that their disks can be written,',
  'and tells people the moment something fails. This is the desktop application.',
]

/** It is no part of Debian, so it is in /opt, and it has Electron as it was released. */
const OVERRIDES = [
  'dir-or-file-in-opt *',
  'embedded-library *',
  'unstripped-binary-or-object *',
  'elevated-privileges 4755 root/root [opt/Holdfast/chrome-sandbox]',
  'no-manual-page *',
]

/** What software centres show; the application's id is its package.json's. */
export async function metainfoText() {
  const text = await readFile(inProject('assets/desktop/metainfo.xml'), 'utf8')
  return text.replaceAll('@APP_ID@', manifest.appId)
}

/**
 * The files of the package, below `root`, with the modes that they are installed with.
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
