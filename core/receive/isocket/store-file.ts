import { setTimeout as delay } from 'node:timers/promises'
import { expectErrorCodes } from '../../dropped-errors.ts'
import { computeDigest, createHasher } from '../../platform/digest.ts'
import { isDurable, type Outcome, toOutcome } from '../../store/outcome.ts'
import type { Offered, StoreSource } from '../../store/parts.ts'
import type { IncomingFile, Store } from '../../store/store.ts'
import type { Ended } from './incoming.ts'

/** Files up to this size are kept in memory until they are stored. */
const KEPT_BYTES = 256 * 1024
/** Interval of retries while the store is full, read-only or failing. */
const RETRY_MS = 2_000

/** A file as announced by its client. */
type Announced = Pick<Offered, 'path' | 'facts'>

/** The connection as seen by the storing of a file. */
interface FileSource {
  /** Returns the directory for this client's files. @throws the system error. */
  directory(): Promise<StoreSource>
  /** Signals the client, which waits for it, to send the content. */
  ready(): void
  some(maxBytes: number): Promise<Buffer | Ended>
  /** Called if the store cannot take the file now; once for each reason. */
  onTrouble(outcome: Outcome): void
  /** Aborted when the client has disconnected, or the receiver ends. */
  signal: AbortSignal
}

export type IsocketResult =
  | { kind: 'durable' }
  | { kind: 'refused'; outcome: Outcome }
  | { kind: 'cut'; why: Ended }

async function pause(signal: AbortSignal): Promise<boolean> {
  await delay(RETRY_MS, undefined, { signal }).catch(expectErrorCodes(['ABORT_ERR'], undefined))
  return !signal.aborted
}

/** Results that do not change by retrying. */
const FINAL: ReadonlySet<Outcome['status']> = new Set(['name', 'tooLarge'])

/** Retries until the file is stored or permanently refused, or the connection has ended. */
async function retryUntilStored(source: FileSource, attempt: () => Promise<Outcome>): Promise<IsocketResult> {
  let told = ''
  for (;;) {
    const outcome = await attempt().catch(toOutcome)
    if (isDurable(outcome)) return { kind: 'durable' }
    if (FINAL.has(outcome.status)) return { kind: 'refused', outcome }
    const text = `${outcome.status} ${outcome.detail}`
    if (text !== told) source.onTrouble(outcome)
    told = text
    if (!(await pause(source.signal))) return { kind: 'refused', outcome }
  }
}

/** Keeps a small file in memory until it is stored, so that disk errors only delay it. */
async function storeSmall(store: Store, file: Announced, source: FileSource): Promise<IsocketResult> {
  source.ready()
  const { size } = file.facts
  const bytes = Buffer.alloc(size)
  for (let filled = 0; filled < size; ) {
    const piece = await source.some(size - filled)
    if (typeof piece === 'string') return { kind: 'cut', why: piece }
    filled += piece.copy(bytes, filled)
  }
  const digest = computeDigest(bytes)
  return retryUntilStored(source, async () =>
    store.receive({ ...file, source: await source.directory(), session: null, bytes, digest }),
  )
}

/** Reserves space and opens a file before the client is asked for the content. */
async function beginLarge(
  store: Store,
  file: Announced,
  source: FileSource,
): Promise<IncomingFile | Outcome> {
  let begun: IncomingFile | null = null
  const made = await retryUntilStored(source, async () => {
    const offered = { ...file, source: await source.directory(), session: null }
    const one = store.begin(offered, {})
    await one.offset
    const { refused } = one
    if (refused === null) begun = one
    else await one.abort(false)
    return refused ?? { status: 'durable', detail: '' }
  })
  if (begun !== null) return begun
  return made.kind === 'refused' ? made.outcome : { status: 'aborted', detail: '' }
}

async function storeLarge(store: Store, file: Announced, source: FileSource): Promise<IsocketResult> {
  const begun = await beginLarge(store, file, source)
  if ('status' in begun) return { kind: 'refused', outcome: begun }
  source.ready()
  const hash = createHasher()
  for (let left = file.facts.size; left > 0; ) {
    const piece = await source.some(left)
    if (typeof piece === 'string') {
      await begun.abort(false)
      return { kind: 'cut', why: piece }
    }
    left -= piece.length
    hash.update(piece)
    // Awaiting each write keeps the client from sending faster than the disk writes.
    await begun.write(piece)
    if (begun.refused !== null) {
      await begun.abort(false)
      return { kind: 'refused', outcome: begun.refused }
    }
  }
  const { outcome } = await begun.finish(hash.digest())
  return isDurable(outcome) ? { kind: 'durable' } : { kind: 'refused', outcome }
}

/** Receives one file and stores it, as durably as a file of any other sender. */
export function storeFile(store: Store, file: Announced, source: FileSource): Promise<IsocketResult> {
  return file.facts.size <= KEPT_BYTES ? storeSmall(store, file, source) : storeLarge(store, file, source)
}
