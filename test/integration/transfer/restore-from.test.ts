import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openReceiverLibrary } from '../../../core/backends/receiver/receiver-library.ts'
import type { Choice } from '../../../core/restore/choose.ts'
import { restoreFrom, type ToRestore } from '../../../core/restore/restore.ts'
import type { RestoreEvent } from '../../../core/restore/write/events.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { runStoreCommand } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  type Home,
  makeHome,
  offerAll,
  readTree,
  senderConfig,
  startListening,
  startPair,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const ALL: Choice = { folder: null, path: null, version: null, at: null }

/** Bytes, times and modes of a tree, directories too. */
function readFacts(root: string): Record<string, string> {
  const facts = Object.entries(readTree(root))
  const names = fs.readdirSync(root, { recursive: true, encoding: 'utf8' })
  const stats = names.map((name) => {
    const { mtimeNs, mode } = fs.lstatSync(path.join(root, name), { bigint: true })
    return [name, `${mtimeNs} ${(mode & 0o777n).toString(8)}`]
  })
  return {
    ...Object.fromEntries(stats),
    ...Object.fromEntries(facts.map(([name, one]) => [`${name}:`, one])),
  }
}

async function restore(
  home: Home,
  at: { port: number; fingerprint: string },
  to: string,
  changes: Partial<Choice> &
    Partial<Omit<ToRestore, 'choice'>> & { signal?: AbortSignal; onBytes?: (bytes: number) => void } = {},
) {
  const { signal = new AbortController().signal, conflict = 'leave', onBytes, ...choice } = changes
  const destination = { id: 'there', kind: 'receiver' as const, name: 'receiver', host: '127.0.0.1', ...at }
  const library = await openReceiverLibrary(destination, home.identity, 'pc', signal)
  const events: RestoreEvent[] = []
  const host = {
    event: async (event: RestoreEvent) => void events.push(event),
    progress: ({ bytes }: { bytes: number }) => onBytes?.(bytes),
  }
  try {
    const wanted = { choice: { ...ALL, ...choice }, destination: to, conflict }
    return { events, summary: await restoreFrom(library, [wanted], host, signal) }
  } finally {
    library.close()
  }
}

test('restore from a receiver: 2,000 files are restored with their bytes, times and modes', async () => {
  const base = temporaryDirectory('restore-from')
  const { home, sender, config, at } = await startPair(base)
  for (let index = 0; index < 2_000; index += 1) {
    const name = `d${index % 7}/e${index % 13}/file ${index}`
    writeFile(home.source, name, `content ${index}`.repeat(1 + (index % 50)))
    fs.chmodSync(path.join(home.source, name), index % 2 === 0 ? 0o640 : 0o755)
    fs.utimesSync(path.join(home.source, name), 1_600_000_000 + index, 1_600_000_000.5 + index)
  }
  writeFile(home.source, 'large', Buffer.alloc(9_000_001, 'large '))
  writeFile(home.source, 'empty', '')
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 2_002)
  const to = path.join(base, 'back')
  const { summary } = await restore(home, at, to)
  expect(summary).toMatchObject({ files: 2_002, restored: 2_002, failed: 0, undressed: 0 })
  expect(readFacts(path.join(to, 'data'))).toEqual(readFacts(home.source))
  const one = path.join(to, 'data', 'empty')
  fs.writeFileSync(one, 'mine')
  const kept = await restore(home, at, to, { path: 'empty', folder: 'data' })
  expect(kept.summary).toMatchObject({ restored: 1, failed: 0 })
  const left = await restore(home, at, path.dirname(one), { path: 'empty', folder: 'data' })
  expect(left.events).toEqual([{ kind: 'exists', to: one }])
  expect(fs.readFileSync(one, 'utf8')).toBe('mine')
  await restore(home, at, path.dirname(one), { path: 'empty', folder: 'data', conflict: 'replace' })
  expect(fs.readFileSync(one, 'utf8')).toBe('')
  const again = await restore(home, at, path.join(to, 'data'), { folder: 'data' })
  expect(again.summary).toMatchObject({ same: 2_002, restored: 0 })
})

