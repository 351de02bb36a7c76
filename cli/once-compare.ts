import type { OpenAgent } from '../core/agent/open.ts'
import { openLedger } from '../core/ledger/ledger.ts'
import { type Listed, type ListOptions, listCandidates } from '../core/scan/preview/list.ts'
import { destinationIds } from '../core/settings/destinations.ts'
import type { WordKey } from '../core/words/message.ts'

/** Why a file that is not sent will not be sent by waiting longer. */
const UNSENT: ReadonlySet<WordKey> = new Set([
  'scan.why.writing',
  'scan.why.unreadable',
  'scan.why.name',
  'scan.why.parked',
])

/** What a last look at the directories found. */
export interface Compared {
  isDone: boolean
  /** Files that every destination of their source has. */
  sent: number
  /** Files that waiting longer does not send. */
  unsent: Listed[]
  /** Files that are left to a later run, as they changed too recently. */
  young: number
}

/** The state may be a report behind: the directory itself is compared with the ledger before anything is said. */
export async function compare({ agent }: OpenAgent, signal: AbortSignal): Promise<Compared> {
  const settings = agent.settings.get()
  const ledger = openLedger(agent.layout.ledger)
  const unsent = new Map<string, Listed>()
  const young = new Set<string>()
  let sent = 0
  try {
    for (const source of settings.sources) {
      const destinations = destinationIds(settings, source)
      sent += Math.min(...destinations.map((one) => ledger.totals(one)[source.id]?.sentFiles ?? 0))
      for (const destination of destinations) {
        const lookup: ListOptions['lookup'] = ({ path }) => ledger.lookup(destination, source.id, path)
        const { quietSeconds } = settings.scan
        const sentAs: ListOptions['sentAs'] = (file) => ledger.sentAs(destination, source.id, file)
        const options = { source, quietSeconds, lookup, sentAs, onlyLeft: true, signal }
        for await (const listed of listCandidates(options)) {
          if (listed.why === null || listed.why.key === 'scan.why.changing')
            return { isDone: false, sent: 0, unsent: [], young: 0 }
          if (listed.why.key === 'scan.why.tooYoung') young.add(listed.path)
          if (UNSENT.has(listed.why.key)) unsent.set(listed.path, listed)
        }
      }
    }
  } finally {
    ledger.close()
  }
  return { isDone: true, sent, unsent: [...unsent.values()], young: young.size }
}
