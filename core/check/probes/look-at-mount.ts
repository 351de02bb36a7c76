import { isEmergency, isReadOnly, isWithin, type Mount } from '../../mounts/mountinfo.ts'
import type { MountIdentity } from '../messages.ts'
import type { Failure, KnownMount, PathMemory } from './findings.ts'

export type MountFinding =
  /** The path is where it belongs; `known` is what to remember from now on. */
  | { kind: 'here'; known: KnownMount; readOnly: 'no' | 'intended' | 'fault' | 'emergency' }
  /** The disk was unmounted: what the path shows now is the directory underneath. */
  | { kind: 'unmounted'; known: KnownMount }

export function identityOf({ point, device, type, source }: Mount): MountIdentity {
  return { point, device, type, source }
}

/**
 * Compares the mount that a path is on now with the remembered one. Devices are numbered anew by each boot and
 * by each network mount, so the mount point decides: a mount on a directory above the remembered point means
 * that the disk is away; another disk on the same point, or a further mount below it, is taken as it is.
 */
export function judgeMount(known: KnownMount | null, mount: Mount): MountFinding {
  const readOnly = isReadOnly(mount)
  const here = (readOnlyByIntent: boolean): MountFinding => ({
    kind: 'here',
    known: { mount: identityOf(mount), readOnlyByIntent },
    readOnly: !readOnly ? 'no' : isEmergency(mount) ? 'emergency' : readOnlyByIntent ? 'intended' : 'fault',
  })
  if (known === null) return here(readOnly && !isEmergency(mount))
  if (known.mount.point === mount.point) {
    // Once it has been writable, read-only is no longer what the person chose.
    return here(known.readOnlyByIntent && readOnly && !isEmergency(mount))
  }
  if (isWithin(known.mount.point, mount.point)) return { kind: 'unmounted', known }
  return here(readOnly && !isEmergency(mount))
}

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
