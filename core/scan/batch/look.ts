import { lstat, opendir } from 'node:fs/promises'
import path from 'node:path'
import { errorCode, isGone } from '../../files/system-error.ts'
import type { NameFilter } from '../../filter/names.ts'
import type { Mount } from '../../mounts/mountinfo.ts'
import { mountAbove } from '../../mounts/mountinfo.ts'
import { readMounts } from '../../mounts/whereabouts.ts'
import type { Source } from '../../settings/schema.ts'
import { askInTime, callOn } from '../tree/calls.ts'
import type { Skipped, Unsendable } from '../tree/walk.ts'
import { hasReplacement } from '../tree/walk.ts'
import type { BatchFacts } from './rules.ts'

/** Directories that are looked at together. */
const AT_ONCE = 32

/** A disk of its own that is mounted as a batch directory is waited for so long, then the look goes on without it. */
const PATIENCE_MS = 5_000

/** What a look at a source's batch directories found. */
export interface BatchLook {
  batches: BatchFacts[]
  /** Directories that cannot be sent: their names are not valid UTF-8, or they cannot be looked at. */
  unsendable: Unsendable[]
  /** Directories on other file systems, where the source stays on one. */
  skipped: Skipped[]
}

/** Looks at all batch directories below a root. Throws the system's error if the root cannot be listed. */
export async function lookAtBatches(
  root: string,
  source: Pick<Source, 'batch' | 'oneFileSystem'>,
  filter: NameFilter,
): Promise<BatchLook> {
  const names = await childNames(root, source.batch.prefix, filter)
  const surroundings = await surroundingsOf(root, source)
  const look: BatchLook = { batches: [], unsendable: [], skipped: [] }
  for (let from = 0; from < names.length; from += AT_ONCE) {
    const some = names.slice(from, from + AT_ONCE)
    await Promise.all(some.map((name) => lookAt(look, surroundings, name)))
  }
  return look
}

/** Names of the directories in a root that begin with `prefix` and that no filter leaves out. */
export async function childNames(root: string, prefix: string, filter: NameFilter): Promise<string[]> {
  const names: string[] = []
  for await (const entry of await opendir(root)) {
    if (!entry.name.startsWith(prefix) || !entry.isDirectory()) continue
    if (filter.directory(entry.name) === null) names.push(entry.name)
  }
  return names
}

/** Where batch directories are looked at, and what is mounted there. */
interface Surroundings {
  root: string
  settings: Source['batch']
  /** What is mounted at the directories in the root, by their names. */
  mounted: ReadonlyMap<string, Mount>
  /** Of another file system than the root, where the source stays on one. */
  isElsewhere(mount: Mount): boolean
  /** The same by st_dev, where the system does not tell what is mounted; null: any may be there. */
  device: bigint | null
}

async function surroundingsOf(
  root: string,
  { batch: settings, oneFileSystem }: Pick<Source, 'batch' | 'oneFileSystem'>,
): Promise<Surroundings> {
  const mounts = readMounts()
  const home = mounts === null ? null : mountAbove(mounts, root)
  const inRoot = (mounts ?? []).filter(({ point }) => point !== root && path.dirname(point) === root)
  const isUntold = oneFileSystem && mounts === null
  return {
    root,
    settings,
    // Of several at one place the last covers the others.
    mounted: new Map(inRoot.map((mount) => [path.basename(mount.point), mount])),
    isElsewhere: ({ device }) => oneFileSystem && device !== home?.device,
    device: isUntold ? (await callOn(root, () => lstat(root, { bigint: true }))).dev : null,
  }
}

/** What goes wrong with one directory is told of it, and holds up no other. */
async function lookAt(look: BatchLook, surroundings: Surroundings, name: string): Promise<void> {
  const { root, mounted, isElsewhere } = surroundings
  const mount = mounted.get(name)
  if (mount !== undefined && isElsewhere(mount)) {
    look.skipped.push({ why: 'other-file-system', path: name })
    return
  }
  const place = mount === undefined ? root : path.join(root, name)
  const call = () => callOn(place, () => lookInside(surroundings, name))
  try {
    const found = await (mount === undefined ? call() : askInTime(place, PATIENCE_MS, call))
    if (found === 'elsewhere') look.skipped.push({ why: 'other-file-system', path: name })
    else if (found !== null) look.batches.push(found)
  } catch (thrown) {
    const code = errorCode(thrown)
    if (code === null) throw thrown
    if (!isGone(code)) look.unsendable.push({ why: 'directory', path: name, code })
    // Where a name is not valid UTF-8, what Node makes of it names nothing; U+FFFD may be in a valid one, too.
    else if (hasReplacement(name)) look.unsendable.push({ why: 'name', path: name })
  }
}

/** null: it is no directory. Throws the system's error. */
async function lookInside(
  { root, settings, device }: Surroundings,
  name: string,
): Promise<BatchFacts | 'elsewhere' | null> {
  const directory = path.join(root, name)
  // The marks first: a mark that lands meanwhile is then older than the directory's time, never newer.
  const closedAtNs = await madeAt(path.join(directory, settings.closedMark))
  const sentAtNs = await madeAt(path.join(directory, settings.sentMark))
  const stats = await lstat(directory, { bigint: true })
  if (!stats.isDirectory()) return null
  if (device !== null && stats.dev !== device) return 'elsewhere'
  const bornAtNs = bornAt(stats)
  return { name, inode: stats.ino, mtimeNs: stats.mtimeNs, bornAtNs, closedAtNs, sentAtNs }
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
