import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import type { FileFacts } from '../../core/files/facts.ts'
import { storeLayout } from '../../core/store/layout.ts'
import type { Listed, RestoreEvent } from '../../core/store/restore/restore.ts'
import { listStore, restoreStore } from '../../core/store/restore/restore.ts'
import type { Wanted } from '../../core/store/restore/wanted.ts'
import { factsOf } from './file-facts.ts'
import { openAt, smallFile } from './large-files.ts'
import { temporaryDirectory } from './temporary.ts'

const EVERYTHING: Wanted = {
  ...{ sender: null, source: null, path: null },
  ...{ at: null, version: null, oldNames: false },
}

/** A store with the source pc/data, to put files into and to restore them. */
export async function openRestoring() {
  const base = temporaryDirectory('restoring')
  const root = path.join(base, 'store')
  const layout = storeLayout(root)
  const { store, source } = await openAt(root)

  const put = (name: string, content: string | Buffer, changes: Partial<FileFacts> = {}) => {
    const bytes = Buffer.from(content)
    return store.receive({ ...smallFile(source, name, bytes), facts: factsOf(bytes.length, changes) })
  }

  interface Choice extends Partial<Wanted> {
    overwrite?: boolean
    told?: (event: RestoreEvent) => Promise<void>
    progress?: () => void
  }
  const restore = async (to: string, choice: Choice = {}) => {
    const { overwrite = false, told, progress = () => undefined, ...wanted } = choice
    const events: RestoreEvent[] = []
    const event = async (one: RestoreEvent) => {
      events.push(one)
      await told?.(one)
    }
    const all = { ...EVERYTHING, ...wanted }
    const summary = await restoreStore(root, to, all, overwrite, { event, progress })
    return { events, summary }
  }

  const list = async (wanted: Partial<Wanted> = {}) => {
    const listed: Listed[] = []
    const event = async (one: RestoreEvent) => {
      if (one.kind === 'listed') listed.push(one.listed)
    }
    const host = { event, progress: () => undefined }
    const summary = await listStore(root, { ...EVERYTHING, ...wanted }, host)
    return { listed, summary }
  }

  /** As somebody who can write the manifest would. */
  const inManifest = (sql: string) => {
    const database = new DatabaseSync(layout.manifest)
    database.exec(sql)
    database.close()
  }

  const stored = (name: string) => path.join(root, 'pc/data', name)
  /** What came to a destination, by name. */
  const textsIn = (to: string): Record<string, string> =>
    Object.fromEntries(
      fs
        .readdirSync(to, { recursive: true, encoding: 'utf8' })
        .sort()
        .filter((name) => fs.lstatSync(path.join(to, name)).isFile())
        .map((name) => [name, fs.readFileSync(path.join(to, name), 'utf8')]),
    )
  return { base, root, layout, store, source, put, restore, list, inManifest, stored, textsIn }
}
