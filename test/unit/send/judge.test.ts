import { appendFileSync, chmodSync, lstatSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import type { QueuedFile } from '../../../core/ledger/ledger.ts'
import { toFileStat } from '../../../core/platform/file-metadata.ts'
import type { SourceParts } from '../../../core/send/transfer/attempt.ts'
import { createJudge } from '../../../core/send/transfer/attempt.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const writer = vi.hoisted(() => ({ answer: 'unknown' }))
vi.mock('../../../core/platform/native.ts', async (original) => ({
  ...(await original<typeof import('../../../core/platform/native.ts')>()),
  hasWriter: () => writer.answer,
}))
beforeEach(() => {
  writer.answer = 'unknown'
})

/** Judges a file that `change` changes after it was offered. */
async function judged(change: (file: string) => void) {
  const root = temporaryDirectory('judge')
  const file = path.join(root, 'file')
  const facts = () => toFileStat(lstatSync(file, { bigint: true }))
  writeFileSync(file, 'offered')
  const due = {
    id: 1,
    generation: 1,
    source: 's',
    path: 'file',
    attempts: 0,
    digest: null,
    ...facts(),
  } as QueuedFile
  change(file)
  const shared = { whereabouts: () => 'there', isBelowAway: () => false }
  const judge = createJudge({ source: { path: root }, shared } as unknown as SourceParts)
  const result = await judge({ kind: 'changed', stat: facts() }, due)
  return result.kind === 'retry' ? result.cause : result.kind
}

test('changed file: new content counts as still being written if the writer check is unavailable', async () => {
  const append = (file: string) => appendFileSync(file, 'half')
  expect(await judged(append)).toBe('being-written')
  writer.answer = 'no'
  expect(await judged(append)).toBe('changed')
})

test('changed file: a new mode alone counts as a finished change if the writer check is unavailable', async () => {
  const chmod = (file: string) => chmodSync(file, 0o600)
  expect(await judged(chmod)).toBe('changed')
  writer.answer = 'yes'
  expect(await judged(chmod)).toBe('being-written')
})
