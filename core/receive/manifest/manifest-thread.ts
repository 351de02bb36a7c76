import type { MessagePort } from 'node:worker_threads'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { errorText } from '../../files/system-error.ts'
import { storeLayout } from '../layout.ts'
import { openIntake } from './intake.ts'
import { isBroken, openManifestFile, setManifestAside } from './manifest-file.ts'
import type { FromManifestThread, ManifestPlaces, ToManifestThread } from './protocol.ts'
import { openRows } from './rows.ts'

/** Changes are taken in when none came for so long, in milliseconds: the transfer comes first. */
const QUIET_MS = 500
/** No change waits for longer than this, in milliseconds, however many come: the journal must not grow for ever. */
const LONGEST_MS = 3_000
/** What the receiver is at is looked at again after this, in milliseconds. */
const WAITING_MS = 2_000
/** After a failure (a disk that is full or read-only) the journal waits this long, in milliseconds. */
const RETRY_MS = 5_000

/**
 * The thread that keeps a store's manifest: SQLite's calls wait for the store's disk, and neither the answers to
 * the senders nor what is told of a hung disk may wait with them.
 */
export function runManifestThread(port: MessagePort): void {
  const post = (message: FromManifestThread) => port.postMessage(message)
  let places: ManifestPlaces | null = null
  let open: { database: DatabaseSyncInstance; intake: ReturnType<typeof openIntake> } | null = null
  let rows: ReturnType<typeof openRows> | null = null
  let tag: string | null = null
  let timer: NodeJS.Timeout | null = null
  /** When the oldest change came that is not taken in; performance.now(). */
  let changedAt: number | null = null

  const close = () => {
    try {
      open?.database.close()
    } catch {
      // Its disk is in trouble, which has been told; what was committed stays, the rest is in the journal.
    }
    open = null
    rows = null
  }

  const opened = ({ root, manifest }: ManifestPlaces) => {
    if (open !== null && rows !== null) return { ...open, rows }
    const { database, aside } = openManifestFile(manifest)
    if (aside !== null) post({ type: 'setAside', aside })
    rows = openRows(database)
    open = { database, intake: openIntake(storeLayout(root), database, rows) }
    return { ...open, rows }
  }

  const failed = (thrown: unknown) => {
    close()
    if (places !== null && isBroken(thrown))
      post({ type: 'setAside', aside: setManifestAside(places.manifest, 'broken') })
    else post({ type: 'failed', reason: errorText(thrown) })
    later(RETRY_MS)
  }

  /** All that the journal holds now. @returns whether it worked */
  const takeAll = (): boolean => {
    if (places === null) return true
    changedAt = null
    try {
      const manifest = opened(places)
      while (manifest.intake.step(tag));
      if (manifest.intake.isWaiting && tag !== null) later(WAITING_MS)
      const { position: upTo } = manifest.intake
      const totals = manifest.rows.totals()
      // Nothing stays open for writing: an administrator can still make the file system read-only.
      close()
      post({ type: 'settled', upTo, totals })
      return true
    } catch (thrown) {
      failed(thrown)
      return false
    }
  }

  const later = (ms: number) => {
    timer ??= setTimeout(() => {
      timer = null
      takeAll()
    }, ms)
  }

  const whenQuiet = () => {
    const now = performance.now()
    // What waits already, for its changes or after a failure, waits on.
    if (changedAt === null && timer !== null) return
    changedAt ??= now
    if (timer !== null) clearTimeout(timer)
    timer = null
    later(Math.min(QUIET_MS, Math.max(0, changedAt + LONGEST_MS - now)))
  }

  const stop = () => {
    tag = null
    takeAll()
    if (timer !== null) clearTimeout(timer)
    close()
    port.close()
  }

  port.on('message', (message: ToManifestThread) => {
    switch (message.type) {
      case 'open':
        places = message
        tag = message.tag
        takeAll()
        return
      case 'grown':
        return whenQuiet()
      case 'stop':
        return stop()
      default:
        message satisfies never
    }
  })
}
