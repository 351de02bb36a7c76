import { readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { isEmergency, isReadOnly, isWithin, type Mount } from '../../platform/mounts/mountinfo.ts'
import type { MountIdentity } from '../checker-messages.ts'
import type { Failure, PathMemory } from './findings.ts'

/**
 * The mount probe's decision: the mount that a path is on now, and ext4's count of errors, against what is remembered.
 * Devices are numbered anew by each boot and by each network mount, so the mount point decides: a mount on a directory
 * above the remembered point means that the disk is away; another disk on the same point, or a further mount below it,
 * is taken as it is. Gives what failed, and what to remember of the path.
 */
export function lookAtMount(
  memory: PathMemory,
  mount: Mount,
  errorsCount: number | null,
): { failures: Failure[]; memory: PathMemory } {
  const before = memory.known
  const isSamePoint = before?.mount.point === mount.point
  if (before !== null && !isSamePoint && isWithin(before.mount.point, mount.point)) {
    const { point } = before.mount
    return {
      failures: [{ step: 'mount', cause: 'unmounted', point }],
      memory: { ...memory, wasFaulty: true },
    }
  }
  const { point, device, type, source } = mount
  // Once it has been writable, read-only is no longer what the person chose.
  const mayBeIntended = !isEmergency(mount) && (!isSamePoint || before?.readOnlyByIntent === true)
  const readOnlyByIntent = isReadOnly(mount) && mayBeIntended
  const known = { mount: { point, device, type, source }, readOnlyByIntent }
  if (isReadOnly(mount) && !readOnlyByIntent) {
    const cause = isEmergency(mount) ? 'emergency' : 'read-only'
    return { failures: [{ step: 'mount', cause, point }], memory: { ...memory, known, wasFaulty: true } }
  }
  const sound = soundCount(memory, known.mount, errorsCount)
  const rise = (errorsCount ?? 0) - (sound ?? 0)
  return {
    failures: rise > 0 ? [{ step: 'mount', cause: 'ext4-errors', point, count: rise }] : [],
    memory: { ...memory, known, wasFaulty: false, soundErrorsCount: sound },
  }
}

/**
 * The count that the errors are reckoned from. ext4 keeps counting over a remount until e2fsck mends it, so a
 * file system that came back from being read-only or away begins anew: that incident has been told.
 */
function soundCount(memory: PathMemory, now: MountIdentity, count: number | null): number | null {
  const { soundErrorsCount: before, known } = memory
  if (count === null || before === null || memory.wasFaulty || count < before) return count
  // The device's number may be another one since the computer was started anew.
  const isSameDisk = known?.mount.source === now.source && known.mount.type === now.type
  return isSameDisk ? before : count
}

/** ext4's own count of the errors that it met since it was made or last mended; null: not ext4. */
export function errorsCountOf({ type, device }: Mount): number | null {
  if (type !== 'ext4') return null
  try {
    const disk = path.basename(readlinkSync(`/sys/dev/block/${device}`))
    return Number(readFileSync(`/sys/fs/ext4/${disk}/errors_count`, 'utf8'))
  } catch (error) {
    return warnUnlessCode(error, ['ENOENT', 'EINVAL'], 'the count of errors of ext4 cannot be read', null)
  }
}
