import { chmodSync, existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import cases from '../../vectors/isocket.json' with { type: 'json' }

const MARKS = /(^|\/)(\.holdfast.*|finished\.(parse|watch))$/
const FILES = ['file0', 'file1', 'file2']
const BATCHES = ['DC1', 'DC2'] as const

interface Batch {
  parse: boolean
  watch: boolean
  groupWrite?: boolean
}

/** A batch root as a case has it: DC1 is older than DC2, and each holds three files. */
function batchRoot(batches: Record<(typeof BATCHES)[number], Batch>): string {
  const root = path.join(temporaryDirectory('isocket'), 'datas')
  for (const [index, name] of BATCHES.entries()) {
    const directory = path.join(root, name)
    const { parse, watch, groupWrite = false } = batches[name]
    mkdirSync(directory, { recursive: true })
    for (const file of FILES) {
      writeFileSync(path.join(directory, file), `${name}/${file}\n`.repeat(50))
      chmodSync(path.join(directory, file), groupWrite ? 0o664 : 0o644)
    }
    if (parse) writeFileSync(path.join(directory, 'finished.parse'), '')
    if (watch) writeFileSync(path.join(directory, 'finished.watch'), '')
    const stamp = 1_700_000_000 + index
    utimesSync(directory, stamp, stamp)
  }
  return root
}

async function listed(root: string): Promise<string[]> {
  const listing = startHoldfast(['send', '--list', '--prefix', 'DC', root])
  expect(await listing.ended(), listing.err()).toBe(0)
  return listing.out().split('\n').filter(Boolean).sort()
}

/** Sends the root once to a receiver of its own; gives where its files are there. */
async function sendOnce(root: string): Promise<string> {
  const store = path.join(temporaryDirectory('isocket-store'), 'drms')
  const data = temporaryDirectory('isocket-data')
  const receiver = startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'])
  const [code] = await receiver.says(/holdfast:\/\/\S+/)
  const pairing = startHoldfast(['pair', code, '--data', data, '--name', 'ed1'])
  expect(await pairing.ended(), pairing.err()).toBe(0)
  const sending = startHoldfast(['send', '--once', '--prefix', 'DC', '--data', data, root])
  expect(await sending.ended(), sending.err()).toBe(0)
  return path.join(store, 'ed1', 'datas')
}

/** The files of these batch directories that arrived, by path and digest. */
function received(store: string): Record<string, string> {
  return existsSync(store) ? readTree(store, /$^/) : {}
}

describe('isocket scan cases', () => {
  it.each(cases.scan)('$name: the expected files are listed, sent and marked', async (one) => {
    const root = batchRoot(one)
    expect(await listed(root)).toEqual([...one.listed].sort())
    const store = await sendOnce(root)
    const source = readTree(root, MARKS)
    expect(received(store)).toEqual(Object.fromEntries(one.listed.map((name) => [name, source[name]])))
    for (const mark of one.marksAfter) expect(existsSync(path.join(root, mark)), mark).toBe(true)
    // A second run finds nothing: what was sent carries the group-write bit, what is done its mark.
    expect(await listed(root)).toEqual([])
  })
})

describe('isocket fsync cases', () => {
  it.each(cases.fsync)('$name: only files without the group-write bit are sent', async (one) => {
    const batch = (name: (typeof BATCHES)[number]) => ({
      parse: true,
      watch: false,
      groupWrite: one.groupWrite[name],
    })
    const root = batchRoot({ DC1: batch('DC1'), DC2: batch('DC2') })
    const store = await sendOnce(root)
    const source = readTree(root, MARKS)
    const wanted = one.received.flatMap((name) => FILES.map((file) => `${name}/${file}`))
    expect(received(store)).toEqual(Object.fromEntries(wanted.map((name) => [name, source[name]])))
    for (const absent of one.absent ?? []) expect(existsSync(path.join(store, absent))).toBe(false)
  })
})
