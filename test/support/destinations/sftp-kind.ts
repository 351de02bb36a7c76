import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { testDestination } from '../../../core/backends/open.ts'
import type { DestinationOf } from '../../../core/settings/destination-schema.ts'
import { mountTmpfs } from '../faults/mounts.ts'
import { type SftpServer, startSftpServer } from '../servers/sftp.ts'
import { temporaryDirectory } from '../temporary.ts'
import { makeHome } from '../transfer/transfer.ts'
import { fillDisk, placeOnDisk } from './disk-place.ts'
import { type Place, type TestedKind, wholeSeconds } from './kind.ts'

let server: SftpServer | null = null

/** The server that all tests of a file share. */
export function sftpServer(): SftpServer {
  if (server === null) throw new Error('it was not started')
  return server
}

/** A place in a directory that is on this server. */
export function sftpPlace(directory: string, folder = 'station'): Place {
  const { port, user, key, hostKey } = sftpServer()
  const own = path.join(directory, folder)
  return {
    port,
    secrets: { key },
    crash: async () => sftpServer().dropAll(),
    settings: (at = port) => ({
      id: 'd',
      kind: 'sftp',
      name: 'nas',
      host: '127.0.0.1',
      port: at,
      user,
      login: 'key',
      keyFile: null,
      hostKey,
      path: directory,
      folder,
      recipient: null,
      hideNames: false,
    }),
    ...placeOnDisk(own, path.join(own, '.holdfast/versions'), [path.join(own, '.holdfast/partial')]),
  }
}

/** OpenSSH's own server. */
export const sftpKind: TestedKind = {
  name: 'sftp',
  canBeFull: true,
  tellsSpace: true,
  resumes: true,
  keepsNs: wholeSeconds,
  keepsMode: (mode) => mode,
  async start() {
    server = await startSftpServer()
  },
  async stop() {
    await server?.stop()
    server = null
  },
  async open(_home, { megabytes } = {}) {
    if (megabytes === undefined) {
      const directory = path.join(sftpServer().root, randomUUID())
      mkdirSync(directory)
      return sftpPlace(directory)
    }
    const { point, remount } = await mountTmpfs(onTestFinished, { megabytes })
    return {
      ...sftpPlace(point),
      makeReadOnly: () => remount('ro'),
      fill: (leaving) => fillDisk(point, leaving),
    }
  },
}

/** A computer, and a place at the server that is its own. */
export async function beginSftp() {
  const home = await makeHome(temporaryDirectory('sftp'))
  const place = await sftpKind.open(home)
  const settings = place.settings() as DestinationOf<'sftp'>
  return { home, place, settings }
}

/** What the test of such a place, changed like this, says. */
export async function trySftp(
  changes: Partial<DestinationOf<'sftp'>> & { hostKey?: string },
  secrets?: Record<string, string>,
) {
  const { home, place, settings } = await beginSftp()
  const destination = { ...settings, ...changes }
  const { signal } = new AbortController()
  const options = { identity: home.identity, name: 'station-3', secrets: secrets ?? place.secrets, signal }
  return { answer: await testDestination(destination, options), directory: settings.path }
}
