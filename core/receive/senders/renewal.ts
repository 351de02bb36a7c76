import type { Identity } from '../../wire/identity.ts'
import { adoptNextIdentity, loadIdentity, loadNextIdentity, RENEW_BEFORE_MS } from '../../wire/identity.ts'
import type { Sender, Senders } from './senders.ts'

/** What a sender says about certificates in its hello. */
export interface Announcement {
  next?: string | undefined
  knows?: string | undefined
}

/** The receiver's side of changing certificates without pairing again: core/send/link/renewal.ts. */
export interface ReceiverRenewal {
  readonly identity: Identity
  /** What `welcome` says about certificates to this sender. */
  welcome(sender: Sender, announced: Announcement): Announcement
  /** A sender is let in that has shown this certificate; null: nothing is new. Never rejects. */
  onHello(sender: Sender, shown: string, announced: Announcement): Promise<void> | null
  /** Uses the next certificate if all senders know it; to be called when one goes, too. Never rejects. */
  proceed(): Promise<void>
  stop(): void
}

const DAY_MS = 24 * 3600 * 1000

interface RenewalParts {
  directory: string
  senders: Senders
  log(level: 'info' | 'warn', text: string): void
  /** From here on connections are to be shown this certificate. */
  onRenewed(identity: Identity): Promise<void>
}

export async function openReceiverRenewal(parts: RenewalParts): Promise<ReceiverRenewal> {
  const { directory, senders, log } = parts
  let identity = await loadIdentity(directory)
  let next = await loadNextIdentity(directory, identity, Date.now())
  let working: Promise<void> = Promise.resolve()

  /** One step after the other; a failure leaves everything as it is, to be tried at the next occasion. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    working = working.then(work).catch((thrown: unknown) => log('warn', `certificates: ${String(thrown)}`))
    return working
  }

  const waitingFor = (fingerprint: string) =>
    senders
      .list()
      .filter((one) => senders.accepted(one.fingerprint) !== null && one.knowsNext !== fingerprint)

  const proceedNow = async (): Promise<void> => {
    if (next === null || waitingFor(next.fingerprint).length > 0) return
    await adoptNextIdentity(directory)
    log('info', `this receiver's certificate ${identity.fingerprint} is replaced by ${next.fingerprint}`)
    identity = next
    next = null
    await parts.onRenewed(identity)
  }

  const daily = setInterval(() => {
    if (identity.expiresAt - Date.now() > RENEW_BEFORE_MS) return
    void inTurn(async () => {
      next ??= await loadNextIdentity(directory, identity, Date.now())
      if (next === null) return
      const names = waitingFor(next.fingerprint).map(({ name }) => name)
      if (names.length > 0)
        log(
          'info',
          `the next certificate waits for senders to connect, or to be revoked: ${names.join(', ')}`,
        )
    })
  }, DAY_MS)

  const isNew = (sender: Sender, shown: string, { next: theirs, knows }: Announcement) =>
    shown === sender.next ||
    (theirs !== undefined && theirs !== sender.next) ||
    (knows !== undefined && knows === next?.fingerprint && knows !== sender.knowsNext)

  return {
    get identity() {
      return identity
    },
    welcome(sender, announced) {
      const known = senders.known(sender.fingerprint) ?? senders.known(sender.next ?? '')
      const isKnown = announced.next !== undefined && known?.next === announced.next
      return {
        ...(next === null ? {} : { next: next.fingerprint }),
        ...(isKnown ? { knows: announced.next } : {}),
      }
    },
    onHello(sender, shown, announced) {
      if (!isNew(sender, shown, announced)) return null
      return inTurn(async () => {
        const { knows } = announced
        const knowsNext = knows === next?.fingerprint ? (knows ?? null) : null
        const taken = await senders.renew(sender.folder, { shown, next: announced.next ?? null, knowsNext })
        if (!taken)
          log('warn', `${sender.name} announced a certificate that another sender has: not taken over`)
        await proceedNow()
      })
    },
    proceed: () => inTurn(proceedNow),
    stop: () => clearInterval(daily),
  }
}
