import { stat } from 'node:fs/promises'
import { withTimeout } from '../../lib/async/with-timeout.ts'
import type { Senders } from '../../store/senders/senders.ts'
import type { Store } from '../../store/store.ts'
import { SEEN_EVERY_MS, type SeenLog } from '../senders/last-seen.ts'
import type { Connected } from './active-connections.ts'

/** Interval of checking the list of senders, a file that commands change while the receiver runs. */
const LOOK_EVERY_MS = 250

const LAST_WRITE_MS = 1_000

interface SenderListDeps {
  senders: Senders
  connected: Pick<Connected, 'folders' | 'dropRefused' | 'want'>
  /** See StoreLayout. */
  wanted: string
  seen: SeenLog
  store: Pick<Store, 'abandon'>
  log(level: 'info' | 'warn', text: string): void
}

/** Returns a value that changes with the file; null: it does not exist. */
const readStamp = (file: string): Promise<string | null> =>
  stat(file, { bigint: true }).then(
    ({ mtimeNs, ino }) => `${ino} ${mtimeNs}`,
    () => null,
  )

/** Applies changes of the list of senders to a running receiver, and records which senders are connected. */
export function watchSenderList({ senders, connected, seen, store, wanted, log }: SenderListDeps) {
  const dropRefused = () => {
    connected.dropRefused(senders)
    const refused = senders.list().filter(({ fingerprint }) => senders.accepted(fingerprint) === null)
    void store.abandon(new Set(refused.map(({ folder }) => folder)))
  }
  // Senders may have been revoked while no receiver ran.
  dropRefused()

  let looking = false
  let failing = false
  let notedAt = 0
  let wantedAt: string | null = null

  const look = async (): Promise<void> => {
    // Checks do not overlap, so that they cannot pile up on a hanging disk.
    if (looking) return
    looking = true
    try {
      if (await senders.refresh()) dropRefused()
      const stamp = await readStamp(wanted)
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
    /** Closes the connections of revoked senders, and removes their partial files. */
    dropRefused,
    /** Stops, and writes the last-seen times one last time; gives up if the disk does not answer. */
    async stop() {
      clearInterval(timer)
      seen.note(connected.folders(), Date.now())
      seen.note(new Set(), Date.now())
      await withTimeout(LAST_WRITE_MS, seen.write())
    },
  }
}
