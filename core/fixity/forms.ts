import { FIXITY_BYTES } from '../platform/fixity.ts'
import { type FixityKind, fixityKinds } from '../platform/fixity-kinds.ts'

// The lines of manifests: those of sha256sum and md5sum (GNU coreutils), and those of BagIt (RFC 8493).

/** A line of a manifest; `digest`: lower-case hexadecimal digits. */
export interface ManifestLine {
  path: string
  digest: string
}

/** The directory of a bag's payload. */
const PAYLOAD = 'data/'

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' }
const UNESCAPED: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\r': '\r' }

/** Formats a line as sha256sum and md5sum do: one with an escaped name begins with a backslash. */
export function formatSumLine({ path, digest }: ManifestLine): string {
  const escaped = path.replaceAll(/[\\\n\r]/g, (found) => ESCAPES[found] ?? found)
  return `${escaped === path ? '' : '\\'}${digest}  ${escaped}\n`
}

/** Formats a line of a bag's manifest. RFC 8493 percent-encodes line breaks and the percent sign, nothing else. */
export const formatBagLine = ({ path, digest }: ManifestLine): string =>
  `${digest}  ${PAYLOAD}${path.replaceAll(/[%\n\r]/g, encodeURIComponent)}\n`

/** Formats a path as a relative URI of an RO-Crate. */
export const formatCrateId = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

/** Parses a line of sha256sum or md5sum; null: it is neither. */
export function parseSumLine(line: string): (ManifestLine & { kind: FixityKind }) | null {
  const [, mark, digest = '', name = ''] = /^(\\?)([0-9A-Fa-f]{32,64}) [ *](.+)$/s.exec(line) ?? []
  const kind = findKind(digest)
  if (kind === null) return null
  const path = mark === '' ? name : name.replaceAll(/\\[\\nr]/g, (found) => UNESCAPED[found] ?? found)
  return { kind, path: path.replace(/^(\.\/)+/, ''), digest: digest.toLowerCase() }
}

/** Parses a line of a bag's manifest; null: it is none. */
export function parseBagLine(line: string): (ManifestLine & { kind: FixityKind }) | null {
  const [, digest = '', name = ''] = /^([0-9A-Fa-f]{32,64})\s+\*?(?:\.\/)?data\/(.+)$/.exec(line) ?? []
  const kind = findKind(digest)
  if (kind === null) return null
  const path = name.replaceAll(/%(0a|0d|25)/gi, decodeURIComponent)
  return { kind, path, digest: digest.toLowerCase() }
}

const findKind = (digest: string): FixityKind | null =>
  fixityKinds.find((kind) => FIXITY_BYTES[kind] * 2 === digest.length) ?? null
