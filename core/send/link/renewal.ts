import { errorCode } from '../../files/system-error.ts'
import type { FrameHeader } from '../../wire/frames.ts'
import type { Identity } from '../../wire/identity.ts'
import { adoptNextIdentity, loadIdentity, loadNextIdentity } from '../../wire/identity.ts'
import type { Peer } from '../../wire/tls.ts'
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
  /** The certificate to show now: the next one, as soon as the receiver that is sent to knows it. */
  readonly identity: Identity
  /** The one that a receiver which is paired with now will be shown first. */
  readonly current: Identity
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
  /**
   * The receiver that is sent to here, and all that this computer is paired with: each must know the next certificate
   * before the present one is given up. Other processes send to the others.
   */
  setReceivers(own: Paired | null, all: readonly Paired[]): void
  /** Before pairing: a certificate that has ended is of no use to anybody, so its successor takes over. */
  replaceExpired(): Promise<void>
}

export async function openRenewal(
  directory: string,
  log: (level: 'info' | 'warn', text: string) => void,
): Promise<Renewal> {
  let identity = await loadIdentity(directory)
  let next = await loadNextIdentity(directory, identity, Date.now())
  const pinned = openPinnedReceivers(directory, (text) => log('warn', text))
  let own: Paired | null = null
  let receivers: readonly Paired[] = []

  const adoptNext = async (): Promise<void> => {
    if (next === null) return
    const { fingerprint } = identity
    await adoptNextIdentity(directory).catch((thrown: unknown) => {
      // Another process, which sends to another receiver, was quicker.
      if (errorCode(thrown) !== 'ENOENT') throw thrown
    })
    await load()
    log('info', `this computer's certificate ${fingerprint} is replaced by ${identity.fingerprint}`)
  }

  /** What is in the directory now: another process may have changed it. */
  const load = async (): Promise<void> => {
    const current = await loadIdentity(directory)
    next = await loadNextIdentity(directory, current, Date.now())
    identity = current
  }

  const shown = (): Identity =>
    next !== null && own !== null && pinned.of(own.fingerprint).confirmed === next.fingerprint
      ? next
      : identity

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
      return shown()
    },
    get current() {
      return identity
    },
    async prepare() {
      await load()
      if (next === null || own === null) return
      // All may have come to know it just before a crash. One that was away until now refuses a certificate that has
      // ended: it keeps nobody else from the next one.
      const hasEnded = identity.expiresAt <= Date.now()
      if (knownToAll(next.fingerprint) || (hasEnded && shown() === next)) await adoptNext()
    },
    peerOf(paired) {
      const pin = pinned.of(paired.fingerprint)
      return { ...paired, fingerprint: pin.current, nextFingerprint: pin.next }
    },
    announcement(paired) {
      const knows = pinned.of(paired.fingerprint).next
      // What is shown need not be announced.
      const following = next === null || shown() === next ? {} : { next: next.fingerprint }
      return { ...following, ...(knows === null ? {} : { knows }) }
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
    setReceivers(mine, all) {
      own = mine
      receivers = all
    },
    async replaceExpired() {
      if (identity.expiresAt > Date.now()) return
      next ??= await loadNextIdentity(directory, identity, Date.now())
      await adoptNext()
    },
  }
}
