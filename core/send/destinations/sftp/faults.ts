import { z } from 'zod'
import { ignoreError } from '../../../dropped-errors.ts'
import { errorCode, errorText } from '../../../platform/system-error.ts'
import { isFault } from '../objects/faults.ts'
import { StoreFault } from '../objects/object-store.ts'
import type { SftpChannel } from './channel.ts'

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

/** Less free space counts as full: a directory and one piece of a file need about this much. */
const LEAST_FREE_BYTES = 256 * 1024
const READ_ONLY = 1

/** Returns the status of a refused call; null: the error is no answer of the server. */
export function getStatus(thrown: unknown): number | null {
  const error: unknown = thrown instanceof StoreFault ? thrown.cause : thrown
  if (!(error instanceof Error) || !('code' in error)) return null
  return typeof error.code === 'number' ? error.code : null
}

/** ssh2's connection errors as system error codes, which have translated messages. */
const systemNames: Record<string, string> = {
  'Connection lost before handshake': 'ECONNRESET',
  'No response from server': 'ECONNRESET',
  'Timed out while waiting for handshake': 'ETIMEDOUT',
  'Keepalive timeout': 'ETIMEDOUT',
}

/** Returns the reason of an error for messages. */
export function getReason(thrown: unknown): string {
  const text = errorText(thrown)
  return errorCode(thrown) ?? systemNames[text] ?? text
}

/** Classifies an error by the server's own text. */
function kindByWords(text: string): StoreFault['kind'] {
  if (/quota|no space|disk (is )?full|out of space/i.test(text)) return 'full'
  return /read.only/i.test(text) ? 'denied' : 'failed'
}

/** Classifies an error of a call: OpenSSH answers most errors with just "Failure". */
export function toStoreFault(thrown: unknown): StoreFault {
  const reason = getReason(thrown)
  const fault = (kind: StoreFault['kind']) => new StoreFault(kind, reason, { cause: thrown })
  switch (getStatus(thrown)) {
    case STATUS.absent:
      return fault('absent')
    case STATUS.denied:
      return fault('denied')
    case STATUS.badMessage:
      // Names that are too long, or contain characters that the disk does not support.
      return fault('impossible')
    case STATUS.failure:
    case STATUS.exists:
      return fault(kindByWords(reason))
    case null:
      return fault('lost')
    default:
      return fault('failed')
  }
}

/** The answer of statvfs(3), in the format of OpenSSH's PROTOCOL; numbers may have 64 bits. */
const count = z.union([z.number(), z.bigint()]).transform(Number)
const diskSchema = z.object({
  ...{ f_frsize: count, f_bavail: count, f_blocks: count, f_files: count, f_favail: count, f_flag: count },
})

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
export async function explainWriteFault(
  channel: SftpChannel,
  directory: string,
  thrown: unknown,
): Promise<unknown> {
  if (!isFault(thrown, 'failed')) return thrown
  const disk = await diskAt(channel, directory).catch(
    ignoreError('the failure is reported without its reason', null),
  )
  if (disk === null) return thrown
  if ((disk.f_flag & READ_ONLY) !== 0)
    return new StoreFault('denied', 'its disk is read-only', { cause: thrown })
  const hasFiles = disk.f_files === 0 || disk.f_favail > 0
  if (disk.f_bavail * disk.f_frsize < LEAST_FREE_BYTES || !hasFiles)
    return new StoreFault('full', 'its disk is full', { cause: thrown })
  return thrown
}
