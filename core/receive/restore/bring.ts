import { lstat } from 'node:fs/promises'
import path from 'node:path'
import { errorCode } from '../../files/system-error.ts'
import type { StoreLayout } from '../layout.ts'
import { holdBelow } from '../placement/held-directory.ts'
import { NotAFile } from '../verify/read-digest.ts'
import type { Settle } from '../verify/settling.ts'
import type { RestoreHost, RestoreSummary } from './events.ts'
import { isLike } from './is-like.ts'
import { restoreStopped } from './problems.ts'
import type { Put } from './put.ts'
import { putFile } from './put.ts'
import type { Content, Selection } from './select.ts'
import { selectAgain } from './select.ts'

/** Contents that wait for the manifest together, and how long the first of them may, in milliseconds. */
const MOST_SUSPECTS = 10_000
const SUSPECTED_MS = 10_000
/** A file may be replaced again and again while it is looked at. */
const MOST_LOOKS = 3

/** A content that the manifest's row does not describe: the receiver that runs may have replaced it just now. */
interface Suspect {
  content: Content
  to: readonly string[]
  put: Tried
  /** When that may have come about, at the latest; milliseconds since 1970. */
  changedAt: number
  looks: number
}

/**
 * Brings contents to a destination, and tells what became of each.
 * @param settle waits for a receiver that runs beside; null: none does.
 */
export function openBringing(
  selection: Selection,
  root: string,
  overwrite: boolean,
  settle: Settle | null,
  summary: RestoreSummary,
  host: RestoreHost,
) {
  const { layout } = selection
  let suspects: Suspect[] = []
  let suspectedAt = 0
  const tellOf = (content: Content, to: readonly string[], put: Tried) =>
    tell(put, content, path.join(root, ...to), summary, host)

  const suspect = async (content: Content, to: readonly string[], put: Tried, looks: number) => {
    if (suspects.length === 0) suspectedAt = performance.now()
    suspects.push({ content, to, put, changedAt: await changedAtOf(layout, content), looks })
  }

  const judgeOne = async ({ content, to, put, looks }: Suspect) => {
    const again = await selectAgain(selection, content)
    if (again === null) return tellOf(content, to, named(put))
    const next = await putOne(layout, again, root, to, overwrite, selection.looked)
    if (!isSuspect(next, again)) return tellOf(again, to, next)
    const isSameRow = content.row?.digest === again.row?.digest && content.row?.mtimeMs === again.row?.mtimeMs
    if (isSameRow || looks >= MOST_LOOKS) await tellOf(again, to, named(next))
    else await suspect(again, to, next, looks + 1)
  }

  /** One wait for all of them, however many they are. */
  const judge = async (wait: Settle) => {
    const judged = suspects
    suspects = []
    await wait(judged.reduce((latest, { changedAt }) => Math.max(latest, changedAt), 0))
    for (const one of judged) await judgeOne(one)
  }

  const isDue = () => suspects.length >= MOST_SUSPECTS || performance.now() - suspectedAt > SUSPECTED_MS
  return {
    /** @param to the names below the destination. */
    async bring(content: Content, to: readonly string[], advance: (bytes: number) => void): Promise<void> {
      const put = await putOne(layout, content, root, to, overwrite, advance)
      if (settle === null || !isSuspect(put, content)) await tellOf(content, to, put)
      else await suspect(content, to, put, 1)
      if (settle !== null && suspects.length > 0 && isDue()) await judge(settle)
    },
    /** Brings what still waits for the manifest. */
    async end(): Promise<void> {
      while (settle !== null && suspects.length > 0) await judge(settle)
    },
  }
}

/** What is there may be the very content that the manifest does not tell of yet. */
function isSuspect(put: Tried, { row, stats }: Content): boolean {
  return put.did === 'damaged' || (put.did === 'exists' && row !== null && !isLike(stats, row))
}

/** Only what has the size and the time of what was stored rotted on the disk. */
function named(put: Tried): Tried {
  return put.did === 'damaged' && !put.isLike ? { ...put, did: 'changed' } : put
}

/** Nobody knows when a file went that is not there. */
async function changedAtOf({ root }: StoreLayout, { place }: Content): Promise<number> {
  const stats = await lstat(path.join(root, ...place)).catch(() => null)
  return stats?.ctimeMs ?? Date.now()
}

type Tried =
  | Put
  /** A receiver runs, and even so the manifest never told of this content. */
  | { did: 'changed'; expected: string; found: string }
  | { did: 'strange' }
  | { did: 'failed'; code: string }

async function putOne(
  layout: StoreLayout,
  content: Content,
  root: string,
  to: readonly string[],
  overwrite: boolean,
  advance: (bytes: number) => void,
): Promise<Tried> {
  try {
    const held = await holdBelow(layout.root, content.place.slice(0, -1))
    const from = path.join(held.path, content.place.at(-1) ?? '')
    return await putFile(content, from, root, to, overwrite, advance).finally(() => held.close())
  } catch (thrown) {
    if (thrown instanceof NotAFile) return { did: 'strange' }
    const code = errorCode(thrown) ?? String(thrown)
    // Every other file would fail as well.
    if (['ENOSPC', 'EDQUOT', 'EROFS'].includes(code)) throw restoreStopped(path.join(root, ...to), thrown)
    return { did: 'failed', code }
  }
}

async function tell(
  put: Tried,
  { place, stats, isSure }: Content,
  to: string,
  summary: RestoreSummary,
  host: RestoreHost,
): Promise<void> {
  const isThere = put.did === 'restored' || put.did === 'same'
  if (!isSure && isThere) await host.event({ kind: 'unsure', place: place.join('/') })
  switch (put.did) {
    case 'restored':
      summary.restored += 1
      summary.bytes += put.bytes
      if (!put.verified) summary.unverified += 1
      return host.event({ kind: 'restored', to, verified: put.verified })
    case 'same':
      summary.same += 1
      summary.bytes += stats.size
      if (!put.verified) summary.unverified += 1
      return host.event({ kind: 'same', to, verified: put.verified })
    case 'exists':
    case 'inTheWay':
      summary.failed += 1
      return host.event({ kind: put.did, to, verified: false })
    case 'damaged':
    case 'changed': {
      summary.failed += 1
      const { did, expected, found } = put
      return host.event({ kind: did, place: place.join('/'), expected, found })
    }
    case 'strange':
      summary.failed += 1
      return host.event({ kind: 'strange', place: place.join('/') })
    case 'failed':
      summary.failed += 1
      return host.event({ kind: 'failed', to, code: put.code })
    default:
      return put satisfies never
  }
}
