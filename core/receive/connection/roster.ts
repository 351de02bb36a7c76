import { inTime } from '../../pacing/in-time.ts'
import type { ReceiverRenewal } from '../senders/renewal.ts'
import type { SeenLog } from '../senders/seen.ts'
import { SEEN_EVERY_MS } from '../senders/seen.ts'
import type { Senders } from '../senders/senders.ts'
import type { Store } from '../store/store.ts'
import type { Connected } from './connected.ts'

/** A command beside the receiver changes the list of senders as a file; it is looked at this often. */
export const LOOK_EVERY_MS = 250

export interface Roster {
  /** Ends the connections of those that may send no longer, and removes what waits to be gone on with by them. */
  dropRefused(): void
  /** Ends it, and writes a last time who was seen; gives up on a disk that does not answer. */
  stop(): Promise<void>
}

const LAST_WRITE_MS = 1_000

interface RosterParts {
  senders: Senders
  connected: Pick<Connected, 'folders' | 'dropRefused'>
  seen: SeenLog
  renewal: Pick<ReceiverRenewal, 'proceed'>
  store: Pick<Store, 'abandon'>
  log(level: 'info' | 'warn', text: string): void
}

/** Keeps a running receiver's senders as the list on disk says, and notes who is connected. */
export function followRoster({ senders, connected, seen, renewal, store, log }: RosterParts): Roster {
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

  const look = async (): Promise<void> => {
    // A disk that hangs has one look waiting, not one more each time.
    if (looking) return
    looking = true
    try {
      if (await senders.refresh()) {
        dropRefused()
        void renewal.proceed()
      }
      failing = false
    } catch (thrown) {
      if (!failing) log('warn', `the list of paired senders cannot be read again: ${String(thrown)}`)
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
    dropRefused,
    async stop() {
      clearInterval(timer)
      seen.note(connected.folders(), Date.now())
      seen.note(new Set(), Date.now())
      await inTime(LAST_WRITE_MS, seen.write())
    },
  }
}
