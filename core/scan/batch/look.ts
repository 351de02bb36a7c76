import { lstat, opendir } from 'node:fs/promises'
import path from 'node:path'
import type { NameFilter } from '../../filter/names.ts'
import type { Source } from '../../settings/schema.ts'
import { errorCode } from '../../words/problem.ts'
import { callOn } from '../calls.ts'
import { hasReplacement, isGone } from '../walk.ts'
import type { BatchFacts } from './rules.ts'
import { isBatchName } from './rules.ts'

/** Directories that are looked at together. */
const AT_ONCE = 32

/** Looks at all batch directories below a root. Throws the system's error if the root cannot be listed. */
export async function lookAtBatches(
  root: string,
  settings: Source['batch'],
  filter: NameFilter,
): Promise<BatchFacts[]> {
  const names: string[] = []
  for await (const entry of await opendir(root)) {
    if (!isBatchName(entry.name, settings.prefix) || hasReplacement(entry.name)) continue
    if (entry.isFile() || entry.isSymbolicLink() || filter.directory(entry.name) !== null) continue
    names.push(entry.name)
  }
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
