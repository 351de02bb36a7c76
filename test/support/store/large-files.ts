import fs from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { DEFAULT_RULES, type StoreRules } from '../../../core/store/quota/admission.ts'
import { type SmallIncoming, Store, type StoreSource } from '../../../core/store/store.ts'
import { temporaryDirectory } from '../temporary.ts'
import { readTree, receiverParts } from '../transfer/transfer.ts'
import { computeDigest, offeredAs } from './file-facts.ts'

/** A store that ends with the test, with one source: the directory pc/data. */
export async function openAt(
  root: string,
  rules: Partial<StoreRules> = {},
  log: (text: string) => void = () => undefined,
): Promise<{ store: Store; source: StoreSource }> {
  const layout = storeLayout(root)
  fs.mkdirSync(layout.own, { recursive: true, mode: 0o700 })
  const store = new Store(layout, {
    thread: receiverParts.storeThread,
    rules: { ...DEFAULT_RULES, ...rules },
    log,
  })
  onTestFinished(() => store.close())
  return { store, source: await store.source('pc', 'data') }
}

/** The same in a directory of its own; `kept`: what waits to be gone on with. */
export async function openLarge(rules: Partial<StoreRules> = {}) {
  const root = temporaryDirectory('partials')
  const kept = () => Object.values(readTree(path.join(root, '.holdfast', 'partial')))
  const stored = () => readTree(path.join(root, 'pc', 'data'))
  return { root, ...(await openAt(root, rules)), kept, stored }
}

export const smallFile = (source: StoreSource, name: string, bytes: Uint8Array): SmallIncoming => ({
  ...offeredAs(source, name, bytes.length),
  bytes,
  digest: computeDigest(bytes),
})

const turns = createSemaphore(64)

/** Begins a large file, or goes on with it. */
export const begin = (store: Store, source: StoreSource, name: string, size: number, identity?: string) =>
  store.begin(offeredAs(source, name, size), { identity, turns })

/** Sends the first `part` bytes, as far as they are missing, and loses the connection. */
export async function beginLarge(
  { store, source }: { store: Store; source: StoreSource },
  name: string,
  bytes: Buffer,
  part: number,
  identity = '1',
): Promise<number | null> {
  const file = begin(store, source, name, bytes.length, identity)
  const offset = await file.offset
  if (offset !== null && offset < part) await file.write(bytes.subarray(offset, part))
  await file.abort(true)
  return offset
}

/** Sends what is missing, to the end. */
export async function sendLarge(
  { store, source }: { store: Store; source: StoreSource },
  name: string,
  bytes: Buffer,
  identity = '1',
) {
  const file = begin(store, source, name, bytes.length, identity)
  const offset = await file.offset
  if (offset !== null && offset < bytes.length) await file.write(bytes.subarray(offset))
  const { status } = await file.finish(computeDigest(bytes))
  return { offset, status }
}
