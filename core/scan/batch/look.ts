import { lstat, opendir } from 'node:fs/promises'
import path from 'node:path'
import type { NameFilter } from '../../filter/names.ts'
import type { Source } from '../../settings/schema.ts'
import { errorCode } from '../../words/problem.ts'
import { callOn } from '../tree/calls.ts'
import type { Unsendable } from '../tree/walk.ts'
import { hasReplacement, isGone } from '../tree/walk.ts'
import type { BatchFacts } from './rules.ts'
import { isBatchName } from './rules.ts'

/** Directories that are looked at together. */
const AT_ONCE = 32

/** What a look at a source's batch directories found. */
export interface BatchLook {
  batches: BatchFacts[]
  /** Directories that cannot be sent, as their names are not valid UTF-8. */
  unnamed: Unsendable[]
}

/** Looks at all batch directories below a root. Throws the system's error if the root cannot be listed. */
export async function lookAtBatches(
  root: string,
  settings: Source['batch'],
  filter: NameFilter,
): Promise<BatchLook> {
  const names: string[] = []
  const unnamed: Unsendable[] = []
  for await (const entry of await opendir(root)) {
    if (!isBatchName(entry.name, settings.prefix)) continue
    if (entry.isFile() || entry.isSymbolicLink() || filter.directory(entry.name) !== null) continue
    if (entry.isDirectory() && (await isNameless(root, entry.name)))
      unnamed.push({ why: 'name', path: entry.name })
    else names.push(entry.name)
  }
  return { batches: await lookAtAll(root, names, settings), unnamed }
}

/** Where a name is not valid UTF-8, what Node makes of it names nothing; U+FFFD may be in a valid one, too. */
async function isNameless(root: string, name: string): Promise<boolean> {
  if (!hasReplacement(name)) return false
  try {
    await callOn(root, () => lstat(path.join(root, name)))
    return false
  } catch (thrown) {
    if (isGone(errorCode(thrown))) return true
    throw thrown
  }
}

async function lookAtAll(
  root: string,
  names: readonly string[],
  settings: Source['batch'],
): Promise<BatchFacts[]> {
  const facts: BatchFacts[] = []
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = names
      .slice(from, from + AT_ONCE)
      .map((name) => callOn(root, () => lookAtBatch(root, name, settings)))
    facts.push(...(await Promise.all(some)).filter((one) => one !== null))
  }
  return facts
}

async function lookAtBatch(
  root: string,
  name: string,
  settings: Source['batch'],
): Promise<BatchFacts | null> {
  const directory = path.join(root, name)
  // The marks first: a mark that lands meanwhile is then older than the directory's time, never newer.
  const closedAtNs = await madeAt(path.join(directory, settings.closedMark))
  const sentAtNs = await madeAt(path.join(directory, settings.sentMark))
  try {
    const stats = await lstat(directory, { bigint: true })
    if (!stats.isDirectory()) return null
    const bornAtNs = bornAt(stats)
    return { name, inode: stats.ino, mtimeNs: stats.mtimeNs, bornAtNs, closedAtNs, sentAtNs }
  } catch (thrown) {
    if (isGone(errorCode(thrown))) return null
    throw thrown
  }
}

/** When a directory was made, nanoseconds since 1970; null where the file system does not say. */
export function bornAt({ birthtimeNs }: { birthtimeNs: bigint }): bigint | null {
  return birthtimeNs > 0n ? birthtimeNs : null
}

/** When a mark was made, nanoseconds since 1970, or null if it is not there. */
export async function madeAt(mark: string): Promise<bigint | null> {
  try {
    return (await lstat(mark, { bigint: true })).mtimeNs
  } catch (thrown) {
    if (isGone(errorCode(thrown))) return null
    throw thrown
  }
}
