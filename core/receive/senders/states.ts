import type { SeenLog, ToldStatus } from './seen.ts'
import type { Sender, Senders } from './senders.ts'

/** What is known of a sender; times in milliseconds since 1970, by this computer's clock. */
export interface SenderState
  extends Pick<Sender, 'fingerprint' | 'name' | 'folder' | 'pairedAt'>,
    Omit<ToldStatus, 'status' | 'statusAt'> {
  /** When it was last connected; null: it never was. */
  seenAt: number | null
  connected: boolean
  /** What it last said of itself; null: it never did. */
  status: ToldStatus['status'] | null
  statusAt: number | null
}

/** Those that may send now: of one that was revoked nobody waits for anything. */
export function senderStates(
  senders: Pick<Senders, 'list' | 'accepted'>,
  seen: Pick<SeenLog, 'seenAt' | 'told'>,
  connected: ReadonlySet<string>,
): SenderState[] {
  return senders
    .list()
    .filter(({ fingerprint }) => senders.accepted(fingerprint) !== null)
    .map(({ fingerprint, name, folder, pairedAt }) => {
      const { status = null, statusAt = null, failingSince = null } = seen.told(folder) ?? {}
      const known = { seenAt: seen.seenAt(folder), connected: connected.has(folder) }
      return { fingerprint, name, folder, pairedAt, ...known, status, statusAt, failingSince }
    })
}
