import { initialState } from '../../core/agent/state/initial.ts'
import type { AppState, SourceState } from '../../core/agent/state/schema.ts'
import { overallStatus } from '../../core/agent/state/status.ts'
import { noTotals } from '../../core/ledger/no-totals.ts'
import { defaultSettings, sourceSchema } from '../../core/settings/schema.ts'
import { message } from '../../core/words/message.ts'
import { createWords } from '../../core/words/words.ts'
import { checkedAs } from './checked.ts'

export const NOW = Date.UTC(2026, 10, 20, 12)
const words = createWords('en')

export const running = { condition: 'running' as const, restarts: 0, since: 0, pid: 1 }
export const well: SourceState = {
  settings: sourceSchema.parse({ id: 'a', path: '/data', name: 'data' }),
  checked: checkedAs('a', { path: '/data', at: NOW }),
  delays: [],
  scanned: { id: 'a', phase: 'watching', compared: true, unwatchedDirectories: 0, problems: [], batches: [] },
  destinations: ['embedded', 'there'].map((id) => ({ id, totals: noTotals, rate: 0, left: null })),
  totals: noTotals,
  lastFile: null,
  rate: 0,
  left: null,
}

/** What the status says in English of a state that is well, with these changes. */
export function status(changes: Partial<AppState>) {
  const initial = initialState('desktop', '1', defaultSettings, '/store')
  const state: AppState = {
    ...initial,
    destinations: initial.destinations.map((one) => ({ ...one, reported: true })),
    sources: [well],
    workers: { checker: running, scanner: running, sender: running, receiver: running },
    ...changes,
  }
  const { level, sentence, detail } = overallStatus(state, NOW)
  return { level, sentence: words(sentence), detail: detail === null ? null : words(detail) }
}

export const incident = {
  id: 'i',
  kind: 'read-only' as const,
  paths: ['/data'],
  sentence: message('problem.other', { reason: '' }),
  startedAt: NOW,
  endedAt: null,
}
export const connected = { state: 'connected' as const, since: 0, problem: null }
export const receiver = {
  id: 'there',
  reported: true,
  totals: noTotals,
  rate: 0,
  left: null,
  worker: running,
  kind: 'receiver' as const,
  name: 'nas-2',
  elsewhere: true,
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
