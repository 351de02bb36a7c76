import { randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { WebdavStore } from '../../../core/backends/webdav/webdav-store.ts'
import { mountTmpfs } from '../faults/mounts.ts'
import { type ApacheServer, startApache } from '../servers/apache.ts'
import { fillDisk, placeOnDisk } from './disk-place.ts'
import type { Place, TestedKind } from './kind.ts'

let server: ApacheServer | null = null

/** The server that all tests of a file share. */
export function webdavServer(): ApacheServer {
  if (server === null) throw new Error('it was not started')
  return server
}

/** A place in a directory below the server's root. */
export function webdavPlace(directory: string, folder = 'station'): Place {
  const { port, user, password, certificate, root } = webdavServer()
  const own = path.join(root, directory, folder)
  const onDisk = placeOnDisk(own, path.join(own, '.holdfast/versions'), [path.join(own, '.holdfast/partial')])
  const settings = (at = port) => ({
    id: 'd',
    kind: 'webdav' as const,
    name: 'nas',
    url: `https://127.0.0.1:${at}/dav/${directory}`,
    user,
    certificate,
    folder,
    recipient: null,
    hideNames: false,
  })
  const store = new WebdavStore(settings(), password)
  onTestFinished(() => store.close())
  return {
    port,
    secrets: { password },
    crash: async () => webdavServer().dropAll(),
    settings,
    ...onDisk,
    // As when Apache's .DAV directories are lost.
    async loseProperties() {
      const all = readdirSync(own, { recursive: true, encoding: 'utf8' })
      for (const name of all.filter((one) => path.basename(one) === '.DAV'))
        rmSync(path.join(own, name), { recursive: true })
    },
    async file(source, name) {
      const there = await onDisk.file(source, name)
      const info = await store.info(`${folder}/${source}/${name}`)
      return there === null || info === null ? null : { ...info, bytes: there.bytes }
    },
  }
}

/** Apache's mod_dav. */
export const webdavKind: TestedKind = {
  name: 'webdav',
  canBeFull: true,
  resumes: false,
  keepsNs: (ns) => ns,
  keepsMode: (mode) => mode,
  async start() {
    server = await startApache()
  },
  async stop() {
    await server?.stop()
    server = null
  },
  async open(_home, { megabytes } = {}) {
    const directory = randomUUID()
    const at = path.join(webdavServer().root, directory)
    if (megabytes === undefined) {
      mkdirSync(at)
      chmodSync(at, 0o777)
      return webdavPlace(directory)
    }
    const { point } = await mountTmpfs(onTestFinished, { megabytes })
    for (const one of [path.dirname(point), point]) chmodSync(one, 0o777)
    symlinkSync(point, at)
    // A read-only disk cannot be told from other failures: Apache answers 500.
    return { ...webdavPlace(directory), fill: (leaving) => fillDisk(point, leaving) }
  },
}
