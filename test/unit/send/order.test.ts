import { appendFileSync, mkdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Outgoing } from '../../../core/backends/destination.ts'
import { type FoundFile, openLedger } from '../../../core/ledger/ledger.ts'
import { openDispatcher } from '../../../core/send/queue/dispatcher.ts'
import type { SendSource } from '../../../core/send/transfer/attempt.ts'
import { sourceFiltersSchema } from '../../../core/settings/schema.ts'
import { sendingSettingsSchema } from '../../../core/settings/worker-groups.ts'
import { repeat } from '../../support/repeat.ts'
import { openTestReaders } from '../../support/store/test-readers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { until } from '../../support/until.ts'

const destination = { id: 'd', name: 'receiver' }

function candidate(root: string, source: string, name: string): FoundFile {
  const stats = statSync(path.join(root, name), { bigint: true })
  const { size, mtimeNs, ctimeNs, ino: inode, dev: device } = stats
  return { source, path: name, size: Number(size), mtimeNs, ctimeNs, inode, device }
}

/**
 * A dispatcher on a real ledger and real files, with a line that takes the files in the order in which they come, when
 * at least `queued` of them wait for it: so the line is what all wait for, however busy this computer is.
 */
function setUp(perTurn: number, queued = 1) {
  const directory = temporaryDirectory('order')
  const ledgerPath = path.join(directory, 'ledger.db')
  const ledger = openLedger(ledgerPath)
  const queue: { file: Outgoing; go: () => void }[] = []
  const arrived: string[] = []
  const session = fakeSession({
    // One by one, so that their order on the line can be told.
    limits: { files: 1, bytes: 256 * 1024 },
    async sendSmall(files, _directories, { onUsed, onResult }) {
      for (const [index, file] of files.entries()) {
        const go = () => {
          onUsed()
          arrived.push(`${file.source.id}/${file.path}`)
          onResult(index, { kind: 'stored', position: 1 })
        }
        queue.push({ file, go })
      }
    },
  })
  const stopLine = repeat(2, () => {
    if (queue.length < queued) return
    for (const { go } of queue.splice(0, perTurn)) go()
  })
  const dispatcher = openDispatcher(
    { destination, ledger, ledgerPath, ...sendingSettingsSchema.parse({}), readers: openTestReaders() },
    {
      onSent: () => undefined,
      onMarked: () => undefined,
      onGone: () => undefined,
      onBytes: () => undefined,
      onChange: () => undefined,
      log: () => undefined,
    },
  )
  onTestFinished(() => {
    stopLine()
    dispatcher.stop()
    ledger.close()
  })
  return { directory, ledger, dispatcher, session, arrived }
}

const buildSource = (id: string, root: string, changes: Partial<SendSource> = {}): SendSource => ({
  id,
  path: root,
  name: id,
  groupWriteMark: false,
  paused: false,
  ...changes,
})

describe('source priority', () => {
  /**
   * Files of 128 KiB in two sources that are both behind; of 400 that arrive how many are the first's. Not of the 300
   * before: whichever source begins has the whole memory until the other one begins, too.
   */
  async function measureShare(first: SendSource['priority'], second: SendSource['priority']) {
    // 32 MiB in memory are 250 such files.
    const { directory, ledger, dispatcher, session, arrived } = setUp(4, 200)
    const sources = [
      ['one', first],
      ['two', second],
    ] as const
    const running = sources.map(([id, priority]) => {
      const root = path.join(directory, id)
      mkdirSync(root)
      const names = Array.from({ length: 900 }, (_, index) => String(index))
      for (const name of names) {
        writeFileSync(path.join(root, name), '')
        truncateSync(path.join(root, name), 131_072)
      }
      ledger.offer(
        'd',
        names.map((name) => candidate(root, id, name)),
      )
      return buildSource(id, root, { priority })
    })
    dispatcher.configure(running, false)
    dispatcher.setSession(session)
    await until('700 files have arrived', () => arrived.length >= 700)
    return arrived.slice(300, 700).filter((file) => file.startsWith('one/')).length / 400
  }

  test('a source of high priority gets about 4 of 5 files, and one of low priority the rest', async () => {
    const share = await measureShare('high', 'low')
    expect(share).toBeGreaterThan(0.7)
    expect(share).toBeLessThan(0.9)
  })

  test('sources of equal priority get similar shares of the files', async () => {
    const share = await measureShare('normal', 'normal')
    expect(share).toBeGreaterThan(0.25)
    expect(share).toBeLessThan(0.75)
  })
})

