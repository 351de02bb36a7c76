import { accessSync, constants, mkdirSync } from 'node:fs'
import path from 'node:path'
import { openDataDirectory, unusableData } from '../../core/settings/data-directory.ts'

/**
 * Chromium's own directory, apart from the agent's files. Electron says the same of a lock that it cannot write there
 * as of one that another instance has, and a second instance ends without a word: so this is asked first.
 * @throws Problem data.cannotMake
 */
export function openOwnDirectory(dataDirectory: string): string {
  const { directory } = openDataDirectory(dataDirectory)
  const own = path.join(directory, 'desktop')
  try {
    mkdirSync(own, { recursive: true, mode: 0o700 })
    accessSync(own, constants.W_OK)
  } catch (thrown) {
    throw unusableData(directory, thrown)
  }
  return own
}
