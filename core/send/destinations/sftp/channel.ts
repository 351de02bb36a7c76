import type { Client, SFTPWrapper, Stats } from 'ssh2'
import { ignoreError } from '../../../dropped-errors.ts'
import { errorText } from '../../../platform/system-error.ts'
import { orIf } from '../objects/faults.ts'
import { StoreFault } from '../objects/object-store.ts'
import { faultOf, reasonOf } from './faults.ts'

/** What an answer of the server is told to. */
export type Answered<T> = (error: Error | null | undefined, value: T) => void

/** More is not asked, or sent, in one call: OpenSSH takes 255 KiB, and any server at least 32 KiB with the call's own words. */
export const PIECE_BYTES = 128 * 1024
const LEAST_PIECE_BYTES = 31 * 1024

/** SSH_FXF_… flags of an open. */
export const OPEN = { read: 0x1, write: 0x2, create: 0x8, exclusive: 0x20 } as const

/** One SFTP subsystem of a connection: the server has a process for each, which does one call after the other. */
export type SftpChannel = ReturnType<typeof channelOn>

/** @param gather is called before something is asked: see SftpConnection. */
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
      over = new StoreFault('lost', why instanceof Error ? reasonOf(why) : 'ECONNRESET', { cause: why })
      for (const lose of waiting) lose(over)
      waiting.clear()
      resolve(over)
    }
    sftp.on('error', end)
    sftp.on('end', end)
    sftp.on('close', end)
  })
  /**
   * Asks the server. ssh2 forgets calls whose channel ends: here they are lost.
   * @throws StoreFault.
   */
  const call = <T>(ask: (sftp: SFTPWrapper, answered: Answered<T>) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      if (over !== null) return reject(over)
      waiting.add(reject)
      const answered: Answered<T> = (error, value) => {
        // What comes of a channel's end has come already.
        if (!waiting.delete(reject)) return
        if (error == null) resolve(value)
        else reject(over ?? faultOf(error))
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
    /** Resolves with the reason when it has ended. */
    ended,
    /** Calls that are under way. */
    get busy() {
      return waiting.size
    },
    /** Bytes that are written in one call: ssh2 would send the rest of more from our memory later, when it is another's. */
    pieceBytes: Math.min(PIECE_BYTES, typeof most === 'number' ? most : LEAST_PIECE_BYTES),
    /** Whether the server offers an extension of the protocol. */
    offers: (extension: string) =>
      typeof extensions === 'object' && extensions !== null && extension in extensions,
    call,
    /** The same for what has no other answer than that it is done. */
    tell: (ask: (sftp: SFTPWrapper, answered: (error?: Error | null) => void) => void) =>
      call<void>((on, answered) => ask(on, (error) => answered(error, undefined))),
  }
}

/** @param flags SSH_FXF_… */
export const open = (channel: SftpChannel, path: string, flags: number): Promise<Buffer> =>
  channel.call<Buffer>((sftp, done) => sftp.open(path, flags, { mode: 0o600 }, done))

/** Nobody waits for it. */
export const close = (channel: SftpChannel, handle: Buffer): void => {
  channel
    .tell((sftp, done) => sftp.close(handle, done))
    .catch(ignoreError('the server closes the handles of a connection that ends'))
}

/** What has this name; null: nothing. `lstat`: of a symbolic link itself. */
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
