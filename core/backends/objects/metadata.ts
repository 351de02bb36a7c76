import { isDigest } from '../../platform/digest.ts'
import type { ObjectFacts } from './object-store.ts'

// The metadata of an object as texts, as S3 and WebDAV keep them beside its content.

const NS = 1_000_000_000n

/**
 * Returns an object's metadata for a file. `mtime` and `mode` have rclone's names and formats, so rclone restores them,
 * too. `blake3` is the output of `b3sum`.
 */
export function toMetadata({ mtimeNs, mode, digest, firstStoredAt }: ObjectFacts): Record<string, string> {
  const sign = mtimeNs < 0n ? '-' : ''
  const positive = mtimeNs < 0n ? -mtimeNs : mtimeNs
  const fraction = String(positive % NS).padStart(9, '0')
  return {
    mtime: `${sign}${positive / NS}.${fraction}`,
    mode: mode.toString(8).padStart(4, '0'),
    ...(digest === null ? {} : { blake3: Buffer.from(digest).toString('hex') }),
    ...(firstStoredAt === undefined ? {} : { stored: new Date(firstStoredAt).toISOString() }),
  }
}

/** Returns milliseconds since 1970; undefined for a content that was neither copied nor stored again. */
export function parseFirstStoredAt({
  stored = '',
}: Readonly<Record<string, string>> = {}): number | undefined {
  const at = Date.parse(stored)
  return Number.isNaN(at) ? undefined : at
}

function parseMtime(text: string | undefined): bigint | null {
  const parts = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text ?? '')
  if (parts === null) return null
  const [, sign, seconds = '0', fraction = ''] = parts
  const ns = BigInt(seconds) * NS + BigInt(fraction.padEnd(9, '0'))
  return sign === '-' ? -ns : ns
}

/** Returns an object's facts, with defaults for missing or invalid metadata, as of other programs' objects. */
export function parseFacts(
  size: number,
  stored: Date,
  metadata: Readonly<Record<string, string>> = {},
): ObjectFacts {
  const { mtime, mode, blake3 } = metadata
  const digest = /^[0-9a-f]{64}$/.test(blake3 ?? '') ? Buffer.from(blake3 ?? '', 'hex') : null
  return {
    size,
    mtimeNs: parseMtime(mtime) ?? BigInt(stored.getTime()) * 1_000_000n,
    mode: /^[0-7]{1,5}$/.test(mode ?? '') ? Number.parseInt(mode ?? '', 8) & 0o7777 : 0o644,
    digest: isDigest(digest) ? digest : null,
  }
}
