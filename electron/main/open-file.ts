import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { shell } from 'electron'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import { callInTime } from '../../core/walk/call-in-time.ts'

/** A file is not opened if its disk does not answer within this time. */
const ANSWER_WITHIN_MS = 2_000

/**
 * Extensions of plain data and documents. Programs have too many others to list, and a system guesses the type of an
 * unlisted one by its content.
 * Formats that may contain scripts, macros or embedded programs are left out: html, svg, xml, rtf, doc, odt.
 */
const PLAIN = new RegExp(
  `\\.(${[
    ...['txt', 'log', 'md', 'csv', 'tsv', 'json', 'geojson', 'ya?ml', 'toml', 'pdf', 'docx', 'xlsx', 'pptx'],
    ...['png', 'jpe?g', 'gif', 'bmp', 'tiff?', 'webp', 'hei[cf]', 'avif', 'dng', 'fits', 'nc', 'h5', 'hdf5'],
    ...['mp3', 'wav', 'flac', 'og[gav]', 'opus', 'm4[av]', 'aac', 'aiff', 'mp4', 'mov', 'mkv', 'webm', 'avi'],
    ...['mpe?g'],
  ].join('|')})$`,
  'i',
)

/** True if a path equals another or is below it, by their text. */
export function isInside(file: string, directory: string, system: path.PlatformPath = path): boolean {
  const inner = system.relative(directory, file)
  return inner !== '..' && !inner.startsWith(`..${system.sep}`) && !system.isAbsolute(inner)
}

/**
 * Opens a file in its program. Shows it in its folder instead unless its real path is inside the root and has the
 * extension of plain data: the system may run any other file.
 */
export async function openFile(
  file: string,
  root: string,
  refusal: 'restore.notViewed' | 'refuse.notOpened',
): Promise<Record<string, never>> {
  const refused = new UserError(refusal, { path: path.basename(file) })
  const [real, realRoot] = await callInTime(root, ANSWER_WITHIN_MS, () =>
    Promise.all([realpath(file), realpath(root)]),
  ).catch((error) => {
    if (errorCode(error) !== 'ETIMEDOUT') throw refused
    throw new UserError('store.hung', { path: root, seconds: ANSWER_WITHIN_MS / 1_000 })
  })
  if (!PLAIN.test(real) || !isInside(real, realRoot)) shell.showItemInFolder(file)
  else if ((await shell.openPath(real)) !== '') throw refused
  return {}
}
