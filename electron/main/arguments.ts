import path from 'node:path'

/**
 * The directories in the command line of the desktop application. Run from a checkout, Electron's first
 * word is the application's own directory; Chromium's switches all begin with a dash.
 */
export function directoriesOf(argv: readonly string[], isPackaged: boolean): string[] {
  const words = argv.slice(1).filter((word) => !word.startsWith('-'))
  return (isPackaged ? words : words.slice(1)).map((word) => path.resolve(word))
}

/** Started without showing the window, as at login. */
export function isHidden(argv: readonly string[]): boolean {
  return argv.includes('--hidden')
}
