import type { OpenAgent } from '../core/agent/open.ts'
import type { AppState } from '../core/agent/state/schema.ts'
import { openLedger } from '../core/ledger/ledger.ts'
import type { Message, WordKey } from '../core/lib/i18n/message.ts'
import { type ListedPath, listCandidates } from '../core/scan/preview/list-source.ts'
import { destinationIds } from '../core/settings/destinations.ts'
import { knownFiles } from './known-files.ts'
import { sourceRemarks } from './once-trouble.ts'

/** Why a file that is not sent will not be sent by waiting longer. */
const UNSENT: ReadonlySet<WordKey> = new Set([
  'scan.why.writing',
  'scan.why.unreadable',
  'scan.why.name',
  'scan.why.nameLong',
  'scan.why.nameReserved',
  'scan.why.parked',
])

/** So many are kept in mind and named: a directory may hold millions that nobody can read. */
export const MOST_NAMED = 1_000

/** What a last look at the directories found. */
export interface Compared {
  isDone: boolean
  /** Files that every destination of their source has. */
  sent: number
  /** How many files waiting longer does not send, and the first of them. */
  unsent: number
  named: ListedPath[]
  /** Files that are left to a later run, as they changed too recently. */
  young: number
  /** Files that carry isocket's mark, and that Holdfast did not send: a person decides about them. */
  marked: number
}

/** The state may be a report behind: the directory itself is compared with the ledger before anything is said. */
export async function compare({ agent }: OpenAgent, signal: AbortSignal): Promise<Compared> {
  const settings = agent.settings.get()
  const ledger = openLedger(agent.layout.ledger)
  const found: Compared = { isDone: true, sent: 0, unsent: 0, named: [], young: 0, marked: 0 }
  const { quietSeconds } = settings.scan
  try {
    for (const source of settings.sources) {
      const destinations = destinationIds(settings, source)
      found.sent += Math.min(...destinations.map((one) => ledger.totals(one)[source.id]?.sentFiles ?? 0))
      const known = knownFiles(ledger, destinations, source.id)
      const options = { source, quietSeconds, ...known, onlyLeft: true, signal }
      for await (const listed of listCandidates(options)) {
        if (listed.why === null || listed.why.key === 'scan.why.changing') return { ...found, isDone: false }
        if (listed.why.key === 'scan.why.tooYoung') found.young += 1
        if (listed.why.key === 'scan.why.transferred') found.marked += 1
        if (!UNSENT.has(listed.why.key)) continue
        found.unsent += 1
        if (found.named.length < MOST_NAMED) found.named.push(listed)
      }
    }
  } finally {
    ledger.close()
  }
  return found
}

/** A directory that was not closed properly stays so for ever: a run says it that finds others than the last one. */
export function newRemarks({ agent }: OpenAgent, { sources }: AppState): Message[] {
  const ledger = openLedger(agent.layout.ledger)
  const isNew = (source: string, { key, params }: Message): boolean => {
    if (key !== 'scan.notClosed') return true
    const names = String(params.names)
    if (ledger.notClosedSaid(source) === names) return false
    ledger.rememberNotClosedSaid(source, names)
    return true
  }
  try {
    return sources.flatMap((one) => sourceRemarks(one).filter((remark) => isNew(one.settings.id, remark)))
  } finally {
    ledger.close()
  }
}
