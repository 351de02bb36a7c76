import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The scheme of pairing codes; the window's page has its own. */
export const LINK_SCHEME = 'holdfast'

/** Starts without showing the window, as at login. */
export const HIDDEN = '--hidden'

/**
 * Returns the directories in the command line of the desktop application. In a checkout, Electron's first word is the
 * application's own directory; Chromium's switches all begin with a dash.
 */
export function parseDirectories(argv: readonly string[], isPackaged: boolean): string[] {
  const words = argv.slice(1).filter((word) => !word.startsWith('-'))
  return (isPackaged ? words : words.slice(1)).filter((word) => !isLink(word)).map(parseDirectory)
}

const isLink = (word: string) => word.startsWith(`${LINK_SCHEME}:`)

/** A desktop may pass files dropped on the icon as file: addresses. */
const parseDirectory = (word: string) =>
  word.startsWith('file://') ? fileURLToPath(word) : path.resolve(word)

/** Returns the link that a browser or a mail program started the application for; null if there is none. */
export function linkIn(words: readonly string[]): string | null {
  return words.find(isLink) ?? null
}

export function isHidden(argv: readonly string[]): boolean {
  return argv.includes(HIDDEN)
}

/** Returns the arguments for a restart with the same switches, but with these directories and a visible window. */
export function argumentsAgain(
  argv: readonly string[],
  isPackaged: boolean,
  directories: readonly string[],
): string[] {
  const words = argv.slice(1)
  const switches = words.filter((word) => word.startsWith('-') && word !== HIDDEN)
  const application = isPackaged ? [] : words.filter((word) => !word.startsWith('-')).slice(0, 1)
  return [...switches, ...application, ...directories]
}
