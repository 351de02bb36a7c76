// The decisions of `npm start`, without side effects.
import path from 'node:path'

/** True if this session can show a window; macOS and Windows always can. */
export function hasDisplay(environment = process.env, platform = process.platform) {
  if (platform !== 'linux') return true
  return Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY)
}

/**
 * Converts the words after `npm start --`: directories become absolute, relative to where the user typed them (npm
 * changes into the checkout and sets INIT_CWD to the former directory); switches stay unchanged.
 * @param {string[]} words
 */
export function absoluteWords(words, environment = process.env, cwd = process.cwd()) {
  const base = environment.INIT_CWD ?? cwd
  return words.map((word) => (word.startsWith('-') ? word : path.resolve(base, word)))
}

/**
 * Returns Electron's command line. Chromium refuses to run as root with its sandbox enabled.
 * @param {string} projectDirectory
 * @param {string[]} words
 * @param {number | undefined} uid
 */
export function electronArguments(projectDirectory, words, uid) {
  return [...(uid === 0 ? ['--no-sandbox'] : []), projectDirectory, ...words]
}
