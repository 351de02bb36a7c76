import path from 'node:path'
import { onTestFinished } from 'vitest'
import { openAdmission } from '../../core/receive/limits/admission.ts'
import type { StoreRules } from '../../core/receive/limits/rules.ts'
import { DEFAULT_RULES } from '../../core/receive/limits/rules.ts'
import type { Store } from '../../core/receive/store/store.ts'
import { openStore } from '../../core/receive/store/store.ts'
import { digestOf, factsOf } from './file-facts.ts'
import { temporaryDirectory } from './temporary.ts'
import { treeOf } from './transfer.ts'

/** A store that ends with the test. */
export function openAt(root: string, rules: Partial<StoreRules> = {}, thread: URL | null = null): Store {
  const admission = openAdmission(root, { ...DEFAULT_RULES, ...rules }, Promise.resolve(), () => ({
    files: 0,
    bytes: 0,
  }))
  const store = openStore(root, {
    thread,
    journal: { record: () => Promise.resolve(), announce: () => Promise.resolve() },
    admission,
  })
  onTestFinished(() => store.close())
  return store
}

/** The same in a directory of its own; `kept`: what waits to be gone on with. */
export function openLarge(rules: Partial<StoreRules> = {}) {
  const root = temporaryDirectory('partials')
  const kept = () => Object.values(treeOf(path.join(root, '.holdfast', 'partial')))
  const stored = () => treeOf(path.join(root, 'pc', 'data'))
  return { root, store: openAt(root, rules), kept, stored }
}

/** Sends the first `part` bytes, as far as they are missing, and loses the connection. */
export async function beginLarge(
  store: Store,
  name: string,
  bytes: Buffer,
  part: number,
  identity = '1',
): Promise<number | null> {
  const file = store.begin(factsOf(name, bytes.length), identity)
  const offset = await file.offset
  if (offset !== null && offset < part) await file.write(bytes.subarray(offset, part))
  await file.abort(true)
  return offset
}

/** Sends what is missing, to the end. */
export async function sendLarge(store: Store, name: string, bytes: Buffer, identity = '1') {
  const file = store.begin(factsOf(name, bytes.length), identity)
  const offset = await file.offset
  if (offset !== null && offset < bytes.length) await file.write(bytes.subarray(offset))
  const { status } = await file.finish(digestOf(bytes))
  return { offset, status }
}
