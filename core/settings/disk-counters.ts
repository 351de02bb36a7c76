// Does not import zod, which is large, because the window's first paint needs this module.

/** Kinds of findings about a disk, an array or a pool, gravest first. */
export const diskFindingKinds = [
  /** smartctl's "SMART overall-health self-assessment test result" is not PASSED. */
  'smart-failed',
  /** Value: bits of an NVMe controller's critical warning (NVM Express, SMART / Health Information log, byte 0). */
  'nvme-warning',
  /** Value: disks that an array or a pool lacks. */
  'missing-disks',
  /** A pool is not ONLINE, or an array is broken. */
  'not-online',
  /** Value: attributes at or below the manufacturer's threshold now. */
  'below-threshold',
  /** Value: attribute 197, sectors that the disk could not read and has not replaced yet. */
  'pending',
  /**
   * Value: attribute 198, sectors that an offline scan could not read; attribute 187, reads and writes that failed; SAS:
   * total uncorrected errors.
   */
  'uncorrectable',
  /** Value: an NVMe disk's unrecovered errors. */
  'media-errors',
  /** Value: read, write and checksum errors of a pool's disks. */
  'device-errors',
  /** Value: sectors in which the disks of an array with parity do not agree. */
  'mismatch',
  /** Value: remaining spare blocks in percent. */
  'low-spare',
  /** Value: the used part of the rated endurance in percent. */
  'worn',
  /** Value: attribute 5 (SAS: grown defects), sectors that the disk has replaced. */
  'reallocated',
] as const
export type DiskFindingKind = (typeof diskFindingKinds)[number]

/** Values of counters; a counter that the disk does not have is omitted. */
export type DiskCounters = Partial<Record<DiskFindingKind, number>>

/** Values that a person has accepted, by disk. */
export type AcceptedCounters = Readonly<Record<string, DiskCounters>>
