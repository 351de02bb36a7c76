import { initialState } from '../../../core/agent/state/next-state.ts'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { overallStatus } from '../../../core/agent/state/status.ts'
import type { Incident } from '../../../core/alerts/incident.ts'
import { noTotals } from '../../../core/ledger/ledger-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { checkedAs } from './checked.ts'

export const NOW = Date.UTC(2026, 10, 20, 12)
const words = createWords('en')

export const running = { condition: 'running' as const, restarts: 0, since: 0, pid: 1 }
export const workers = {
  checker: running,
  scanner: running,
  sender: running,
  receiver: running,
}
export const well: SourceState = {
  settings: sourceSchema.parse({ id: 'a', path: '/data', name: 'data' }),
  checked: checkedAs('a', { path: '/data', at: NOW }),
  delays: [],
  scanned: { id: 'a', phase: 'watching', compared: true, problems: [], batches: [] },
  destinations: ['embedded', 'there'].map((id) => ({
    id,
    totals: noTotals,
    rate: 0,
    left: null,
    reported: true,
  })),
  totals: noTotals,
  newest: null,
  lastFile: null,
  rate: 0,
  left: null,
}

type Receiving = NonNullable<AppState['receiving']>
/** A receiver that has run for an hour, with these changes. */
export const receivingWith = (changes: Partial<Receiving> = {}): Receiving => ({
  ...{
    directory: '/srv/in',
    port: 7766,
    isRunning: true,
    problem: null,
    store: { problems: [], failures: 0 },
  },
  ...{ since: NOW - 3_600_000, senders: [], ...changes },
})

/** A sender that was paired an hour ago and has not connected yet, with these changes. */
export const senderWith = (
  name: string,
  changes: Partial<Receiving['senders'][number]> = {},
): Receiving['senders'][number] => ({
  ...{ fingerprint: name, name, folder: name, pairedAt: NOW - 3_600_000, seenAt: null, connected: false },
  ...{ level: null, sentence: null, words: null, statusAt: null, failingSince: null, files: 0, bytes: 0 },
  ...{ spaceBytes: null, label: '', version: null, waitingFiles: null, oldestWaitingAt: null },
  ...{ takesProposals: null, proposal: null },
  ...changes,
})

/** A state that is well, with its copies on another computer, and these changes. */
export function stateWith(changes: Partial<AppState> = {}): AppState {
  const initial = initialState('desktop', '1', defaultSettings, '/store')
  return {
    ...initial,
    awakeSince: NOW - 24 * 3_600_000,
    destinations: [receiver],
    sources: [well],
    workers,
    ...changes,
  }
}

/** The status in English of a state that is well, with these changes; all details in one line. */
export function status(changes: Partial<AppState>) {
  const { level, sentence, detail, more = [] } = overallStatus(stateWith(changes), NOW)
  const rest = [...(detail === null ? [] : [detail]), ...more].map(words)
  return { level, sentence: words(sentence), detail: rest.length === 0 ? null : rest.join(' ') }
}

const sentence = message('problem.other', { reason: '' })

export const incident: Incident = {
  id: 'i',
  kind: 'read-only',
  group: '/data',
  isOwn: false,
  paths: { a: '/data' },
  failing: { a: sentence },
  sources: ['a'],
  sentence,
  step: null,
  startedAt: NOW,
  noticedAt: NOW,
  endedAt: null,
  told: true,
  isSilent: false,
  repeats: 0,
  acknowledged: null,
  snoozedUntil: null,
}
export const connected = { state: 'connected' as const, since: 0, problem: null }
export const receiver = {
  id: 'there',
  totals: noTotals,
  rate: 0,
  left: null,
  worker: running,
  kind: 'receiver' as const,
  name: 'nas-2',
  elsewhere: true,
  secrets: [],
  address: 'nas-2:7766',
  connection: connected,
}
export const waiting = { ...noTotals, waitingFiles: 128, waitingBytes: 2 * 1024 ** 3 }
export const sending: SourceState = {
  ...well,
  destinations: well.destinations.map((one) => ({ ...one, totals: waiting })),
  totals: waiting,
}
export const sent = { ...noTotals, sentFiles: 12_402 }
