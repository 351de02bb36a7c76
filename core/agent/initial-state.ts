import { hostname, networkInterfaces } from 'node:os'
import type { Totals } from '../send/messages.ts'
import type { Settings } from '../settings/schema.ts'
import { addressOf } from '../wire/pairing-code.ts'
import { message } from '../words/message.ts'
import type { AppState, WorkerState } from './state-schema.ts'

export const noTotals: Totals = {
  waitingFiles: 0,
  waitingBytes: 0,
  sentFiles: 0,
  sentBytes: 0,
  parkedFiles: 0,
}

const off: WorkerState = { condition: 'off', restarts: 0, since: 0, pid: null }

/** What a view sees before any worker has reported. */
export function initialState(
  host: AppState['host'],
  version: string,
  settings: Settings,
  storeDirectory: string,
): AppState {
  return {
    version,
    host,
    status: { level: 'starting', sentence: message('status.starting'), detail: null },
    sources: [],
    checkedPaths: [],
    totals: noTotals,
    rate: 0,
    left: null,
    allowance: { now: { kind: 'free' }, until: null },
    transfers: [],
    destination: destinationOf(settings, storeDirectory),
    incidents: [],
    notices: [],
    workers: { checker: off, scanner: off, sender: off, receiver: off },
    settings,
  }
}

export function destinationOf(settings: Settings, storeDirectory: string): AppState['destination'] {
  const connection = { state: 'idle' as const, since: Date.now(), problem: null }
  const { destination } = settings
  if (destination === null) {
    return { kind: 'embedded', name: '', elsewhere: false, address: storeDirectory, connection }
  }
  const { name, host, port } = destination
  const elsewhere = !isThisComputer(host)
  return { kind: 'receiver', name, elsewhere, address: addressOf(host, port), connection }
}

/** Whether a host is this computer by its name or one of its addresses; another name for it is not seen. */
export function isThisComputer(host: string): boolean {
  const name = host.toLowerCase()
  if (name === 'localhost' || name === hostname().toLowerCase() || /^127\.|^::1$|^::ffff:127\./.test(name))
    return true
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address.toLowerCase() === name),
  )
}

export function sumTotals(all: readonly Totals[]): Totals {
  return all.reduce(
    (sum, one) => ({
      waitingFiles: sum.waitingFiles + one.waitingFiles,
      waitingBytes: sum.waitingBytes + one.waitingBytes,
      sentFiles: sum.sentFiles + one.sentFiles,
      sentBytes: sum.sentBytes + one.sentBytes,
      parkedFiles: sum.parkedFiles + one.parkedFiles,
    }),
    noTotals,
  )
}
