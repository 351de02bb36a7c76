import { statSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Library } from '../../../core/backends/library.ts'
import { computeDigest } from '../../../core/platform/digest.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const bytes = Buffer.from('content')
const file = { size: bytes.length, mtimeNs: 0n, mode: 0o644, user: 0, group: 0, more: null }
const content = { folder: 'data', path: 'file', version: '', storedAt: 0 }
/** Has one file, and the metadata of the source's own directory. */
const library: Library = {
  place: null,
  folders: async () => [{ name: 'data', source: 's' }],
  entries: async () => ({ entries: [], next: null }),
  contents: async () => ({
    contents: [{ ...content, facts: file, digest: computeDigest(bytes) }],
    directories: [{ folder: 'data', path: '', facts: { ...file, mode: 0o710 } }],
    ...{ strange: 0, next: null },
  }),
  open: async () => ({ facts: file, digest: computeDigest(bytes), pieces: () => [bytes] }),
  close: () => undefined,
}

test.each([
  ['inPlace', true],
  ['bare', false],
] as const)(
  "restore (%s): a new target directory has the source directory's mode: %s",
  async (placement, hasMode) => {
    const destination = path.join(temporaryDirectory('in-place'), 'to')
    const choice = { folder: 'data', path: null, version: null, at: null }
    const wanted = { choice, destination, placement, conflict: 'leave' as const }
    const events = { event: async () => undefined, progress: () => undefined }
    const summary = await restoreFrom(library, [wanted], events, new AbortController().signal)
    expect(summary).toMatchObject({ restored: 1, failed: 0 })
    expect((statSync(destination).mode & 0o777) === 0o710).toBe(hasMode)
  },
)
