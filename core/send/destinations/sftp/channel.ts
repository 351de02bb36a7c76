import type { Client, SFTPWrapper, Stats } from 'ssh2'
import { ignoreError } from '../../../dropped-errors.ts'
import { errorText } from '../../../platform/system-error.ts'
import { orIf } from '../objects/faults.ts'
import { StoreFault } from '../objects/object-store.ts'
import { getReason, toStoreFault } from './faults.ts'

/** The callback for a server's answer. */
export type Answered<T> = (error: Error | null | undefined, value: T) => void

/** Longest read or write in one call: OpenSSH accepts 255 KiB, every server at least 32 KiB including the header. */
export const PIECE_BYTES = 128 * 1024
const LEAST_PIECE_BYTES = 31 * 1024

/** SSH_FXF_… flags of an open. */
export const OPEN = { read: 0x1, write: 0x2, create: 0x8, exclusive: 0x20 } as const

/** An SFTP subsystem of a connection: the server runs a process for each, which handles one call at a time. */
export type SftpChannel = ReturnType<typeof channelOn>

/** @param gather is called before each request: see SftpConnection. */
export function openChannel(client: Client, gather: () => void): Promise<SftpChannel> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error === undefined) resolve(channelOn(sftp, gather))
      else reject(error)
    })
  })
}

function channelOn(sftp: SFTPWrapper, gather: () => void) {
  const waiting = new Set<(reason: StoreFault) => void>()
  let over: StoreFault | null = null
  const ended = new Promise<unknown>((resolve) => {
    const end = (why: unknown) => {
      if (over !== null) return
      over = new StoreFault('lost', why instanceof Error ? getReason(why) : 'ECONNRESET', { cause: why })
      for (const lose of waiting) lose(over)
      waiting.clear()
      resolve(over)
    }
    sftp.on('error', end)
    sftp.on('end', end)
    sftp.on('close', end)
  })
  /**
   * Sends a request. ssh2 drops pending calls when the channel ends; this rejects them as lost.
   * @throws StoreFault.
   */
  const call = <T>(ask: (sftp: SFTPWrapper, answered: Answered<T>) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      if (over !== null) return reject(over)
      waiting.add(reject)
      const answered: Answered<T> = (error, value) => {
        // The end of the channel has already rejected this call.
        if (!waiting.delete(reject)) return
        if (error == null) resolve(value)
        else reject(over ?? toStoreFault(error))
      }
      try {
        gather()
        ask(sftp, answered)
      } catch (thrown) {
        waiting.delete(reject)
        reject(new StoreFault('failed', errorText(thrown), { cause: thrown }))
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
  try {
    await channel.tell((sftp, done) => sftp.ext_openssh_fsync(handle, done))
  } finally {
    close(channel, handle)
  }
}
