import { accessSync, constants } from 'node:fs'
import path from 'node:path'
import { makeDirectory } from '../../core/settings/default-directory.ts'

/**
 * Creates Chromium's directory, apart from the agent's files, and checks that it is writable. Electron reports a lock
 * that it cannot write in the same way as one held by another instance, and a second instance exits silently.
 * @throws the system's error
 */
export function openOwnDirectory(dataDirectory: string): string {
  const own = path.join(dataDirectory, 'desktop')
  makeDirectory(own)
  accessSync(own, constants.W_OK)
  return own
}
