import { errorText } from '../../../files/system-error.ts'
import { StoreFault } from '../objects/object-store.ts'
import type { Channel } from './channel.ts'

/** draft-ietf-secsh-filexfer-02, 7: what a server says of a call. */
export const STATUS = {
  eof: 1,
  absent: 2,
  denied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
  exists: 11,
} as const

/** Less than this is no room: a directory needs as much. */
const LEAST_FREE_BYTES = 64 * 1024
const READ_ONLY = 1n

/** The status of a call that the server has refused; null: it is something else. */
export function statusOf(thrown: unknown): number | null {
  if (!(thrown instanceof Error) || !('code' in thrown)) return null
  return typeof thrown.code === 'number' ? thrown.code : null
}

/** What the server's own words say, where it has any of its own. */
function kindByWords(text: string): StoreFault['kind'] {
  if (/quota|no space|disk (is )?full|out of space/i.test(text)) return 'full'
  return /read.only/i.test(text) ? 'denied' : 'failed'
}

/** What is the matter with a call: OpenSSH says no more than "Failure" of most errors. */
export function faultOf(thrown: unknown): StoreFault {
  if (thrown instanceof StoreFault) return thrown
  const reason = errorText(thrown)
  const fault = (kind: StoreFault['kind']) => new StoreFault(kind, reason, { cause: thrown })
  switch (statusOf(thrown)) {
    case STATUS.absent:
      return fault('absent')
    case STATUS.denied:
      return fault('denied')
    case STATUS.badMessage:
      // Names that are too long, and characters that the disk has not.
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

interface FileSystem {
  freeBytes: number
  freeFiles: number
  isReadOnly: boolean
}

/** What the server says of its disk; null: it does not. */
async function fileSystemAt(channel: Channel, directory: string): Promise<FileSystem | null> {
  if (!channel.offers('statvfs@openssh.com')) return null
  const told = await channel.call<unknown>((sftp, answered) => sftp.ext_openssh_statvfs(directory, answered))
  const field = (name: string): bigint => {
    const value: unknown = typeof told === 'object' && told !== null ? Reflect.get(told, name) : 0
    return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : 0n
  }
  return {
    freeBytes: Number(field('f_bavail') * field('f_frsize')),
    freeFiles: field('f_files') === 0n ? 1 : Number(field('f_favail')),
    isReadOnly: (field('f_flag') & READ_ONLY) !== 0n,
  }
}

/**
 * The fault of a call that writes: of one that says nothing, the disk is asked.
 * @param directory on that disk.
 */
export async function writeFaultOf(
  channel: Channel,
  directory: string,
  thrown: unknown,
): Promise<StoreFault> {
  const fault = faultOf(thrown)
  if (fault.kind !== 'failed') return fault
  const disk = await fileSystemAt(channel, directory).catch(() => null)
  if (disk === null) return fault
  if (disk.isReadOnly) return new StoreFault('denied', 'its disk is read-only', { cause: thrown })
  if (disk.freeBytes < LEAST_FREE_BYTES || disk.freeFiles === 0)
    return new StoreFault('full', 'its disk is full', { cause: thrown })
  return fault
}
