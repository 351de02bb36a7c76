import { setTimeout as delay } from 'node:timers/promises'
import { BackendError, type BackendErrorKind } from '../../../core/backends/errors.ts'
import type { ObjectStore, ObjectUpload } from '../../../core/backends/objects/object-store.ts'

/** What goes wrong, and at which call of the store, counted from 1 on. */
export interface StoreTrouble {
  at: number
  kind: BackendErrorKind
  /** The store has done what it was asked, but nobody hears of it. */
  isDone: boolean
}

/** Calls of all stores that share it. */
export interface Calls {
  count: number
  /** The one that went wrong. */
  failed: string | null
}

/** A real store of which one call goes wrong, or each takes its time. */
export function faultyStore(
  store: ObjectStore,
  calls: Calls,
  trouble: StoreTrouble | null,
  delayMs = 0,
): ObjectStore {
  const step = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
    if (delayMs > 0) await delay(delayMs)
    calls.count += 1
    if (calls.count !== trouble?.at) return call()
    calls.failed = name
    if (trouble.isDone) await call()
    throw new BackendError(trouble.kind, `the call of ${name} fails`)
  }
  const faultyUpload = (upload: ObjectUpload): ObjectUpload => ({
    offset: upload.offset,
    write: (bytes) => step('write', () => upload.write(bytes)),
    finish: (digest, freeName) => step('finish', () => upload.finish(digest, freeName)),
    abort: (keep) => step('abort', () => upload.abort(keep)),
  })
  return {
    can: store.can,
    ended: store.ended,
    put: (...all) => step('put', () => store.put(...all)),
    begin: (...all) => step('begin', () => store.begin(...all)).then(faultyUpload),
    kept: (facts) => store.kept(facts),
    setFacts: (...all) => step('setFacts', () => store.setFacts(...all)),
    info: (...all) => step('info', () => store.info(...all)),
    async *read(...all) {
      await step('read', async () => undefined)
      yield* store.read(...all)
    },
    setAside: (...all) => step('setAside', () => store.setAside(...all)),
    versions: (...all) => step('versions', () => store.versions(...all)),
    above: (...all) => step('above', () => store.above(...all)),
    list: (...all) => step('list', () => store.list(...all)),
    remove: (...all) => step('remove', () => store.remove(...all)),
    sweep: (olderThan) => store.sweep(olderThan),
    close: () => store.close(),
  }
}
