import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { storeLayout } from '../../../core/receive/layout.ts'
import { untilSettled } from '../../../core/receive/manifest/catch-up.ts'
import { openIntake } from '../../../core/receive/manifest/intake.ts'
import { openJournal } from '../../../core/receive/manifest/journal.ts'
import { openManifest } from '../../../core/receive/manifest/manifest.ts'
import { openManifestFile } from '../../../core/receive/manifest/manifest-file.ts'
import type { Note } from '../../../core/receive/manifest/notes.ts'
import { openRows } from '../../../core/receive/manifest/rows.ts'
import { createUsage } from '../../../core/receive/manifest/usage.ts'
import { versionName } from '../../../core/receive/versions/name.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { receiverParts } from '../../support/transfer.ts'
import { until } from '../../support/until.ts'

const placed = (folder: string, name: string, size: number): Note => ({
  ...{ did: 'placed', folder, path: `s/${name}`, size, again: false },
  ...{ mtimeMs: 1, mode: 0o644, digest: '0'.repeat(64), storedAt: 1 },
})

/** A thread that ends at the first news of the journal, the first time; the next one takes everything in. */
function fragile(flag: string): URL {
  const script = `
    import { parentPort } from 'node:worker_threads'
    import { existsSync, writeFileSync } from 'node:fs'
    const flag = ${JSON.stringify(flag)}
    parentPort.on('message', (message) => {
      if (message.type === 'stop') process.exit(0)
      if (message.type === 'grown' && !existsSync(flag)) {
        writeFileSync(flag, '')
        process.exit(3)
      }
      if (message.type === 'open' && existsSync(flag))
        parentPort.postMessage({ type: 'settled', upTo: { name: '99999999-' + message.tag + '.jsonl', offset: 0 },
          totals: [{ folder: 'pc', files: 7, bytes: 70 }] })
    })`
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`)
}

test('a manifest thread that ends is followed by another one, which takes in what came meanwhile', async () => {
  const root = temporaryDirectory('manifest')
  const flag = path.join(root, 'ended')
  const told: string[] = []
  const manifest = openManifest(fragile(flag), storeLayout(root), (text) => void told.push(text))
  onTestFinished(() => manifest.close())
  await manifest.record([placed('pc', 'f', 10)])
  await until('the thread ended', () => existsSync(flag) && told.length > 0)
  expect(told).toEqual([expect.stringContaining('cannot be kept up')])
  await until('another one has taken it in', () => manifest.usage('pc').files === 7)
  expect(told).toHaveLength(1)
})

test('usage is known, and follows what has gone, also while others send without a pause', async () => {
  const root = temporaryDirectory('manifest')
  const manifest = openManifest(receiverParts.manifestThread, storeLayout(root), () => undefined)
  onTestFinished(() => manifest.close())
  let isKnown = false
  void manifest.known.then(() => {
    isKnown = true
  })
  // The second content takes the place of the first: the manifest has one file, of 30 bytes.
  await manifest.record([placed('pc', 'f', 20), placed('pc', 'f', 30)])
  let others = 0
  const send = () => {
    others += 1
    return manifest.record([placed('other', `f${others}`, 10)])
  }
  const isRight = async () => {
    await Promise.all([send(), send()])
    return isKnown && manifest.usage('pc').files === 1
  }
  await until('what has gone is not counted any more', isRight, 15_000)
  expect(manifest.usage('pc')).toEqual({ files: 1, bytes: 30 })
  await until('all is taken in', () => manifest.usage('other').files === others)
  expect(manifest.usage('other')).toEqual({ files: others, bytes: others * 10 })
})

test('what came after the figures is added to them, what they contain is not', () => {
  const usage = createUsage('x')
  const end = (file: number, offset: number) => ({ name: `0000000${file}-x.jsonl`, offset })
  const record = (size: number, at: { name: string; offset: number } | null) => {
    const number = usage.recorded([placed('pc', 'f', size)])
    if (at !== null) usage.written(number, at)
  }
  record(1, end(1, 10))
  record(10, end(1, 20))
  record(100, null)
  record(1000, end(2, 10))
  record(10_000, null)
  expect(usage.of('pc')).toEqual({ files: 5, bytes: 11_111 })
  usage.settled([], null)
  expect(usage.of('pc')).toEqual({ files: 5, bytes: 11_111 })
  usage.settled([{ folder: 'pc', files: 1, bytes: 1 }], end(1, 15))
  expect(usage.of('pc')).toEqual({ files: 5, bytes: 11_111 })
  usage.settled([{ folder: 'pc', files: 2, bytes: 11 }], end(1, 20))
  expect(usage.of('pc')).toEqual({ files: 5, bytes: 11_111 })
  // What could not be written at first was written with what came next.
  usage.settled([{ folder: 'pc', files: 3, bytes: 7 }], end(2, 10))
  expect(usage.of('pc')).toEqual({ files: 4, bytes: 10_007 })
})

test('while the manifest takes nothing in, what is remembered of the records does not grow', () => {
  const usage = createUsage('x')
  const at = (offset: number) => ({ name: '00000001-x.jsonl', offset })
  for (let count = 1; count <= 5000; count += 1)
    usage.written(usage.recorded([placed('pc', 'f', 1)]), at(count))
  usage.settled([{ folder: 'pc', files: 4999, bytes: 4999 }], at(4999))
  // Those that were taken together stay counted until the last of them is in: the newest are two at most.
  expect([5000, 5001]).toContain(usage.of('pc').files)
  usage.settled([{ folder: 'pc', files: 5000, bytes: 5000 }], at(5000))
  expect(usage.of('pc')).toEqual({ files: 5000, bytes: 5000 })
})

test('how far an earlier process’s journal was taken in says nothing of a new one’s, which begins with the first number again', () => {
  const usage = createUsage('aaa')
  usage.written(usage.recorded([placed('pc', 'f', 1)]), { name: '00000001-aaa.jsonl', offset: 100 })
  usage.settled([], { name: '00000002-zzz.jsonl', offset: 200 })
  expect(usage.of('pc')).toEqual({ files: 1, bytes: 1 })
})

test('the journal is waited for until this one is taken in, wherever an earlier one’s ended', async () => {
  const layout = storeLayout(temporaryDirectory('manifest'))
  const { append, tag } = openJournal(layout.journal)
  // Nobody knows yet what comes of it, so it stays in the journal.
  const replacing = { ...placed('pc', 'f', 1), did: 'replacing', version: versionName(new Date()) } as Note
  await append([replacing])
  const { database } = openManifestFile(layout.manifest)
  onTestFinished(() => database.close())
  database.exec(`INSERT INTO journal (id, name, offset) VALUES (1, '00000002-zzz.jsonl', 200)`)
  const intake = openIntake(layout, database, openRows(database))
  while (intake.step(tag));
  const waited = async (withinMs: number) => {
    const began = performance.now()
    await untilSettled(layout, database, withinMs, () => undefined)
    return performance.now() - began
  }
  expect(await waited(300)).toBeGreaterThanOrEqual(299)
  while (intake.step(null));
  expect(await waited(60_000)).toBeLessThan(30_000)
})
