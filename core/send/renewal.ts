import path from 'node:path'
import type { FrameHeader } from '../wire/frames.ts'
import type { Identity } from '../wire/identity.ts'
import { adoptNextIdentity, loadIdentity, loadNextIdentity } from '../wire/identity.ts'
import type { Peer } from '../wire/tls.ts'
import type { Pin } from './pinned-receivers.ts'
import { openPinnedReceivers } from './pinned-receivers.ts'

/** A receiver by what it had when it was paired. */
type Paired = Pick<Peer, 'host' | 'port' | 'fingerprint'>

/**
 * The sender's side of changing certificates without pairing again. Each end announces its next certificate
 * over a connection that the present ones have proven; the other end pins it durably and says so; only then is
 * it used, and only when it has been seen in use is the old one dropped.
 */
export interface Renewal {
  /** The certificate to show now. */
  readonly identity: Identity
  /** Makes the next certificate if the present one ends soon. */
  prepare(): Promise<void>
  /** Where to connect, and which certificates are right there. */
  peerOf(paired: Paired): Peer
  /** What `hello` says about certificates. */
  announcement(paired: Paired): Pick<FrameHeader<'hello'>, 'next' | 'knows'>
  /**
   * Takes over what the receiver has shown and said. null: nothing is new; else the connection is to be made again
   * when the promise is settled: that tells the receiver, and uses what is new.
   */
  onWelcome(
    paired: Paired,
    shown: string | null,
    welcome: Pick<FrameHeader<'welcome'>, 'next' | 'knows'>,
  ): Promise<void> | null
  /** All receivers that are sent to: each must know the next certificate before it is used. */
  setReceivers(paired: readonly Paired[]): void
  /** Before pairing: a certificate that has ended is of no use to anybody, so its successor takes over. */
  replaceExpired(): Promise<void>
}

export async function openRenewal(
  directory: string,
  log: (level: 'info' | 'warn', text: string) => void,
): Promise<Renewal> {
  let identity = await loadIdentity(directory)
  let next = await loadNextIdentity(directory, identity, Date.now())
  const pinned = await openPinnedReceivers(path.join(directory, 'receivers.json'), (text) =>
    log('warn', text),
  )
  let receivers: readonly Paired[] = []

  const adoptNext = async (): Promise<void> => {
    if (next === null) return
    await adoptNextIdentity(directory)
    log('info', `this computer's certificate ${identity.fingerprint} is replaced by ${next.fingerprint}`)
    identity = next
    next = null
  }

  const knownToAll = (fingerprint: string) =>
    receivers.every((one) => pinned.of(one.fingerprint).confirmed === fingerprint)

  const pinAfter = (pin: Pin, shown: string | null, welcome: { next?: string | undefined }): Pin => {
    const current = shown !== null && shown === pin.next ? shown : pin.current
    // A receiver that shows its next certificate has none after it, unless it says so.
    const following = welcome.next ?? (current === pin.current ? pin.next : null)
    return { ...pin, current, next: following === current ? null : following }
  }

  return {
    get identity() {
      return identity
    },
    async prepare() {
      next ??= await loadNextIdentity(directory, identity, Date.now())
    },
    peerOf(paired) {
      const pin = pinned.of(paired.fingerprint)
      return { ...paired, fingerprint: pin.current, nextFingerprint: pin.next }
    },
    announcement(paired) {
      const knows = pinned.of(paired.fingerprint).next
      return { ...(next === null ? {} : { next: next.fingerprint }), ...(knows === null ? {} : { knows }) }
    },
    onWelcome(paired, shown, welcome) {
      const before = pinned.of(paired.fingerprint)
      const seen = pinAfter(before, shown, welcome)
      const isConfirmed = next !== null && welcome.knows === next.fingerprint
      const after = { ...seen, confirmed: isConfirmed ? (next?.fingerprint ?? null) : seen.confirmed }
      const isNew = JSON.stringify(after) !== JSON.stringify(before)
      if (!isNew && !(isConfirmed && next !== null && knownToAll(next.fingerprint))) return null
      return (async () => {
        if (isNew) await pinned.put(paired.fingerprint, after)
        if (next !== null && knownToAll(next.fingerprint)) await adoptNext()
      })()
    },
    setReceivers(paired) {
      receivers = paired
    },
    async replaceExpired() {
      if (identity.expiresAt > Date.now()) return
      next ??= await loadNextIdentity(directory, identity, Date.now())
      await adoptNext()
    },
  }
}
