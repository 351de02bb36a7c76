// Contents that are replaced at a destination while they are restored.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Library } from '../../../core/backends/library.ts'
import { restoreFrom } from '../../../core/restore/restore.ts'
import type { RestoreEvent } from '../../../core/restore/write/events.ts'
import type { StoredContent } from '../../../core/store/query/query.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const OLDER = 'older'
const NEWER = 'newer and longer'

/** A destination that records no digests, as an encrypted one; `toContent` gives what it lists, by the times it was read. */
async function restoreOne(listedAfter: (opened: number) => string) {
  let opened = 0
  const toFacts = (text: string): StoredContent['facts'] => ({
    ...{ size: text.length, mtimeNs: 0n, mode: 0o644 },
    ...{ user: 0, group: 0, more: null },
  })
  const library: Library = {
    place: null,
    folders: async () => [{ name: 'data', source: 's' }],
    entries: async () => ({ entries: [], next: null }),
    async contents() {
      const facts = toFacts(listedAfter(opened))
      const content = { folder: 'data', path: 'a', version: '', storedAt: 0, facts, digest: null }
      return { contents: [content], directories: [], strange: 0, next: null }
    },
    async open() {
      const facts = toFacts(listedAfter(opened))
      opened += 1
      return { facts, digest: null, pieces: () => [Buffer.from(NEWER)] }
    },
    close: () => undefined,
  }
  const to = path.join(temporaryDirectory('replaced-to'), 'to')
  const kinds: string[] = []
  const events = {
    event: async ({ kind }: RestoreEvent) => void kinds.push(kind),
    progress: () => undefined,
  }
  const choice = { folder: null, path: null, version: null, at: null }
  const wanted = { choice, destination: to, conflict: 'leave' as const }
  await restoreFrom(library, [wanted], events, new AbortController().signal)
  return { kinds, opened, restored: () => readFileSync(path.join(to, 'data/a'), 'utf8') }
}

test('restore of a replaced content: it is looked up again where no digests are recorded', async () => {
  const { kinds, restored } = await restoreOne((opened) => (opened === 0 ? OLDER : NEWER))
  expect(kinds).toEqual(['restored'])
  expect(restored()).toBe(NEWER)
})

test('restore of a damaged content: it is read once where no digests are recorded', async () => {
  const { kinds, opened } = await restoreOne(() => OLDER)
  expect(kinds).toEqual(['damaged'])
  expect(opened).toBe(1)
})
