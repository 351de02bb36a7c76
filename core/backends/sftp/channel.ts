import type { Client, SFTPWrapper, Stats } from 'ssh2'
import { z } from 'zod'
import { defer } from '../../defer.ts'
import { ignoreError, settled } from '../../dropped-errors.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { BackendError, hasKind, orIf } from '../errors.ts'

// The calls of an SFTP server: each rejects with a BackendError. ssh2 has the protocol; this module adds the loss of
// pending calls, reading ahead, and the meaning of the server's answers.

/** Longest read or write in one call: OpenSSH accepts 255 KiB, every server at least 32 KiB including the header. */
const PIECE_BYTES = 128 * 1024
const LEAST_PIECE_BYTES = 31 * 1024

/** Longest silence of a server that has calls to answer: it may write a large file to a slow disk before it does. */
const SILENT_MS = 600_000

/** Time limit to begin the SFTP subsystem of a connection. */
const BEGIN_MS = 60_000

/** SSH_FXF_… flags of an open. */
export const OPEN = { read: 0x1, write: 0x2, create: 0x8, exclusive: 0x20 } as const
/** Limit of pieces requested ahead; reached only if the file turns out to be long. */
const MOST_AHEAD = 16
/** Less free space counts as full: a directory and one piece of a file need about this much. */
const LEAST_FREE_BYTES = 256 * 1024
const READ_ONLY = 1

/** Status codes of a server's answers (draft-ietf-secsh-filexfer-02, 7). */
export const STATUS = {
  eof: 1,
  absent: 2,
  denied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
  exists: 11,
} as const

/** ssh2's connection errors as system error codes, which have translated messages. */
const systemNames: Record<string, string> = {
  'Connection lost before handshake': 'ECONNRESET',
  'No response from server': 'ECONNRESET',
  'Timed out while waiting for handshake': 'ETIMEDOUT',
  'Keepalive timeout': 'ETIMEDOUT',
}

/** The answer of statvfs(3), in the format of OpenSSH's PROTOCOL; numbers may have 64 bits. */
const count = z.union([z.number(), z.bigint()]).transform(Number)
const diskSchema = z.object({
  ...{ f_frsize: count, f_bavail: count, f_blocks: count, f_files: count, f_favail: count, f_flag: count },
})

/** The callback for a server's answer. */
type Answered<T> = (error: Error | null | undefined, value: T) => void

/** An SFTP subsystem of a connection: the server runs a process for each, which handles one call at a time. */
export type SftpChannel = ReturnType<typeof channelOn>

/** @param gather is called before each request: see SftpConnection. */
export function openChannel(client: Client, gather: () => void): Promise<SftpChannel> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new BackendError('lost', 'ETIMEDOUT')), BEGIN_MS)
    client.sftp((error, sftp) => {
      clearTimeout(timer)
      if (error === undefined) resolve(channelOn(sftp, gather))
      else reject(error)
    })
  })
}

function channelOn(sftp: SFTPWrapper, gather: () => void) {
  const waiting = new Set<(reason: BackendError) => void>()
  let over: BackendError | null = null
  /** Ends the channel of a server that keeps the connection alive and answers no call. */
  let silence: NodeJS.Timeout | undefined
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  const end = (why: unknown) => {
    if (over !== null) return
    clearTimeout(silence)
    over = new BackendError('lost', why instanceof Error ? getReason(why) : 'ECONNRESET', { cause: why })
    for (const lose of waiting) lose(over)
    waiting.clear()
    resolve(over)
  }
  sftp.on('error', end)
  sftp.on('end', end)
  sftp.on('close', end)
  const expectAnswer = () => {
    clearTimeout(silence)
    if (waiting.size > 0)
      silence = setTimeout(() => end(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), SILENT_MS)
  }
  /**
   * Sends a request. ssh2 drops pending calls when the channel ends; this rejects them as lost.
   * @throws BackendError.
   */
  const call = <T>(ask: (sftp: SFTPWrapper, answered: Answered<T>) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      if (over !== null) return reject(over)
      waiting.add(reject)
      if (waiting.size === 1) expectAnswer()
      const answered: Answered<T> = (error, value) => {
        // The end of the channel has already rejected this call.
        if (!waiting.delete(reject)) return
        expectAnswer()
        if (error == null) resolve(value)
        else reject(over ?? toBackendError(error))
      }
      try {
        gather()
        ask(sftp, answered)
      } catch (thrown) {
        waiting.delete(reject)
        expectAnswer()
        reject(new BackendError('failed', errorText(thrown), { cause: thrown }))
      }
    })
  const extensions: unknown = Reflect.get(sftp, '_extensions')
  const most: unknown = Reflect.get(sftp, '_maxWriteLen')
  return {
    /** Resolves with the reason when the channel has ended. */
    ended,
    /** Number of pending calls. */
    get busy() {
      return waiting.size
    },
    /** Bytes of one write: ssh2 splits a longer one and sends the rest later, when our memory may already be reused. */
    pieceBytes: Math.min(PIECE_BYTES, typeof most === 'number' ? most : LEAST_PIECE_BYTES),
    /** True if the server supports an extension of the protocol. */
    offers: (extension: string) =>
      typeof extensions === 'object' && extensions !== null && extension in extensions,
    call,
    /** Sends a request whose answer has no value. */
    tell: (ask: (sftp: SFTPWrapper, answered: (error?: Error | null) => void) => void) =>
      call<void>((on, answered) => ask(on, (error) => answered(error, undefined))),
  }
}

