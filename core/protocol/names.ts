/**
 * Reasons to refuse a name. The store detects `symlink` and `folded` (store/file-system.ts); the others depend only on
 * the name.
 */
export const nameFaults = [
  'empty',
  'dots',
  'absolute',
  'nul',
  'long',
  'reserved',
  'characters',
  'symlink',
  'folded',
] as const
export type NameFault = (typeof nameFaults)[number]

/** Limits of Linux (NAME_MAX, PATH_MAX of limits.h), in bytes of UTF-8. */
const MAX_COMPONENT_BYTES = 255
export const MAX_PATH_BYTES = 4096
/** Limits the cost of a path: the receiver opens each of its directories again for every round of files. */
const MAX_COMPONENTS = 256

/** Names and characters with a special meaning on Windows (learn.microsoft.com, "Naming Files"). */
const windowsCharacters = /[\\:*?"<>|]|[. ]$/
const windowsDevices = /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i

/** Characters before the space (U+0000 to U+001F). */
const controlCharacters = /[^ -\u{10ffff}]/u

/**
 * Checks a relative path, with "/", before it is used below a directory of the store. Returns null for a path that
 * cannot lead out of that directory, except by symbolic links in the store.
 */
export function findNameFault(path: string, platform: NodeJS.Platform = process.platform): NameFault | null {
  if (path === '') return 'empty'
  if (path.includes('\0')) return 'nul'
  if (path.startsWith('/')) return 'absolute'
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return 'long'
  const components = path.split('/')
  if (components.length > MAX_COMPONENTS) return 'long'
  for (const component of components) {
    const fault = componentFault(component, platform)
    if (fault !== null) return fault
  }
  return null
}

function componentFault(component: string, platform: NodeJS.Platform): NameFault | null {
  if (component === '') return 'empty'
  if (component === '.' || component === '..') return 'dots'
  if (Buffer.byteLength(component) > MAX_COMPONENT_BYTES) return 'long'
  if (!component.isWellFormed()) return 'characters'
  if (platform !== 'win32') return null
  if (windowsDevices.test(component)) return 'reserved'
  return windowsCharacters.test(component) || controlCharacters.test(component) ? 'characters' : null
}

const encode = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

/**
 * Returns the name under which a file system of this system can have a component of a path: on Windows "%3A" stands for
 * a colon, and so on.
 */
export function toLocalName(name: string, platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return name
  const allowed = Array.from(name, (character) =>
    componentFault(`${character}_`, platform) ? encode(character) : character,
  )
    .join('')
    .replace(/[. ]$/, encode)
  return windowsDevices.test(allowed) ? encode(allowed) + allowed.slice(1) : allowed
}

/** Returns a folder name for a display name, with only characters that every system allows. */
export function folderName(name: string): string {
  let folder = name
    .normalize('NFC')
    .replace(/[\p{Cc}/\\:*?"<>|]/gu, '_')
    .replace(/^[. ]+|[. ]+$/g, '')
    .toWellFormed()
  while (Buffer.byteLength(folder) > 200) folder = [...folder].slice(0, -1).join('')
  if (folder === '' || windowsDevices.test(folder)) folder = `_${folder}`
  return folder
}
