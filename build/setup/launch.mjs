// The decisions of `npm start`, apart from carrying them out.
import path from 'node:path'

/** Whether this session can show a window. macOS and Windows always can. */
export function hasDisplay(environment = process.env, platform = process.platform) {
  if (platform !== 'linux') return true
  return Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY)
}

/**
 * The words after `npm start --`: directories become absolute, seen from where the person typed them (npm
 * changes into the checkout and keeps that place in INIT_CWD); switches stay as they are.
 * @param {string[]} words
 */
export function absoluteWords(words, environment = process.env, cwd = process.cwd()) {
  const base = environment.INIT_CWD ?? cwd
  return words.map((word) => (word.startsWith('-') ? word : path.resolve(base, word)))
}

/**
 * Electron's command line. Chromium refuses to run as root with its sandbox on.
 * @param {string} projectDirectory
 * @param {string[]} words
 * @param {number | undefined} uid
 */
export function electronArguments(projectDirectory, words, uid) {
  return [...(uid === 0 ? ['--no-sandbox'] : []), projectDirectory, ...words]
}