/** @param flags SSH_FXF_… */
export const open = (channel: SftpChannel, path: string, flags: number): Promise<Buffer> =>
  channel.call<Buffer>((sftp, done) => sftp.open(path, flags, { mode: 0o600 }, done))

/** Closes a handle without waiting for the answer. */
export const close = (channel: SftpChannel, handle: Buffer): void => {
  channel
    .tell((sftp, done) => sftp.close(handle, done))
    .catch(ignoreError('the server closes the handles of a connection that ends'))
}

/** Returns the stat of a name; null: it does not exist. `lstat`: of a symbolic link itself. */
export const statAt = (channel: SftpChannel, path: string, how: 'stat' | 'lstat'): Promise<Stats | null> =>
  channel.call<Stats>((sftp, done) => sftp[how](path, done)).catch(orIf('absent', null))

/** Has the server write a file, or a directory's names, to its disk. */
export async function syncPath(channel: SftpChannel, path: string): Promise<void> {
  const handle = await open(channel, path, OPEN.read)
  using _ = defer(() => close(channel, handle))
  await channel.tell((sftp, done) => sftp.ext_openssh_fsync(handle, done))
}

/**
 * Reads a file from a byte offset, freshly from the server.
 * @throws BackendError.
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

/** Classifies an error of a call: OpenSSH answers most errors with just "Failure". */
function toBackendError(thrown: unknown): BackendError {
  const reason = getReason(thrown)
  const toError = (kind: BackendError['kind']) => new BackendError(kind, reason, { cause: thrown })
  switch (getStatus(thrown)) {
    case STATUS.absent:
      return toError('absent')
    case STATUS.denied:
      return toError('denied')
    case STATUS.badMessage:
      // Names that are too long, or contain characters that the disk does not support.
      return toError('impossible')
    case STATUS.failure:
    case STATUS.exists:
      return toError(kindByWords(reason))
    case null:
      return toError('lost')
    default:
      return toError('failed')
  }
}

/** Returns the status of a refused call; null: the error is no answer of the server. */
export function getStatus(thrown: unknown): number | null {
  const error: unknown = thrown instanceof BackendError ? thrown.cause : thrown
  if (!(error instanceof Error) || !('code' in error)) return null
  return typeof error.code === 'number' ? error.code : null
}

/** Returns the reason of an error for messages. */
export function getReason(thrown: unknown): string {
  const text = errorText(thrown)
  return errorCode(thrown) ?? systemNames[text] ?? text
}

/** Classifies an error by the server's own text. */
function kindByWords(text: string): BackendError['kind'] {
  if (/quota|no space|disk (is )?full|out of space/i.test(text)) return 'full'
  return /read.only/i.test(text) ? 'denied' : 'failed'
}

/** Returns the server's data on its disk; null: not supported. */
export async function diskAt(channel: SftpChannel, directory: string) {
  if (!channel.offers('statvfs@openssh.com')) return null
  return diskSchema.parse(
    await channel.call<unknown>((sftp, done) => sftp.ext_openssh_statvfs(directory, done)),
  )
}

/**
 * Returns a more precise error for a failed write: if the server gave no reason, queries its disk.
 * @param directory on that disk.
 */
export async function explainWriteError(
  channel: SftpChannel,
  directory: string,
  thrown: unknown,
): Promise<unknown> {
  if (!hasKind(thrown, 'failed')) return thrown
  const disk = await diskAt(channel, directory).catch(
    ignoreError('the failure is reported without its reason', null),
  )
  if (disk === null) return thrown
  if ((disk.f_flag & READ_ONLY) !== 0)
    return new BackendError('denied', 'its disk is read-only', { cause: thrown })
  const hasFiles = disk.f_files === 0 || disk.f_favail > 0
  if (disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES || !hasFiles)
    return new BackendError('full', 'its disk is full', { cause: thrown })
  return thrown
}
