import { setTimeout as delay } from 'node:timers/promises'
import { expectErrorCodes } from '../../dropped-errors.ts'
import { createHasher, digestOf } from '../../platform/digest.ts'
import { isDurable, type Outcome, outcomeOf } from '../../store/outcome.ts'
import type { Offered, StoreSource } from '../../store/parts.ts'
import type { IncomingFile, Store } from '../../store/store.ts'
import type { Ended } from './incoming.ts'

/** A file up to this size is kept in memory until it is stored. */
const KEPT_BYTES = 256 * 1024
/** A store that is full, read-only or failing is tried again after this. */
const RETRY_MS = 2_000

/** A file as its client announces it. */
type Announced = Pick<Offered, 'path' | 'facts'>

/** What a file's storing needs of its connection. */
interface FileSource {
  /** What this client sends is stored in. @throws what the system says. */
  directory(): Promise<StoreSource>
  /** Says that the contents may come: the client waits for this. */
  ready(): void
  some(maxBytes: number): Promise<Buffer | Ended>
  /** The store does not take it now; said once for each reason. */
  onTrouble(outcome: Outcome): void
  /** Aborted when the client is gone, or the receiver ends. */
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

/** These of a file stay as they are, however often it is tried. */
const FINAL: ReadonlySet<Outcome['status']> = new Set(['name', 'tooLarge'])

/** Repeats until it is stored or never can be, or the connection is over. */
async function persist(source: FileSource, attempt: () => Promise<Outcome>): Promise<IsocketResult> {
  let told = ''
  for (;;) {
    const outcome = await attempt().catch(outcomeOf)
    if (isDurable(outcome)) return { kind: 'durable' }
    if (FINAL.has(outcome.status)) return { kind: 'refused', outcome }
    const text = `${outcome.status} ${outcome.detail}`
    if (text !== told) source.onTrouble(outcome)
    told = text
    if (!(await pause(source.signal))) return { kind: 'refused', outcome }
  }
}

/** A small file is kept in memory until the store has it, so that any trouble of the disk only delays it. */
async function storeSmall(store: Store, file: Announced, source: FileSource): Promise<IsocketResult> {
  source.ready()
  const { size } = file.facts
  const bytes = Buffer.alloc(size)
  for (let filled = 0; filled < size; ) {
    const piece = await source.some(size - filled)
    if (typeof piece === 'string') return { kind: 'cut', why: piece }
    filled += piece.copy(bytes, filled)
  }
  const digest = digestOf(bytes)
  return persist(source, async () =>
    store.receive({ ...file, source: await source.directory(), session: null, bytes, digest }),
  )
}

/** Room is made sure of, and a file opened, before the client is asked for the contents. */
async function beginLarge(
  store: Store,
  file: Announced,
  source: FileSource,
): Promise<IncomingFile | Outcome> {
  let begun: IncomingFile | null = null
  const made = await persist(source, async () => {
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
    // Waiting for each write keeps the client from sending faster than the disk takes it.
    await begun.write(piece)
    if (begun.refused !== null) {
      await begun.abort(false)
      return { kind: 'refused', outcome: begun.refused }
    }
  }
  const { outcome } = await begun.finish(hash.digest())
  return isDurable(outcome) ? { kind: 'durable' } : { kind: 'refused', outcome }
}

/** Receives one file and stores it as durably as any other. */
export function storeFile(store: Store, file: Announced, source: FileSource): Promise<IsocketResult> {
  return file.facts.size <= KEPT_BYTES ? storeSmall(store, file, source) : storeLarge(store, file, source)
}
