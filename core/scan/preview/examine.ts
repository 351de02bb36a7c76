import type { LedgerReader } from '../../ledger/ledger.ts'
import { getMountPresence, isBelowAway } from '../../ledger/mount-presence.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import type { RequestInput } from '../../lib/workers/definition.ts'
import { sameContent } from '../../platform/file-metadata.ts'
import type { OwnPlaces } from '../../walk/own-places.ts'
import type { Examined, scannerDefinition } from '../scanner-messages.ts'
import { knownFiles } from './known-files.ts'
import { examinePath, type ListOptions, listBelow, type SeenPath } from './list-source.ts'

/** Time limits for a path, and for the files below a directory. Together they stay below the fifteen seconds of a request. */
const LOOK_MS = 5_000
const COUNT_MS = 8_000

interface Places {
  ledger: Omit<LedgerReader, 'durableFiles' | 'notDurable' | 'close'>
  own: OwnPlaces
  quietSeconds: number
}

/** Returns what the disk and the ledger have of one path of a source. */
export async function examine(
  { source, destinations, path }: RequestInput<typeof scannerDefinition, 'examine'>,
  { ledger, own, quietSeconds }: Places,
): Promise<Examined> {
  const options = { source, own, quietSeconds, ...knownFiles(ledger, destinations, source.id) }
  const seen = await withTimeout(LOOK_MS, examinePath(options, path))
  const isSame = (destination: string): boolean => {
    const known = ledger.lookup(destination, source.id, path)
    return known !== null && seen !== LATE && seen.here === 'file' && sameContent(seen.scanned, known)
  }
  const rows = ledger.rowsOf(destinations, source.id, path)
  const isDirectory = seen !== LATE && seen.here === 'directory'
  return {
    ...toFacts(seen),
    missing: findMissing(ledger, source, path) ?? (await findRootMissing(options, seen)),
    rows: rows.map((row) => ({ ...row, isSame: isSame(row.destination) })),
    below: isDirectory && seen.why === null ? await count(options, path) : null,
    gone: rows.length > 0 ? null : ledger.countGone(destinations, source.id, path),
  }
}

/** Returns which disk of a source is not mounted: the path shows the directory below its mount point. */
function findMissing(
  ledger: Places['ledger'],
  { id, path: root }: ListOptions['source'],
  path: string,
): Message | null {
  const mount = ledger.home(id)
  if (mount !== null && getMountPresence(mount) === 'away')
    return message('scan.diskMissing', { path: root, mount })
  const inner = ledger.mountsInside(id).find((one) => isBelowAway(path, [one]))
  return inner === undefined ? null : message('scan.innerDiskMissing', { path: inner.point })
}

async function findRootMissing(options: ListOptions, seen: SeenPath | typeof LATE): Promise<Message | null> {
  if (seen === LATE || seen.here !== 'gone') return null
  const root = await withTimeout(LOOK_MS, examinePath(options, ''))
  const isGone = root !== LATE && root.here === 'gone'
  return isGone ? message('scan.rootMissing', { path: options.source.path }) : null
}

function toFacts(
  seen: SeenPath | typeof LATE,
): Pick<Examined, 'here' | 'size' | 'modifiedAt' | 'target' | 'why'> {
  const nothing = { size: null, modifiedAt: null, target: null }
  if (seen === LATE) return { ...nothing, here: 'unanswered', why: null }
  const { here, why } = seen
  if (here === 'link') return { ...nothing, here, target: seen.target, why }
  if (here !== 'file') return { ...nothing, here, why }
  return { here, size: seen.size, modifiedAt: Number(seen.modifiedNs / 1_000_000n), target: null, why }
}

/** Counts the files below a directory by their reasons. */
async function count(options: ListOptions, directory: string): Promise<NonNullable<Examined['below']>> {
  const abort = new AbortController()
  let [sent, waiting] = [0, 0]
  const others = new Map<string, { why: Message; files: number }>()
  const add = async () => {
    for await (const { why } of listBelow({ ...options, signal: abort.signal }, directory)) {
      if (why === null) waiting += 1
      else if (why.key === 'scan.why.sent') sent += 1
      else {
        const key = JSON.stringify(why)
        const sum = others.get(key) ?? { why, files: 0 }
        sum.files += 1
        others.set(key, sum)
      }
    }
  }
  const late = (await withTimeout(COUNT_MS, add())) === LATE
  abort.abort()
  const all = [...others.values()].sort((one, other) => other.files - one.files)
  return { sent, waiting, others: all, isPart: late }
}
