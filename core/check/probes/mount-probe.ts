import { readFileSync, readlinkSync } from 'node:fs'
import path from 'node:path'
import { warnUnlessCode } from '../../dropped-errors.ts'
import { isEmergency, isReadOnly, isWithin, type Mount } from '../../platform/mounts.ts'
import type { MountIdentity } from '../checker-messages.ts'
import type { Failure, PathMemory } from './findings.ts'

// The mount probe: compares the mount of a path with the remembered one. It touches no file on the disk.

/**
 * Decides for the mount probe: compares the present mount of a path, and ext4's count of errors, with the remembered
 * ones. Each boot and each network mount may change device numbers, so the mount point decides: a mount on a directory
 * above the remembered point means that the disk is missing; another disk on the same point, or a further mount below
 * it, is accepted. Returns the failures and the state to remember.
 */
export function evaluateMount(
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
  // After it has been writable, read-only is no longer the person's choice.
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
 * Returns the count from which errors are counted. ext4 keeps its count over a remount until e2fsck repairs it. So a
 * file system that returns from being read-only or missing gets a new start: that incident has been reported.
 */
function soundCount(memory: PathMemory, now: MountIdentity, count: number | null): number | null {
  const { soundErrorsCount: before, known } = memory
  if (count === null || before === null || memory.wasFaulty || count < before) return count
  // The device number may have changed since a restart of the computer.
  const isSameDisk = known?.mount.source === now.source && known.mount.type === now.type
  return isSameDisk ? before : count
}

/** Returns ext4's own count of errors since the file system was made or last repaired; null: not ext4. */
export function readErrorsCount({ type, device }: Mount): number | null {
  if (type !== 'ext4') return null
  try {
    const disk = path.basename(readlinkSync(`/sys/dev/block/${device}`))
    return Number(readFileSync(`/sys/fs/ext4/${disk}/errors_count`, 'utf8'))
  } catch (error) {
    return warnUnlessCode(error, ['ENOENT', 'EINVAL'], 'the count of errors of ext4 cannot be read', null)
  }
}
