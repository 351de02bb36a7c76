import { settled } from '../../../dropped-errors.ts'
import { close, OPEN, open, PIECE_BYTES, type SftpChannel } from './channel.ts'
import { getStatus, STATUS } from './faults.ts'

/** Limit of pieces requested ahead; reached only if the file turns out to be long. */
const MOST_AHEAD = 16

function readPiece(channel: SftpChannel, handle: Buffer, at: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES)
  return channel
    .call<number>((sftp, done) => sftp.read(handle, buffer, 0, PIECE_BYTES, at, done))
    .then(
      (length) => buffer.subarray(0, length),
      (error: unknown) => {
        if (getStatus(error) === STATUS.eof) return Buffer.alloc(0)
        throw error
      },
    )
}

/**
 * Reads a file from a byte offset, freshly from the server.
 * @throws StoreFault.
 */
export async function* readFrom(
  channel: SftpChannel,
  path: string,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const handle = await open(channel, path, OPEN.read)
  let asked: Promise<Buffer>[] = []
  /** Offset of the next piece to yield; `next`: of the next one to request. */
  let at = from
  let next = from
  let ahead = 1
  try {
    for (;;) {
      signal.throwIfAborted()
      while (asked.length < ahead) {
        const piece = readPiece(channel, handle, next)
        void settled(piece)
        asked.push(piece)
        next += PIECE_BYTES
      }
      const piece = await asked.shift()
      if (piece === undefined || piece.length === 0) return
      at += piece.length
      ahead = Math.min(MOST_AHEAD, ahead * 2)
      yield piece
      if (piece.length === PIECE_BYTES) continue
      // After a short read the later pieces leave a gap: they are discarded and requested again.
      await Promise.allSettled(asked)
      asked = []
      next = at
    }
  } finally {
    await Promise.allSettled(asked)
    close(channel, handle)
  }
}