test('send order: files are sent roughly oldest first, whatever the order in which they were found', async () => {
  const { directory, ledger, dispatcher, session, arrived } = setUp(10)
  const names = Array.from({ length: 400 }, (_, index) => String(index))
  for (const [index, name] of names.entries()) {
    writeFileSync(path.join(directory, name), name)
    utimesSync(path.join(directory, name), 1_000 + index, 1_000 + index)
  }
  const files = names.map((name) => candidate(directory, 's', name))
  ledger.offer('d', files.toReversed())
  dispatcher.configure([buildSource('s', directory)], false)
  dispatcher.setSession(session)
  await until('all have arrived', () => arrived.length === names.length)
  // Sixteen are read at a time and one may take long, so this is the ledger's order by and large.
  const off = arrived.map((file, place) => Math.abs(Number(file.slice(2)) - place))
  expect(off.reduce((sum, one) => sum + one, 0) / off.length).toBeLessThan(30)
})

test('send order: a file with constant appends does not delay others, and its last content is sent', async () => {
  const { directory, ledger, dispatcher, session, arrived } = setUp(1)
  const restless = path.join(directory, 'restless')
  writeFileSync(restless, Buffer.alloc(200_000))
  const names = Array.from({ length: 200 }, (_, index) => String(index))
  for (const name of names) writeFileSync(path.join(directory, name), name)
  ledger.offer(
    'd',
    ['restless', ...names].map((name) => candidate(directory, 's', name)),
  )
  // As the scanner does whenever its writer has closed it.
  let appended = 0
  const append = () => {
    appended += 1
    appendFileSync(restless, 'more')
    if (ledger.offer('d', [candidate(directory, 's', 'restless')]) > 0) dispatcher.wake()
  }
  append()
  const stopWriter = repeat(50, append)
  dispatcher.configure([buildSource('s', directory)], false)
  dispatcher.setSession(session)
  const others = () => arrived.filter((file) => file !== 's/restless').length
  await until('the others have all arrived', () => others() === names.length)
  const sent = () => arrived.filter((file) => file === 's/restless').length
  // Without pauses it would go after each time.
  const before = { sent: sent(), appended }
  await until('it was written 40 times', () => appended - before.appended >= 40)
  const { size } = statSync(restless)
  stopWriter()
  expect(sent() - before.sent).toBeLessThanOrEqual(10)
  expect(size).toBe(200_000 + 4 * appended)
  const last = candidate(directory, 's', 'restless')
  await until('the last content of it has arrived', () => {
    const known = ledger.lookup('d', 's', 'restless')
    return known?.state === 'sent' && known.mtimeNs === last.mtimeNs && known.size === last.size
  })
}, 60_000)

test('send order: a file that outgrows the size limit while it waits is withdrawn', async () => {
  const { directory, ledger, dispatcher, session, arrived } = setUp(10)
  writeFileSync(path.join(directory, 'grows'), 'x')
  ledger.offer('d', [candidate(directory, 's', 'grows')])
  writeFileSync(path.join(directory, 'grows'), 'x'.repeat(2_000))
  const filters = sourceFiltersSchema.parse({ maximumBytes: 1_000 })
  dispatcher.configure([buildSource('s', directory, { filters })], false)
  dispatcher.setSession(session)
  await until('it is withdrawn', () => ledger.totals('d').s?.waitingFiles === 0)
  expect(arrived).toEqual([])
})

test('send order: excluded files are withdrawn from the queue, and one below the minimum age waits', async () => {
  const { directory, ledger, dispatcher, session, arrived } = setUp(10)
  const names = ['a.txt', 'b.log', 'large', 'gone/deep']
  mkdirSync(path.join(directory, 'gone'))
  for (const name of names)
    writeFileSync(path.join(directory, name), name === 'large' ? 'x'.repeat(2_000) : name)
  ledger.offer(
    'd',
    names.map((name) => candidate(directory, 's', name)),
  )
  const filters = sourceFiltersSchema.parse({
    ignore: ['*.log', 'gone/'],
    maximumBytes: 1_000,
    minimumAgeSeconds: 1,
  })
  dispatcher.configure([buildSource('s', directory, { filters })], false)
  dispatcher.setSession(session)
  await until('three are withdrawn', () => ledger.totals('d').s?.waitingFiles === 1)
  expect(arrived).toEqual([])
  await until('the fourth goes when it is old enough', () => arrived.length === 1)
  expect(arrived).toEqual(['s/a.txt'])
  expect(Date.now()).toBeGreaterThanOrEqual(statSync(path.join(directory, 'a.txt')).mtimeMs + 1_000)
})
