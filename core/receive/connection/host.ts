import type { LimitedLog } from '../../pacing/limited-log.ts'
import { createLimitedLog } from '../../pacing/limited-log.ts'
import type { StoreLayout } from '../layout.ts'
import { redeemCode } from '../pairing/codes.ts'
import type { SeenLog } from '../senders/seen.ts'
import type { Senders } from '../senders/senders.ts'
import type { Connected } from './connected.ts'
import type { ConnectionHost } from './connection.ts'
import type { Counters, RefusedKind } from './counters.ts'
import { countOne } from './counters.ts'
import { refusalWords } from './refusal-words.ts'

export interface HostParts extends Pick<ConnectionHost, 'name' | 'store' | 'renewal' | 'log'> {
  layout: Pick<StoreLayout, 'codes'>
  senders: Pick<Senders, 'accepted' | 'known' | 'pair'>
  connected: Pick<Connected, 'enter' | 'folders'>
  seen: Pick<SeenLog, 'note'>
  counters: Counters
  /** Some of the counters have changed. */
  onChange(): void
}

/** What all connections of a receiver share: who may come in, and what is counted and logged of them. */
export function createConnectionHost(parts: HostParts): ConnectionHost & { endLogs(): void } {
  const { layout, senders, connected, seen, counters, onChange, log } = parts
  const limited = () => createLimitedLog((text) => log('warn', text))
  /** By kind: a flood of one must not hide why others are refused. */
  const refusedLogs = new Map<RefusedKind, LimitedLog>()
  const logRefusedFile = limited()
  let judging: Promise<unknown> = Promise.resolve()

  return {
    name: parts.name,
    store: parts.store,
    renewal: parts.renewal,
    log,
    accepted: (fingerprint) => senders.accepted(fingerprint),
    known: (fingerprint) => senders.known(fingerprint),
    pair(fingerprint, code, name, mayPin) {
      const pairNow = async () => {
        // Whoever was told that it failed, or has gone, is to find its code good.
        if (!mayPin()) throw new Error('its sender has not waited for the store')
        return senders.pair(fingerprint, name, Date.now())
      }
      // One attempt after the other: attempts side by side would be counted as one.
      const judged = judging.then(() => redeemCode(layout.codes, code, Date.now(), pairNow))
      judging = judged.catch(() => undefined)
      return judged
    },
    enter(sender, drop) {
      const place = connected.enter(sender, drop)
      seen.note(connected.folders(), Date.now())
      return place
    },
    onRefusedConnection(from, reason, kind) {
      countOne(counters.refusedConnections, kind)
      const logRefused = refusedLogs.get(kind) ?? limited()
      refusedLogs.set(kind, logRefused)
      logRefused(`refused ${from}: ${reason}`)
      onChange()
    },
    onReceived(files, bytes) {
      counters.receivedFiles += files
      counters.receivedBytes += bytes
      onChange()
    },
    onRefusedFile(sender, source, path, outcome) {
      countOne(counters.refusedFiles, outcome.status)
      logRefusedFile(`not stored: ${sender}/${source}/${path}: ${refusalWords(outcome)}`)
      onChange()
    },
    endLogs() {
      for (const one of [...refusedLogs.values(), logRefusedFile]) one.end()
    },
  }
}