test('counts at a receiver: all contents of a folder or directory, older versions included, and none of others', async () => {
  const { home, sender, config, at } = await startPair(temporaryDirectory('counts-from'))
  const before = Date.now()
  for (const name of ['a/one', 'a/two', 'b']) writeFile(home.source, name, name)
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 3)
  const destination = { id: 'there', kind: 'receiver' as const, name: 'receiver', host: '127.0.0.1', ...at }
  const { signal } = new AbortController()
  const library = await openReceiverLibrary(destination, home.identity, 'pc', signal)
  onTestFinished(() => library.close())
  const count = async (folder: string | null, file: string | null) => {
    const { counts, next } = (await library.counts?.({ folder, path: file, after: null })) ?? {}
    // A directory is looked for as a file first.
    const more = next == null ? [] : (await library.counts?.({ folder, path: file, after: next }))?.counts
    return [...(counts ?? []), ...(more ?? [])]
  }
  const all = await count(null, null)
  expect(all.reduce((sum, [files]) => sum + files, 0)).toBe(3)
  for (const [, lastAt] of all) expect(lastAt - before).toBeLessThan(Date.now() - before + 1)
  expect((await count('data', 'a')).reduce((sum, [files]) => sum + files, 0)).toBe(2)
  expect(await count('other', null)).toEqual([])
})

test('`holdfast restore` and `verify`: a destination is listed, restored and verified, and damaged files are sent again', async () => {
  const base = temporaryDirectory('restore-command')
  const { home, sender, config, at, store } = await startPair(base)
  writeFile(home.source, 'a/one', 'one')
  writeFile(home.source, 'b', 'two')
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 2)
  const destination = { id: 'there', kind: 'receiver', name: 'nas', host: '127.0.0.1', ...at }
  fs.writeFileSync(
    path.join(home.directory, 'settings.json'),
    JSON.stringify({ ...defaultSettings, destinations: [destination] }),
  )
  const from = ['restore', '--from', 'nas', '--data', home.directory]
  const listed = await runStoreCommand(...from, '--list')
  expect(listed.err).toBe('')
  const names = listed.lines.filter(({ type }) => type === 'listed').map((one) => `${one.source}/${one.path}`)
  expect(names).toEqual(['data/a/one', 'data/b'])
  const to = path.join(base, 'back')
  const restored = await runStoreCommand(...from, 'data/a', '--to', to)
  expect(restored).toMatchObject({ code: 0, err: '' })
  expect(readTree(to)).toEqual(readTree(path.join(home.source, 'a')))
  const again = startHoldfast([...from, 'data', '--to', to])
  const nameless = startHoldfast([...from, 'data/b', '--version', '20261120T065300.123Z-1-1', '--to', to])
  expect(await again.ended(), again.err()).toBe(0)
  const twice = startHoldfast([...from, 'data', '--to', to])
  expect([await twice.ended(), twice.out()]).toEqual([
    0,
    expect.stringContaining('All 2 files are here already'),
  ])
  expect([await nameless.ended(), nameless.err()]).toEqual([
    2,
    expect.stringContaining('data/b has no version'),
  ])
  fs.rmSync(to, { recursive: true })
  // One is damaged and one missing there: both are found, offered again, and sent without anybody's doing.
  fs.writeFileSync(path.join(store, 'sender-1/data/a/one'), 'oNe')
  fs.rmSync(path.join(store, 'sender-1/data/b'))
  const verify = await runStoreCommand('verify', 'nas', '--data', home.directory)
  const found = verify.lines.filter(({ type }) => type === 'finding')
  expect(found).toMatchObject([
    { kind: 'damaged', place: 'data/a/one', isWanted: true },
    { kind: 'missing', place: 'data/b', isWanted: true },
  ])
  expect(verify.code).toBe(1)
  await until('both to be there again', () => {
    const now = readTree(path.join(store, 'sender-1/data'))
    return JSON.stringify(now) === JSON.stringify(readTree(home.source))
  })
  await allSent(sender, 2)
  expect(await runStoreCommand('verify', 'nas', '--data', home.directory)).toMatchObject({ code: 0, err: '' })
  // What became a directory is not looked for as a file any more.
  fs.rmSync(path.join(home.source, 'b'))
  writeFile(home.source, 'b/inner', 'three')
  offerAll(home)
  sender.nudge()
  await allSent(sender, 3)
  const both = { type: 'summary', files: 2, missing: 0 }
  const replaced = await runStoreCommand('verify', 'nas', '--data', home.directory)
  // On a busy machine progress comes before it.
  expect(replaced.code).toBe(0)
  expect(replaced.lines.at(-1)).toMatchObject(both)
  // What nobody has sent again yet is said each time.
  await sender.kill()
  fs.writeFileSync(path.join(store, 'sender-1/data/a/one'), 'oNe')
  for (const _ of [1, 2]) {
    const { code, lines } = await runStoreCommand('verify', 'nas', '--data', home.directory)
    expect(code).toBe(1)
    const told = lines.filter(({ type }) => type !== 'progress')
    expect(told.map(({ sentence }) => sentence)).toMatchObject([
      { text: expect.stringMatching(/^data\/a\/one is damaged at nas: .* It waits to be sent again\.$/) },
      { text: expect.stringMatching(/ Waiting to be sent again: 1\.$/) },
    ])
  }
  // Nothing is found where nothing was sent.
  expect(await runStoreCommand(...from, 'data/none', '--to', to)).toMatchObject({ code: 2 })
})

