import {
  type FileMetadata,
  MAX_ATTRIBUTE_BYTES,
  MAX_ATTRIBUTES,
  type RareMetadata,
} from '../platform/file-metadata.ts'
import { MAX_MODE, MAX_NANOSECONDS, MAX_OWNER, MAX_SECONDS } from './limits.ts'

/**
 * A file's metadata in frames: time of modification in seconds since 1970, possibly negative, and nanoseconds; mode;
 * user and group; rare properties.
 */
export type EncodedMetadata = [
  seconds: number,
  nanoseconds: number,
  mode: number,
  user: number,
  group: number,
  more: RareMetadata | null,
]

const NANOSECONDS = 1_000_000_000n

/**
 * Encodes metadata. Clamps a time beyond MAX_SECONDS, which some file systems allow: the peer would refuse the frame.
 */
export function encodeMetadata({ mtimeNs, mode, user, group, more }: FileMetadata): EncodedMetadata {
  const nanoseconds = ((mtimeNs % NANOSECONDS) + NANOSECONDS) % NANOSECONDS
  const seconds = Number((mtimeNs - nanoseconds) / NANOSECONDS)
  const clamped = Math.max(-MAX_SECONDS, Math.min(MAX_SECONDS, seconds))
  return [clamped, Number(nanoseconds), mode, user, group, more]
}

/** Decodes metadata. The size is sent separately. */
export function decodeMetadata(
  [seconds, nanoseconds, mode, user, group, more]: EncodedMetadata,
  size: number,
): FileMetadata {
  return { size, mtimeNs: BigInt(seconds) * NANOSECONDS + BigInt(nanoseconds), mode, user, group, more }
}

/** True for an integer within these bounds. */
export const isWhole = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most

export function isEncodedMetadata(value: unknown): value is EncodedMetadata {
  if (!Array.isArray(value) || value.length !== 6) return false
  const [seconds, nanoseconds, mode, user, group, more] = value
  return (
    isWhole(seconds, -MAX_SECONDS, MAX_SECONDS) &&
    isWhole(nanoseconds, 0, MAX_NANOSECONDS) &&
    isWhole(mode, 0, MAX_MODE) &&
    isWhole(user, 0, MAX_OWNER) &&
    isWhole(group, 0, MAX_OWNER) &&
    (more === null || isRareMetadata(more))
  )
}

function isRareMetadata(value: unknown): value is RareMetadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { attributes, sparse, ...others } = value as Record<string, unknown>
  if (Object.keys(others).length > 0) return false
  if (sparse !== undefined && sparse !== true) return false
  return attributes === undefined || isAttributes(attributes)
}

function isAttributes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const all = Object.entries(value)
  const bytes = all.reduce(
    (sum, [name, one]) => sum + name.length + (one instanceof Uint8Array ? one.length : Number.NaN),
    0,
  )
  return all.length <= MAX_ATTRIBUTES && bytes <= MAX_ATTRIBUTE_BYTES
}
