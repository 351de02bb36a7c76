import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { storeChoice } from '../../../cli/restore/restore-task.ts'
import { openLibrary } from '../../../core/backends/open.ts'
import type { Manifest } from '../../../core/fixity/read-manifest.ts'
import type { FileMetadata } from '../../../core/platform/file-metadata.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { runTask, type TaskEvent } from '../../../core/restore/task.ts'
import type { ListedContent, RestoreEvent } from '../../../core/restore/write/events.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { temporaryDirectory } from '../temporary.ts'
import { buildFacts } from './file-facts.ts'
import { openAt, smallFile } from './large-files.ts'

type Wanted = Partial<Omit<Parameters<typeof storeChoice>[0], 'at'>> & { at?: number | null }
const buildChoice = ({ at = null, ...wanted }: Wanted) => ({
  ...storeChoice({ oldNames: false, ...wanted }),
  at,
})

/** A store with the source pc/data, to put files into and to restore them. */
export async function openRestoring() {
  const base = temporaryDirectory('restoring')
  const root = path.join(base, 'store')
  const layout = storeLayout(root)
  const { store, source } = await openAt(root)

  const put = (name: string, content: string | Buffer, changes: Partial<FileMetadata> = {}) => {
    const bytes = Buffer.from(content)
    return store.receive({ ...smallFile(source, name, bytes), facts: buildFacts(bytes.length, changes) })
  }

  interface Choice extends Wanted {
    overwrite?: boolean
    manifest?: Manifest
    told?: (event: RestoreEvent) => Promise<void>
    progress?: () => void
  }
  const restore = async (to: string, choice: Choice = {}) => {
    const { overwrite = false, manifest, told, progress = () => undefined, ...wanted } = choice
    const events: RestoreEvent[] = []
    const event = async (one: RestoreEvent) => {
      events.push(one)
      await told?.(one)
    }
    const { signal } = new AbortController()
    const library = await openLibrary({ store: root }, signal)
    try {
      const conflict = overwrite ? 'replace' : 'leave'
      const all = { choice: buildChoice(wanted), destination: to, conflict, manifest } as const
      const summary = await restoreFrom(library, [all], { event, progress }, signal)
      return { events, summary }
    } finally {
      library.close()
    }
  }

  const list = async (wanted: Wanted = {}) => {
    const told: TaskEvent[] = []
    const task = { does: 'list', from: { store: root }, choice: buildChoice(wanted) } as const
    await runTask(task, async (event) => void told.push(event))
    const listed = told.flatMap((one): ListedContent[] =>
      one.type === 'restore' && one.event.kind === 'listed' ? [one.event.listed] : [],
    )
    const end = told.at(-1)
    if (end?.type !== 'restored') throw Object.assign(new Error('not listed'), end)
    return { listed, summary: end.summary }
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
