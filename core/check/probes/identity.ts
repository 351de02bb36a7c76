import { isEmergency, isReadOnly, isWithin, type Mount } from '../../mounts/mountinfo.ts'
import type { MountIdentity } from '../messages.ts'

/** What is remembered of the file system that a path is on. */
export interface KnownMount {
  mount: MountIdentity
  readOnlyByIntent: boolean
}

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
