import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { makeDirectory } from '../../core/settings/default-directory.ts'

/**
 * Chromium's own directory, apart from the agent's files. Electron says the same of a lock that it cannot write there
 * as of one that another instance has, and a second instance ends without a word: so this is asked first.
 * @throws the system's error
 */
export function openOwnDirectory(dataDirectory: string): string {
  const own = path.join(dataDirectory, 'desktop')
  makeDirectory(own)
  accessSync(own, constants.W_OK)
  return own
}
