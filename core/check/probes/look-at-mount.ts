import type { Mount } from '../../mounts/mountinfo.ts'
import type { MountIdentity } from '../messages.ts'
import type { Failure, PathMemory } from './findings.ts'
import { judgeMount } from './identity.ts'

/**
 * The mount probe's decision: the mount that a path is on now, and ext4's count of errors, against what is
 * remembered of the path. Gives what failed and what to remember.
 */
export function lookAtMount(
  memory: PathMemory,
  mount: Mount,
  errorsCount: number | null,
): { failures: Failure[]; memory: PathMemory } {
  const finding = judgeMount(memory.known, mount)
  const { known } = finding
  const { point } = known.mount
  if (finding.kind === 'unmounted') {
    return {
      failures: [{ step: 'mount', cause: 'unmounted', point }],
      memory: { ...memory, wasFaulty: true },
    }
  }
  if (finding.readOnly === 'fault' || finding.readOnly === 'emergency') {
    const cause = finding.readOnly === 'fault' ? 'read-only' : 'emergency'
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
