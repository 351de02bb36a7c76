import type { FrameChannel } from '../../../core/protocol/channel.ts'
import type { Frame, FrameHeader, SmallFile } from '../../../core/protocol/frames.ts'
import type { EncodedMetadata } from '../../../core/protocol/metadata-codec.ts'
import type { StoreResult } from '../../../core/store/outcome.ts'
import { StoreSession } from '../../../core/store/session/upload-session.ts'
import type { Offered, Store, StoreSource, ToCopy } from '../../../core/store/store.ts'
import { idleRead } from './idle-reading.ts'

const KIB = 1024
const digest = Buffer.alloc(32)
const facts: EncodedMetadata = [0, 0, 0o644, 0, 0, null]
const none = Buffer.alloc(0)
export const durable: StoreResult = { status: 'durable', detail: '' }

/**
 * The part of a connection that stores files, with a store that answers when it is told to, and a channel that keeps
 * what is sent. The source 0 is declared and known.
 */
export async function openSendingParts({
  window = { bytes: 1024 * KIB, files: 4 },
  reading = Promise.resolve(),
  find = async (id: string, name: string): Promise<StoreSource> => ({ id: 7, folder: id, directory: name }),
} = {}) {
  const answers: ((result: StoreResult) => void)[] = []
  const writes: (() => void)[] = []
  const written: (Uint8Array | number)[] = []
  const offered: Offered[] = []
  const told: unknown[] = []
  const copies: ToCopy[] = []
  const nonces: Uint8Array[] = []
  const state: { refused: StoreResult | null; aborted: boolean[] } = { refused: null, aborted: [] }
  const stored = () => new Promise<StoreResult>((resolve) => answers.push(resolve))
  const store: Pick<Store, keyof Store> = {
    known: async () => null,
    admitSource: async () => undefined,
    source: async (folder, directory) => ({ id: 7, folder, directory }),
    receive: async () => durable,
    receiveAll(files, { directories, onStored }) {
      offered.push(...files)
      told.push(...directories)
      for (const index of files.keys()) answers.push((result) => onStored(index, result))
    },
    begin(file, { directories = [] }) {
      offered.push(file)
      told.push(...directories)
      return {
        offset: Promise.resolve(state.refused === null ? 700 * KIB : null),
        write(bytes) {
          written.push(bytes)
          return new Promise((resolve) => writes.push(resolve))
        },
        finish: stored,
        async abort(keep) {
          state.aborted.push(keep)
        },
        get refused() {
          return state.refused
        },
      }
    },
    copy(_file, copy, signal) {
      copies.push(copy)
      signal.addEventListener('abort', () => answers.at(-1)?.({ status: 'aborted', detail: '' }))
      return stored()
    },
    async prove(_of, _size, nonce) {
      nonces.push(nonce)
      const { status, detail } = await stored()
      if (status !== 'durable') throw Object.assign(new Error('x'), { code: detail })
      return Buffer.alloc(32, 5)
    },
    wanted: async () => [],
    read: idleRead,
    wantSince: async () => undefined,
    abandon: async () => undefined,
    prune: async () => undefined,
    usage: () => ({ files: 0, bytes: 0, names: 0, position: 0, session: null }),
    stalledMs: () => 0,
    close: async () => undefined,
  }
  const sent: { type: string; header: unknown }[] = []
  const channel: Pick<FrameChannel, 'send' | 'room'> = {
    send: (type, header) => void sent.push({ type, header }),
    room: () => reading,
  }
  const counted = { received: 0, refused: [] as string[], withheld: 0 }
  const sending = new StoreSession(channel, store as Store, 'session', window, {
    openSource: find,
    onReceived: (files) => {
      counted.received += files
    },
    onRefused: (source, path, { status }) => counted.refused.push(`${source}/${path} ${status}`),
    onWithheld: (bytes) => {
      counted.withheld += bytes
    },
  })
  const declare = (source: number, id = 'ab') =>
    sending.handle({ type: 'source', header: { source, id, name: 'data' }, payload: none })
  declare(0)
  await new Promise(setImmediate)

  const batch = (ids: readonly number[], size: number, source = 0): Frame => {
    const files = ids.map((id): SmallFile => [id, source, `f${id}`, size, facts, digest])
    const header: FrameHeader<'batch'> = { files, directories: [[source, 'a', facts]] }
    return { type: 'batch', header, payload: Buffer.alloc(size * ids.length) }
  }
  const begin = (id: number, changes: Partial<FrameHeader<'begin'>> = {}): Frame => {
    const header = { id, source: 0, path: 'large', size: 900 * KIB, facts, directories: [], ...changes }
    return { type: 'begin', header, payload: none }
  }
  const chunk = (id: number, bytes = 256 * KIB): Frame => ({
    type: 'chunk',
    header: { id },
    payload: Buffer.alloc(bytes),
  })
  const zeros = (id: number, count: number, payload = none): Frame => ({
    type: 'chunk',
    header: { id, zeros: count },
    payload,
  })
  const end = (id: number): Frame => ({ type: 'end', header: { id, digest }, payload: none })
  const abort = (id: number): Frame => ({ type: 'abort', header: { id }, payload: none })
  const copy = (id: number, changes: Partial<FrameHeader<'copy'>> = {}): Frame => {
    const names = { source: 0, path: 'new', fromSource: 0, fromPath: 'old', moved: false, directories: [] }
    return {
      type: 'copy',
      header: { id, size: 900 * KIB, facts, digest, ...names, ...changes },
      payload: none,
    }
  }
  const prove = (id: number, nonce = digest): Frame => ({
    type: 'prove',
    header: { id, source: 0, path: 'a', size: 3, nonce },
    payload: none,
  })
  const frames = { batch, begin, chunk, zeros, end, abort, copy, prove }
  const seen = { answers, writes, written, offered, told, copies, nonces, state, sent, counted }
  return { sending, declare, ...frames, ...seen }
}
