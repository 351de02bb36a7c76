import { setTimeout as delay } from 'node:timers/promises'
import { BEST_DIGEST, createHasher, digestOf } from '../../files/digest.ts'
import type { FileFacts } from '../file-facts.ts'
import type { Outcome } from '../file-refused.ts'
import type { IncomingFile, Store } from '../store/store.ts'
import type { Ended } from './incoming.ts'

/** A file up to this size is kept in memory until it is stored. */
const KEPT_BYTES = 256 * 1024
/** A store that is full, read-only or failing is tried again after this. */
const RETRY_MS = 2_000

/** What a file's storing needs of its connection. */
export interface FileSource {
  /** Says that the contents may come: the client waits for this. */
  ready(): void
  some(maxBytes: number): Promise<Buffer | Ended>
  /** The store does not take it now; said once for each reason. */
  onTrouble(outcome: Outcome): void
  /** Aborted when the client is gone, or the receiver ends. */
  signal: AbortSignal
}

export type Stored = { kind: 'durable' } | { kind: 'refused'; outcome: Outcome } | { kind: 'cut'; why: Ended }

const isStored = ({ status }: Outcome) => status === 'durable' || status === 'same'

async function pause(signal: AbortSignal): Promise<boolean> {
  await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
  return !signal.aborted
}

/** Repeats until it is stored, or the connection is over. */
async function persist(source: FileSource, attempt: () => Promise<Outcome>): Promise<Stored> {
  let told = ''
  for (;;) {
    const outcome = await attempt()
    if (isStored(outcome)) return { kind: 'durable' }
    const text = `${outcome.status} ${outcome.detail}`
    if (text !== told) source.onTrouble(outcome)
    told = text
    if (!(await pause(source.signal))) return { kind: 'refused', outcome }
  }
}

/** A small file is kept in memory until the store has it, so that any trouble of the disk only delays it. */
async function storeSmall(store: Store, facts: FileFacts, source: FileSource): Promise<Stored> {
  source.ready()
  const bytes = Buffer.alloc(facts.size)
  for (let filled = 0; filled < facts.size; ) {
    const piece = await source.some(facts.size - filled)
    if (typeof piece === 'string') return { kind: 'cut', why: piece }
    filled += piece.copy(bytes, filled)
  }
  const digest = digestOf(BEST_DIGEST, bytes)
  return persist(source, () => store.receive(facts, bytes, digest))
}

/** Room is made sure of, and a file opened, before the client is asked for the contents. */
async function beginLarge(
  store: Store,
  facts: FileFacts,
  source: FileSource,
): Promise<IncomingFile | Outcome> {
  let file = store.begin(facts)
  const begun = await persist(source, async () => {
    await file.write(Buffer.alloc(0))
    const { refused } = file
    if (refused === null) return { status: 'durable', detail: '' }
    await file.abort()
    file = store.begin(facts)
    return refused
  })
  if (begun.kind === 'durable') return file
  await file.abort()
  return begun.kind === 'refused' ? begun.outcome : { status: 'aborted', detail: '' }
}

async function storeLarge(store: Store, facts: FileFacts, source: FileSource): Promise<Stored> {
  const file = await beginLarge(store, { ...facts, hash: BEST_DIGEST }, source)
  if ('status' in file) return { kind: 'refused', outcome: file }
  source.ready()
  const hash = createHasher(BEST_DIGEST)
  for (let left = facts.size; left > 0; ) {
    const piece = await source.some(left)
    if (typeof piece === 'string') {
      await file.abort()
      return { kind: 'cut', why: piece }
    }
    left -= piece.length
    hash.update(piece)
    // Waiting for each write keeps the client from sending faster than the disk takes it.
    await file.write(piece)
    if (file.refused !== null) {
      await file.abort()
      return { kind: 'refused', outcome: file.refused }
    }
  }
  const outcome = await file.finish(hash.digest())
  return isStored(outcome) ? { kind: 'durable' } : { kind: 'refused', outcome }
}

/** Receives one file and stores it as durably as any other. */
export function storeFile(store: Store, facts: FileFacts, source: FileSource): Promise<Stored> {
  return facts.size <= KEPT_BYTES ? storeSmall(store, facts, source) : storeLarge(store, facts, source)
}
