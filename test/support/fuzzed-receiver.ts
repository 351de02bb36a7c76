import fs from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import type { ConnectionHost } from '../../core/receive/connection/connection.ts'
import { serveConnection } from '../../core/receive/connection/connection.ts'
import type { RefusedKind } from '../../core/receive/connection/counters.ts'
import type { FileFacts } from '../../core/receive/file-facts.ts'
import type { Outcome } from '../../core/receive/file-refused.ts'
import type { Sender } from '../../core/receive/senders/senders.ts'
import type { Store } from '../../core/receive/store/store.ts'
import { openStore } from '../../core/receive/store/store.ts'
import { fingerprintOf } from '../../core/wire/identity.ts'
import type { FileStatus } from '../../core/wire/limits.ts'
import { nameFault } from '../../core/wire/names.ts'
import { certificate, turn } from './fuzzed-connection.ts'
import { temporaryDirectory } from './temporary.ts'

const MIB = 1024 * 1024

/** fsync is what a store waits for: in memory it costs nothing. */
const quickParent = () => (fs.existsSync('/dev/shm') ? '/dev/shm' : undefined)

/** Answers as a store does, and keeps nothing. */
function storeInName(): Store {
  const soon = async (status: FileStatus): Promise<Outcome> => {
    await turn()
    return { status, detail: '' }
  }
  const judge = ({ path: name }: FileFacts) => soon(nameFault(name) === null ? 'durable' : 'name')
  return {
    enter: () => ({ next: () => 0, leave: () => undefined }),
    receive: judge,
    receiveAll(files, { onStored }) {
      for (const [index, { facts }] of files.entries())
        void judge(facts).then((outcome) => onStored(index, outcome))
    },
    begin: () => ({
      write: turn,
      finish: () => soon('digest'),
      abort: turn,
      refused: null,
      offset: Promise.resolve(null),
    }),
    copy: () => soon('unknown'),
    alone: (_, work) => work(),
    abandon: async () => undefined,
    stalledMs: () => 0,
    clean: turn,
    close: turn,
  }
}

/** The receiver's end of connections in memory, with what came of them. */
export function openFuzzedReceiver() {
  const base = temporaryDirectory('fuzz', quickParent())
  const root = path.join(base, 'inside', 'store')
  fs.mkdirSync(path.join(base, 'outside'))
  fs.mkdirSync(path.join(root, 'sender', 'data'), { recursive: true })
  fs.mkdirSync(path.join(root, '.holdfast'))
  fs.symlinkSync(path.join(base, 'outside'), path.join(root, 'sender', 'data', 'planted'))
  const store = openStore(root)
  onTestFinished(() => store.close())
  const sender: Sender = {
    fingerprint: fingerprintOf(certificate),
    name: 'sender',
    folder: 'sender',
    pairedAt: 0,
    revokedAt: null,
  } as Sender
  const refused = new Map<RefusedKind, number>()
  const counts = { stored: 0, notStored: 0, faults: 0, entered: 0, left: 0 }
  let served = 0
  /** Every eighth connection has the real store; the others show what the connection itself does, and fast. */
  const serve = (socket: Parameters<typeof serveConnection>[0]) => {
    served += 1
    const host: ConnectionHost = {
      name: 'receiver',
      store: served % 8 === 0 ? store : storeInName(),
      accepted: (fingerprint) => (fingerprint === sender.fingerprint ? sender : null),
      known: () => sender,
      pair: async () => null,
      renewal: { welcome: () => ({}), onHello: () => null },
      enter() {
        counts.entered += 1
        return {
          window: { bytes: 2 * MIB, files: 64 },
          leave: () => {
            counts.left += 1
          },
        }
      },
      onRefusedConnection: (_from, _reason, kind) => void refused.set(kind, (refused.get(kind) ?? 0) + 1),
      onReceived: (files) => {
        counts.stored += files
      },
      onRefusedFile: () => {
        counts.notStored += 1
      },
      log(level) {
        if (level === 'warn') counts.faults += 1
      },
    }
    serveConnection(socket, host, () => undefined)
  }
  return { base, root, serve, refused, counts }
}
