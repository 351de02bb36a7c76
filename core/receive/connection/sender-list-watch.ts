import { stat } from 'node:fs/promises'
import { withTimeout } from '../../lib/async/with-timeout.ts'
import type { Senders } from '../../store/senders/senders.ts'
import type { Store } from '../../store/store.ts'
import { SEEN_EVERY_MS, type SeenLog } from '../senders/last-seen.ts'
import type { Connected } from './active-connections.ts'

/** A command beside the receiver changes the list of senders as a file; it is looked at this often. */
const LOOK_EVERY_MS = 250

const LAST_WRITE_MS = 1_000

interface RosterParts {
  senders: Senders
  connected: Pick<Connected, 'folders' | 'dropRefused' | 'want'>
  /** See StoreLayout. */
  wanted: string
  seen: SeenLog
  store: Pick<Store, 'abandon'>
  log(level: 'info' | 'warn', text: string): void
}

/** Tells of a change of a file; null: it is not there. */
const stampOf = (file: string): Promise<string | null> =>
  stat(file, { bigint: true }).then(
    ({ mtimeNs, ino }) => `${ino} ${mtimeNs}`,
    () => null,
  )

/** Keeps a running receiver's senders as the list on disk says, and notes who is connected. */
export function followRoster({ senders, connected, seen, store, wanted, log }: RosterParts) {
  const dropRefused = () => {
    connected.dropRefused(senders)
    const refused = senders.list().filter(({ fingerprint }) => senders.accepted(fingerprint) === null)
    void store.abandon(new Set(refused.map(({ folder }) => folder)))
  }
  // Some may have been revoked while no receiver ran.
  dropRefused()

  let looking = false
  let failing = false
  let notedAt = 0
  let wantedAt: string | null = null

  const look = async (): Promise<void> => {
    // A disk that hangs has one look waiting, not one more each time.
    if (looking) return
    looking = true
    try {
      if (await senders.refresh()) dropRefused()
      const stamp = await stampOf(wanted)
      if (stamp !== wantedAt) connected.want()
      wantedAt = stamp
      failing = false
    } catch (error) {
      if (!failing) log('warn', `the list of paired senders cannot be read again: ${String(error)}`)
      failing = true
    } finally {
      looking = false
    }
    if (Date.now() - notedAt < SEEN_EVERY_MS && notedAt <= Date.now()) return
    notedAt = Date.now()
    seen.note(connected.folders(), notedAt)
    await seen.write()
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  return {
    /** Ends the connections of those that may send no longer, and removes their partial files. */
    dropRefused,
    /** Ends it, and writes a last time who was seen; gives up on a disk that does not answer. */
    async stop() {
      clearInterval(timer)
      seen.note(connected.folders(), Date.now())
      seen.note(new Set(), Date.now())
      await withTimeout(LAST_WRITE_MS, seen.write())
    },
  }
}
