import type { LimitedLog } from '../../pacing/limited-log.ts'
import { createLimitedLog } from '../../pacing/limited-log.ts'
import type { StoreLayout } from '../../store/layout.ts'
import type { Senders } from '../../store/senders/senders.ts'
import type { StoreSource } from '../../store/store.ts'
import { redeemCode } from '../pairing/codes.ts'
import type { SeenLog } from '../senders/seen.ts'
import type { Connected } from './connected.ts'
import type { ConnectionHost } from './connection.ts'
import type { Counters, RefusedKind } from './refusals.ts'
import { countOne, refusalWords } from './refusals.ts'

export interface HostParts extends Pick<ConnectionHost, 'name' | 'store' | 'log'> {
  layout: Pick<StoreLayout, 'codes'>
  senders: Pick<Senders, 'accepted' | 'known' | 'pair' | 'sourceDirectory' | 'sourceIn'>
  connected: Pick<Connected, 'enter' | 'enterRestore' | 'folders'>
  seen: Pick<SeenLog, 'note' | 'noteStatus'>
  counters: Counters
  /** Some of the counters have changed. */
  onChange(): void
}

/** What all connections of a receiver share: who may come in, and what is counted and logged of them. */
export function createConnectionHost(parts: HostParts): ConnectionHost & { endLogs(): void } {
  const { layout, senders, connected, seen, counters, onChange, log, store } = parts
  const limited = () => createLimitedLog((text) => log('warn', text))
  /** By kind: a flood of one must not hide why others are refused. */
  const refusedLogs = new Map<RefusedKind, LimitedLog>()
  const logRefusedFile = limited()
  /** By folder and source. */
  const sources = new Map<string, Promise<StoreSource>>()
  let judging: Promise<unknown> = Promise.resolve()

  const findSource = async (folder: string, id: string, name: string): Promise<StoreSource> =>
    store.source(folder, await senders.sourceDirectory(folder, id, name))

  return {
    name: parts.name,
    store,
    log,
    accepted: (fingerprint) => senders.accepted(fingerprint),
    known: (fingerprint) => senders.known(fingerprint),
    sourceOf({ folder }, id, name) {
      const key = `${folder}/${id}`
      const found = sources.get(key) ?? findSource(folder, id, name)
      sources.set(key, found)
      // What failed is tried anew by the next connection.
      found.catch(() => sources.delete(key))
      return found
    },
    sourceIn: ({ folder }, directory) => senders.sourceIn(folder, directory),
    pair(fingerprint, code, name, mayPin) {
      const pairNow = async (replaces: string | null) => {
        // Whoever was told that it failed, or has gone, is to find its code good.
        if (!mayPin()) throw new Error('its sender has not waited for the store')
        return senders.pair(fingerprint, name, Date.now(), replaces)
      }
      // One attempt after the other: attempts side by side would be counted as one.
      const judged = judging.then(() => redeemCode(layout.codes, code, Date.now(), pairNow))
      judging = judged.catch(() => undefined)
      return judged
    },
    async enter(sender, from, guest) {
      const place = await connected.enter(sender, from, guest)
      seen.note(connected.folders(), Date.now())
      return place
    },
    enterRestore: (sender, guest) => connected.enterRestore(sender, guest),
    onStatus: ({ folder }, status) => seen.noteStatus(folder, status, Date.now()),
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
