import type { FrameChannel } from '../../../protocol/channel.ts'
import { batchBuffers } from '../../../protocol/frame-buffers.ts'
import type { Frame, FrameHeader, FrameType } from '../../../protocol/frames.ts'
import { StoreSession } from '../../../store/session/upload-session.ts'
import type { Store, StoreSource } from '../../../store/store.ts'
import type { OwnSession } from '../destination.ts'
import { ReceiverSession, type SessionOptions } from '../receiver/receiver-session.ts'

/** The credit of the session, as large as the most that a receiver gives to one connection. */
const WINDOW = { bytes: 16 * 1024 * 1024, files: 8192 }

export interface FolderSessionOptions extends SessionOptions {
  store: Store
  /** The id of the session, which stored files refer to. */
  session: string
  /** Returns the store's directory of a source. @throws the system error. */
  getSource(id: string, name: string): Promise<StoreSource>
}

type End = Pick<FrameChannel, 'send' | 'room'>

/** Joins the pieces. The store transfers a batch's memory to a thread, so it must contain nothing else. */
function joinPieces(type: FrameType, pieces: readonly Uint8Array[]): Buffer {
  const [one] = pieces
  if (one !== undefined && pieces.length === 1 && (type !== 'batch' || batchBuffers.holds(one)))
    return Buffer.from(one.buffer, one.byteOffset, one.length)
  // Buffer.concat is unsuitable: its memory is part of a pool.
  const whole = Buffer.allocUnsafeSlow(pieces.reduce((total, { length }) => total + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

function createFrame<T extends FrameType>(type: T, header: FrameHeader<T>, pieces: readonly Uint8Array[]) {
  return { type, header, payload: joinPieces(type, pieces) } as Frame
}

/** Connects both ends of a session in this process: the frames of a connection to a receiver, without a socket. */
export function openFolderSession(options: FolderSessionOptions): { session: OwnSession; close(): void } {
  const { store, session: name, getSource } = options

  const back: End = {
    send(type, header) {
      if (!session.closed) session.onFrame(createFrame(type, header, []))
    },
    room: () => Promise.resolve(),
  }
  const storing = new StoreSession(back, store, name, WINDOW, { openSource: getSource })
  const there: End = {
    send(type, header, pieces = [], onUsed) {
      if (!session.closed) storing.handle(createFrame(type, header, pieces), onUsed)
    },
    room: () => Promise.resolve(),
  }
  const session = new ReceiverSession(there, WINDOW, options)
  return {
    session,
    close() {
      session.close()
      // Resumable parts are kept.
      storing.close(true)
    },
  }
}
