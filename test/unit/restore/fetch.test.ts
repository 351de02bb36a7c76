import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { NotReadable } from '../../../core/backends/errors.ts'
import type { Library } from '../../../core/backends/library.ts'
import { computeDigest, digestText } from '../../../core/platform/digest.ts'
import { fetchFiles } from '../../../core/restore/fetch.ts'
import { toFetchedNames } from '../../../core/restore/restore-messages.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const BYTES = Buffer.from('content')
const PETABYTE = 2 ** 50

interface Held {
  size: number
  pieces(): AsyncIterable<Buffer>
}

const sound: Held = {
  size: BYTES.length,
  async *pieces() {
    yield BYTES
  },
}

const broken = (error: Error): Held => ({
  size: BYTES.length,
  async *pieces() {
    yield BYTES.subarray(0, 3)
    throw error
  },
})

/** Fetches all files of a destination; returns their faults, the names that were fetched and those requested. */
async function fetchAll(held: Record<string, Held>) {
  const directory = temporaryDirectory('fetched')
  const requested: string[] = []
  const facts = { mtimeNs: 1n, mode: 0o644 }
  const library = {
    place: null,
    folders: async () => [{ name: 'data', source: 's' }],
    contents: async ({ path }: { path: string }) => {
      const { size } = held[path] ?? sound
      return { contents: [{ folder: 'data', path, facts: { ...facts, size } }], next: null }
    },
    open: async ({ path }: { path: string }) => {
      requested.push(path)
      return { facts, digest: null, pieces: (held[path] ?? sound).pieces }
    },
    close: () => undefined,
  } as unknown as Library
  const files = Object.keys(held).map((path) => ({
    ...{ source: 's', path, size: BYTES.length, digest: digestText(computeDigest(BYTES)) },
  }))
  const { signal } = new AbortController()
  const faults = await fetchFiles(library, files, directory, () => undefined, signal)
  return { faults: [...faults], there: readdirSync(directory).sort(), requested }
}

const namesOf = (...indexes: number[]) =>
  indexes.flatMap((index) => Object.values(toFetchedNames(index))).sort()

test('fetching: a file larger than the free space is not requested, and the others are fetched', async () => {
  const { faults, there, requested } = await fetchAll({
    large: { ...sound, size: PETABYTE },
    small: sound,
  })
  expect(faults).toEqual([[0, 'ENOSPC_HERE']])
  expect(requested).toEqual(['small'])
  expect(there).toEqual(namesOf(1))
})

test('fetching: a file that ends early, at its origin or because the disk is full, leaves no part', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const { faults, there } = await fetchAll({
    unreadable: broken(new NotReadable('EIO')),
    full: broken(full),
    small: sound,
  })
  expect(faults).toEqual([
    [0, 'EIO'],
    [1, 'ENOSPC_HERE'],
  ])
  expect(there).toEqual(namesOf(2))
})
