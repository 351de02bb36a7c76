import { statfs } from 'node:fs/promises'
import { createNameFilter, nameRulesOf } from '../../filter/names.ts'
import { hasUnseenWriters } from '../../mounts/unseen-writers.ts'
import type { SessionContext } from '../session.ts'
import { callOn } from '../tree/calls.ts'
import type { Part } from '../tree/regions.ts'
import { inParts } from '../tree/regions.ts'
import { walk } from '../tree/walk.ts'
import type { TreeWatcher } from '../watch/tree-watcher.ts'
import type { Listing } from './messages.ts'
import { rowsOf } from './rows.ts'
import type { ListedChunk } from './sync-walk.ts'

type Listed = Pick<SessionContext, 'source' | 'root' | 'scope' | 'list' | 'signal'>

/**
 * Lists a session's tree, or one directory of it, for the comparison: each file system in a thread by synchronous
 * calls, or through the pool of threads where that is faster, or where there are threads enough.
 * @param method how the tree is watched.
 */
export function listTree(
  context: Listed,
  method: TreeWatcher['method'],
  base: string,
  recursive: boolean,
): Listing {
  const { source, root, scope, signal } = context
  const filter = createNameFilter(nameRulesOf(source))
  const inPool = async function* (part: Part): Listing {
    for await (const { files, unsendable, skipped } of walk({ root, filter, signal, ...part })) {
      const temporary = skipped.filter(({ why }) => why === 'temporary').map(({ path }) => path)
      yield { rows: rowsOf(files), unsendable, temporary }
    }
  }
  const list = async function* (part: Part, isInner: boolean): Listing {
    // On a network mount each call waits for the other computer: several at once are faster there.
    const isRemote = isInner ? await isShared(part.place) : method === 'polling'
    yield* (isRemote ? null : context.list(part, signal)) ?? inPool(part)
  }
  return inParts<ListedChunk>(
    { root, base, filter, recursive, scope },
    { list, told: ({ unsendable }) => ({ rows: '[]', unsendable, temporary: [] }) },
  )
}

/** false if it cannot be asked: then its listing says why it cannot be read. */
async function isShared(place: string): Promise<boolean> {
  const type = await callOn(place, () => statfs(place)).then(
    (found) => found.type,
    () => null,
  )
  return hasUnseenWriters({ platform: process.platform, fileSystemType: type })
}
