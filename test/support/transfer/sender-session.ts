import { ReceiverSession, type SessionOptions } from '../../../core/backends/receiver/receiver-session.ts'
import type { FrameChannel } from '../../../core/protocol/channel.ts'
import type { Frame } from '../../../core/protocol/frames.ts'
import { buildFacts } from '../store/file-facts.ts'

// A sender's session on a channel that the test holds.

export const digest = Buffer.alloc(32, 3)
export const source = { id: 'a1', name: 'data', path: '/data' }
export const file = { source, path: 'new', facts: buildFacts(5) }
export const small = { ...file, bytes: Buffer.alloc(5), digest }

export const silent = {
  onTurn: () => true,
  onUsed: () => undefined,
  onResult: () => undefined,
}

export function openSender(files = 2, bytes = 1000, options: Partial<SessionOptions> = {}) {
  const all: { type: string; header: object }[] = []
  const payloads: (readonly Uint8Array[])[] = []
  let use: () => void = () => undefined
  const channel: Pick<FrameChannel, 'send' | 'room'> = {
    send: (type, header, payload = [], onUsed = () => undefined) => {
      all.push({ type, header })
      use = onUsed
      if (payload.length > 0) payloads.push(payload.map((one) => Buffer.from(one)))
    },
    room: async () => undefined,
  }
  const session = new ReceiverSession(channel, { bytes, files }, { receiver: 'nas', ...options })
  const answer = (...results: [number, number][]): Frame => ({
    type: 'result',
    header: { position: 7, results: results.map(([id, status]) => [id, status, '']) },
    payload: Buffer.alloc(0),
  })
  const copy = () => session.copy(file, [], digest, { source, path: 'old', isMoved: true, isTrusted: false })
  /** What was sent, without the frames that name sources. */
  const sent = () => all.filter(({ type }) => type !== 'source')
  return { session, all, sent, payloads, answer, copy, use: () => use() }
}
