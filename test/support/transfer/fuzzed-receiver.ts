import fs from 'node:fs'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { computeFingerprint } from '../../../core/protocol/identity.ts'
import type { FileStatus } from '../../../core/protocol/limits.ts'
import { findNameFault } from '../../../core/protocol/names.ts'
import type { KeptProposal } from '../../../core/protocol/proposal.ts'
import { SenderConnection } from '../../../core/receive/connection/connection.ts'
import type { ConnectionHost, RefusedKind } from '../../../core/receive/connection/host.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import type { StoreResult } from '../../../core/store/outcome.ts'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'
import type { Sender } from '../../../core/store/senders/senders.ts'
import { type Offered, Store } from '../../../core/store/store.ts'
import { temporaryDirectory } from '../temporary.ts'
import { certificate, turn } from './fuzzed-connection.ts'
import { idleRead } from './idle-reading.ts'
import { receiverParts } from './transfer.ts'

const MIB = 1024 * 1024

/** fsync is what a store waits for: in memory it costs nothing. */
const quickParent = () => (fs.existsSync('/dev/shm') ? '/dev/shm' : undefined)

/** Answers as a store does, and keeps nothing. */
function storeInName(): Pick<Store, keyof Store> {
  const soon = async (status: FileStatus): Promise<StoreResult> => {
    await turn()
    return { status, detail: '' }
  }
  const judge = ({ path: name }: Offered) => soon(findNameFault(name) === null ? 'durable' : 'name')
  return {
    known: async () => ({ epoch: 'ab', position: 0, session: null }),
    admitSource: async () => undefined,
    source: async (folder, directory) => ({ id: 1, folder, directory }),
    receive: judge,
    receiveAll(files, { onStored }) {
      for (const [index, file] of files.entries()) void judge(file).then((result) => onStored(index, result))
    },
    begin: () => ({
      write: turn,
      finish: () => soon('digest'),
      abort: turn,
      refused: null,
      offset: Promise.resolve(null),
    }),
    copy: () => soon('unknown'),
    prove: async () => Buffer.alloc(32),
    wanted: async () => [],
    wantSince: turn,
    abandon: async () => undefined,
    prune: turn,
    read: idleRead,
    usage: () => ({ files: 0, bytes: 0, names: 0, position: 0, session: null }),
    stalledMs: () => 0,
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
  const store = new Store(storeLayout(root), {
    thread: receiverParts.storeThread,
    rules: DEFAULT_RULES,
    log: () => undefined,
  })
  onTestFinished(() => store.close())
  const sender: Sender = {
    fingerprint: computeFingerprint(certificate),
    name: 'sender',
    folder: 'sender',
    pairedAt: 0,
    revokedAt: null,
  } as Sender
  const text = '{"check":{"intervalSeconds":60}}'
  const proposal: KeptProposal = {
    ...{ id: 'ab12', by: 'x', text, at: 0, settings: [], state: 'waiting' },
    ...{ decidedAt: null, sentence: null, words: null },
  }
  const refused = new Map<RefusedKind, number>()
  const counts = { statuses: 0, stored: 0, notStored: 0, faults: 0, entered: 0, left: 0 }
  let served = 0
  /** Every eighth connection has the real store; the others show what the connection itself does, and fast. */
  const serve = (socket: TLSSocket) => {
    served += 1
    const chosen = served % 8 === 0 ? store : (storeInName() as Store)
    const host: ConnectionHost = {
      name: 'receiver',
      store: chosen,
      accepted: (fingerprint) => (fingerprint === sender.fingerprint ? sender : null),
      known: () => sender,
      fingerprint: 'f'.repeat(64),
      takeShortCode: async () => ({ code: '00000000', file: 'none' }),
      pair: async () => null,
      openSource: ({ folder }, _id, name) => chosen.source(folder, name),
      sourceIn: () => null,
      async enter() {
        counts.entered += 1
        return {
          window: { bytes: 2 * MIB, files: 64 },
          leave: () => {
            counts.left += 1
          },
          grow: () => null,
          release: () => undefined,
        }
      },
      attach: () => null,
      enterRestore: () => () => undefined,
      onStatus: () => {
        counts.statuses += 1
      },
      onTakesProposals: () => undefined,
      findProposal: () => proposal,
      onDecided: async () => undefined,
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
    new SenderConnection(socket, host, () => undefined)
  }
  return { base, root, serve, refused, counts }
}