test('restore from a receiver: a restore stopped in the middle, while files are sent, leaves only whole files', async () => {
  const base = temporaryDirectory('restore-beside')
  const { home, sender, config, at } = await startPair(base)
  for (let index = 0; index < 300; index += 1) writeFile(home.source, `f${index}`, `${index}`.repeat(30_000))
  offerAll(home)
  sender.configure(config)
  await allSent(sender, 300)

  for (let index = 0; index < 300; index += 1) writeFile(home.source, `g${index}`, `${index}`.repeat(20_000))
  offerAll(home)
  sender.nudge()
  const to = path.join(base, 'back')
  const stopping = new AbortController()
  const onBytes = (bytes: number) => {
    if (bytes > 4_000_000) stopping.abort()
  }
  const { summary } = await restore(home, at, to, { folder: 'data', signal: stopping.signal, onBytes })
  expect(summary.failed).toBe(0)
  expect(summary.restored).toBeLessThan(600)
  const came = readTree(to)
  expect(Object.keys(came).length).toBe(summary.restored)
  const originals = readTree(home.source)
  expect(Object.entries(came).filter(([name, one]) => originals[name] !== one)).toEqual([])

  await allSent(sender, 600)
  expect((await restore(home, at, to, { folder: 'data' })).summary).toMatchObject({ files: 600, failed: 0 })
  expect(readTree(to)).toEqual(originals)
})

test('restore from a receiver: a sender can read only its own folder', { tags: 'story' }, async () => {
  const base = temporaryDirectory('restore-own')
  const [home, other] = [await makeHome(path.join(base, 'one')), await makeHome(path.join(base, 'two'))]
  const { at } = await startListening(path.join(base, 'store'), [home, other])
  writeFile(other.source, 'secret', 'of the other one')
  offerAll(other)
  const sender = startTestSender()
  sender.configure(senderConfig(other, at))
  await allSent(sender, 1)
  for (const folder of ['../sender-2/data', 'data', '..', '../../sender-2'])
    for (const path of [null, 'secret', '../sender-2/data/secret'])
      await expect(restore(home, at, path ?? base, { folder, path })).rejects.toThrow('nothing to restore')
  const { signal } = new AbortController()
  const destination = { id: 'there', kind: 'receiver' as const, name: 'receiver', host: '127.0.0.1', ...at }
  const library = await openReceiverLibrary(destination, home.identity, 'pc', signal)
  expect(await library.folders()).toEqual([])
  const facts = { size: 5, mtimeNs: 0n, mode: 0, user: 0, group: 0, more: null }
  for (const folder of ['data', '../sender-2/data', '.holdfast', ''])
    for (const path of ['secret', '../../sender-2/data/secret', 'senders.json', '/etc/passwd']) {
      const content = { folder, path, version: '', facts, digest: null, storedAt: 0 }
      await expect(library.open(content)).rejects.toThrow('ENOENT')
    }
  library.close()
})
