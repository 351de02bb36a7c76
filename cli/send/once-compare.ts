import type { OpenAgent } from '../../core/agent/open.ts'
import type { AppState } from '../../core/agent/state/schema.ts'
import { getOwnPaths } from '../../core/agent/workers/configs.ts'
import { defer } from '../../core/defer.ts'
import { openLedger } from '../../core/ledger/ledger.ts'
import type { Message, WordKey } from '../../core/lib/i18n/message.ts'
import { knownFiles } from '../../core/scan/preview/known-files.ts'
import { type ListedPath, listCandidates } from '../../core/scan/preview/list-source.ts'
import { destinationIds } from '../../core/settings/destinations.ts'
import { OwnPlaces } from '../../core/walk/own-places.ts'
import { sourceRemarks } from './once-problems.ts'

/** Reasons that do not pass: waiting longer does not get such a file sent. */
const UNSENT: ReadonlySet<WordKey> = new Set([
  'scan.why.writing',
  'scan.why.unreadable',
  'scan.why.name',
  'scan.why.nameLong',
  'scan.why.parked',
  'transfer.storedInUse',
])

/** At most this many files are remembered and listed: a directory may contain millions of unreadable ones. */
export const MOST_NAMED = 1_000

/** Result of the last comparison of the directories with the ledger. */
export interface Compared {
  isDone: boolean
  /** Files that all destinations of their source have. */
  sent: number
  /** Number of files that waiting longer does not get sent; `named` lists the first of them. */
  unsent: number
  named: ListedPath[]
  /** Files that a later run sends, as they changed too recently. */
  young: number
  /** Files with isocket's mark that Holdfast did not send: the user decides about them. */
  marked: number
}

/** Compares the directories with the ledger: the agent's state may lag one report behind. */
export async function compare({ agent }: OpenAgent, signal: AbortSignal): Promise<Compared> {
  const settings = agent.settings.get()
  const ledger = openLedger(agent.layout.ledger)
  const found: Compared = { isDone: true, sent: 0, unsent: 0, named: [], young: 0, marked: 0 }
  const { quietSeconds } = settings.scan
  const own = new OwnPlaces(getOwnPaths(settings, agent.layout))
  using _ = defer(() => ledger.close())
  for (const source of settings.sources) {
    const destinations = destinationIds(settings, source)
    found.sent += Math.min(...destinations.map((one) => ledger.totals(one)[source.id]?.sentFiles ?? 0))
    const known = knownFiles(ledger, destinations, source.id)
    const options = { source, quietSeconds, own, ...known, onlyLeft: true, signal }
    for await (const listed of listCandidates(options)) {
      if (listed.why === null || listed.why.key === 'scan.why.changing') return { ...found, isDone: false }
      if (listed.why.key === 'scan.why.tooYoung') found.young += 1
      if (isUndecided(listed)) found.marked += 1
      if (!UNSENT.has(listed.why.key)) continue
      found.unsent += 1
      if (found.named.length < MOST_NAMED) found.named.push(listed)
    }
  }
  return found
}

/** True for a file with isocket's mark, its own or that of its directory. */
const isUndecided = ({ why, size }: ListedPath): boolean =>
  why?.key === 'scan.why.transferred' || (why?.key === 'scan.why.batchSent' && size !== null)

/** Returns the remarks that the last run has not made: on directories that were not closed, unless it named the same. */
export function newRemarks({ agent }: OpenAgent, { sources }: AppState): Message[] {
  const ledger = openLedger(agent.layout.ledger)
  const isNew = (source: string, { key, params }: Message): boolean => {
    if (key !== 'scan.notClosed') return true
    const names = String(params.names)
    if (ledger.notClosedSaid(source) === names) return false
    ledger.rememberNotClosedSaid(source, names)
    return true
  }
  using _ = defer(() => ledger.close())
  return sources.flatMap((one) => sourceRemarks(one).filter((remark) => isNew(one.settings.id, remark)))
}
