import { createReadStream } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { expectErrorCodes } from '../dropped-errors.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { FixityKind } from '../platform/fixity-kinds.ts'
import { errorText } from '../platform/system-error.ts'
import { parseBagLine, parseSumLine } from './forms.ts'

/** Limit of a manifest, which is kept in memory: some three million files. */
const MOST_BYTES = 512 * 1024 * 1024

/** The digests that a manifest states, by path; lower-case hexadecimal digits. */
export type Manifest = ReadonlyMap<string, { kind: FixityKind; digest: string }>

/**
 * Reads a manifest in the form of sha256sum or md5sum; one that has "bagit.txt" beside it in the form of a bag. For a
 * directory reads its manifest-sha256.txt.
 * @throws UserError fixity.notRead, fixity.tooLarge, fixity.noManifest
 */
export async function readManifest(given: string): Promise<Manifest> {
  const found = new Map<string, { kind: FixityKind; digest: string }>()
  try {
    const file = (await stat(given)).isDirectory() ? path.join(given, 'manifest-sha256.txt') : given
    if ((await stat(file)).size > MOST_BYTES)
      throw new UserError('fixity.tooLarge', { path: file, limit: MOST_BYTES })
    const isBag = await access(path.join(path.dirname(file), 'bagit.txt')).then(
      () => true,
      expectErrorCodes(['ENOENT'], false),
    )
    const parse = isBag ? parseBagLine : parseSumLine
    let number = 0
    for await (const line of createInterface({ input: createReadStream(file, 'utf8') })) {
      number += 1
      if (line === '' || line.startsWith('#')) continue
      const parsed = parse(line)
      if (parsed === null) throw new UserError('fixity.noManifest', { path: file, line: number })
      const { path: name, kind, digest } = parsed
      // A manifest with both kinds is checked by the stronger one.
      if (kind === 'sha256' || !found.has(name)) found.set(name, { kind, digest })
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError('fixity.notRead', { path: given, reason: errorText(error) }, { cause: error })
  }
  if (found.size === 0) throw new UserError('fixity.noManifest', { path: given, line: 1 })
  return found
}
