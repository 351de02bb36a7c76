import fs from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Ledger, openLedger } from '../../../core/ledger/ledger.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { openDispatcher } from '../../../core/send/queue/dispatcher.ts'
import { type SourceFilters, sourceFiltersSchema } from '../../../core/settings/schema.ts'
import { sendingSettingsSchema } from '../../../core/settings/worker-groups.ts'
import { hastenClock } from '../../support/hasten.ts'
import { openTestReaders } from '../../support/store/test-readers.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { fakeSession } from '../../support/transfer/fake-session.ts'
import { listFoundFiles } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/**
 * A dispatcher whose ledger fails when it is told to, and a receiver that stores everything at once.
 *
 * @param before is called with the ledger, in which two files wait, before the dispatcher starts.
 */
function setUp(
  failing: Set<keyof Ledger>,
  readers = openTestReaders(),
  session = fakeSession(),
  before: (ledger: Ledger) => void = () => undefined,
) {
  const directory = temporaryDirectory('dispatcher')
  const source = path.join(directory, 'source')
  fs.mkdirSync(source)
  const real = openLedger(path.join(directory, 'ledger.db'))
  const asked = new Map<keyof Ledger, number>()
  const ledger = new Proxy(real, {
    get(target, name: keyof Ledger) {
      asked.set(name, (asked.get(name) ?? 0) + 1)
      if (failing.has(name)) throw new Error('database or disk is full')
      return target[name]
    },
  })
  const said: string[] = []
  const options = {
    destination: { id: 'd', name: 'nas' },
    ledger,
    ledgerPath: '/ledger',
    ...sendingSettingsSchema.parse({ retrySeconds: 1 }),
    readers,
  }
  const now = new Date()
  for (const name of ['one', 'two']) {
    fs.writeFileSync(path.join(source, name), name)
    fs.utimesSync(path.join(source, name), now, now)
  }
  real.offer('d', listFoundFiles(source, 's'))
  before(real)
  const dispatcher = openDispatcher(options, {
    onSent: () => undefined,
    onMarked: () => undefined,
    onGone: () => void said.push('gone'),
    onBytes: () => undefined,
    onChange: () => undefined,
    log: (level, text) => void said.push(`${level} ${text}`),
  })
  onTestFinished(() => {
    dispatcher.stop()
    real.close()
  })
  const begin = (filters?: SourceFilters) => {
    dispatcher.configure(
      [{ id: 's', path: source, name: 's', groupWriteMark: false, paused: false, filters }],
      false,
    )
    dispatcher.setSession(session)
  }
  return { source, real, asked, dispatcher, said, begin }
}

test.each(['take', 'markSent'] as const)(
  'dispatcher: a temporary failure of ledger call %s is logged once, and sending resumes afterwards',
  async (call) => {
    hastenClock()
    const failing = new Set<keyof Ledger>([call])
    const { real, dispatcher, said, begin } = setUp(failing)
    begin()
    await until('it is said', () => dispatcher.problem?.key === 'transfer.ledgerFailed')
    expect(real.totals('d').s?.sentFiles).toBe(0)
    failing.clear()
    await until('both are sent', () => real.totals('d').s?.sentFiles === 2)
    await until('nothing is wrong any more', () => dispatcher.problem === null)
    expect(said).toEqual(['error /ledger: database or disk is full'])
  },
)

test.each(['is left', 'may go'])(
  'dispatcher: the failure of a write that nobody repeats ends when no file %s',
  async (end) => {
    hastenClock()
    const session = fakeSession({
      async sendSmall(files, _directories, { onUsed, onResult }) {
        onUsed()
        for (const index of files.keys()) onResult(index, { kind: 'retry', cause: 'file', reason: null })
      },
    })
    const { real, dispatcher, begin } = setUp(new Set(['retryLater']), openTestReaders(), session)
    begin()
    await until('it is reported', () => dispatcher.problem?.key === 'transfer.ledgerFailed')
    if (end === 'is left') real.withdraw('d', 's', ['one', 'two'])
    else dispatcher.setSession(null)
    await until('nothing is wrong any more', () => dispatcher.problem === null)
  },
)

test('dispatcher: polling an empty queue takes no files from the sources', async () => {
  hastenClock()
  const { real, asked, begin } = setUp(new Set())
  begin()
  await until('both are sent', () => real.totals('d').s?.sentFiles === 2)
  const looks = asked.get('hasDue') ?? 0
  await until('a look', () => (asked.get('hasDue') ?? 0) > looks)
  const takes = asked.get('take')
  await until('another look', () => (asked.get('hasDue') ?? 0) > looks + 1)
  expect(asked.get('take')).toBe(takes)
})

/** More than the groups that the test expects under way. */
const MANY = 900

test('dispatcher: a renamed tree is recorded in few transactions, and few of its files are under way at a time', async () => {
  const asked: number[] = []
  let last = Promise.resolve()
  const session = fakeSession({
    // Each result comes in a turn of its own.
    async copy() {
      asked.push(dispatcher.transfers(MANY).length)
      last = last.then(() => turn())
      await last
      return { kind: 'stored', position: 1 }
    },
  })
  const { source, real, asked: calls, begin, dispatcher } = setUp(new Set(), openTestReaders(), session)
  fs.mkdirSync(path.join(source, 'old'))
  for (let index = 0; index < MANY; index += 1)
    fs.writeFileSync(path.join(source, 'old', `file ${index}`), `content ${index}`)
  real.offer('d', listFoundFiles(source, 's'))
  begin()
  await until('all are sent', () => real.totals('d').s?.sentFiles === MANY + 2)
  fs.renameSync(path.join(source, 'old'), path.join(source, 'new'))
  real.offer('d', listFoundFiles(source, 's'))
  const before = calls.get('markSent') ?? 0
  const from = performance.now()
  await until('all have their new names', () => real.totals('d').s?.waitingFiles === 0)
  expect(real.totals('d').s?.sentFiles).toBe(MANY + 2)
  expect(real.presentPaths('d', 's', ['old/', 'old0'], MANY)).toEqual([])
  expect(asked).toHaveLength(MANY)
  // Two groups ask for copies, and the next one waits for them.
  expect(Math.max(...asked)).toBeLessThanOrEqual(3 * 256)
  // At most one in 200 ms, however slow the machine is.
  const writes = (calls.get('markSent') ?? 0) - before
  expect(writes).toBeLessThanOrEqual(2 + (performance.now() - from) / 200)
})

/** A receiver whose store is full. */
const fullSession = () =>
  fakeSession({
    async sendSmall(files, _directories, { onUsed, onResult }) {
      onUsed()
      for (const index of files.keys())
        onResult(index, {
          kind: 'retry',
          cause: 'destination',
          reason: message('transfer.storeFull', { name: 'nas' }),
        })
    },
  })

test.each(['removed', 'left out'])(
  'dispatcher: a full store is no longer reported once all waiting files are %s',
  async (how) => {
    hastenClock()
    const { source, dispatcher, begin } = setUp(new Set(), openTestReaders(), fullSession())
    begin()
    await until('it is told', () => dispatcher.problem?.key === 'transfer.storeFull')
    if (how === 'removed') for (const name of ['one', 'two']) fs.rmSync(path.join(source, name))
    else begin(sourceFiltersSchema.parse({ ignore: ['one', 'two'] }))
    await until('nothing is wrong any more', () => dispatcher.problem === null)
  },
)

test('dispatcher: a full store is the failure of a single file if no other one waits', async () => {
  const { source, dispatcher, begin } = setUp(new Set(), openTestReaders(), fullSession())
  begin()
  await until('it is told', () => dispatcher.problem?.key === 'transfer.storeFull')
  expect(dispatcher.unfit()).toEqual([])
  fs.rmSync(path.join(source, 'one'))
  begin(sourceFiltersSchema.parse({ ignore: ['one'] }))
  await until('one file waits', () => dispatcher.unfit().length === 1)
  expect(dispatcher.unfit()).toMatchObject([{ source: 's', path: 'two' }])
})

test('dispatcher: a full store is retried at once on a new connection, and reported until a file is stored', async () => {
  hastenClock()
  const { source, real, dispatcher, begin } = setUp(new Set(), openTestReaders(), fullSession())
  begin()
  await until('it is told', () => dispatcher.problem?.key === 'transfer.storeFull')
  // The time of the next try does not come by itself.
  const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now())
  onTestFinished(() => clock.mockRestore())
  fs.writeFileSync(path.join(source, 'three'), 'three')
  real.offer('d', listFoundFiles(source, 's'))
  dispatcher.setSession(null)
  expect(dispatcher.problem?.key).toBe('transfer.storeFull')
  const told: unknown[] = []
  dispatcher.setSession(
    fakeSession({
      async sendSmall(files, _directories, { onUsed, onResult }) {
        told.push(dispatcher.problem?.key)
        onUsed()
        for (const index of files.keys()) onResult(index, { kind: 'stored', position: 1 })
      },
    }),
  )
  await until('a file is stored', () => (real.totals('d').s?.sentFiles ?? 0) > 0)
  expect(told[0]).toBe('transfer.storeFull')
  await until('all are stored', () => dispatcher.problem === null)
})

test('dispatcher: a full store is reported while a file waits for room, though another one is stored', async () => {
  const reason = message('transfer.storeFull', { name: 'nas' })
  const room = Promise.withResolvers<void>()
  let tries = 0
  const session = fakeSession({
    async sendSmall(files, _directories, { onUsed, onResult }) {
      onUsed()
      const large = files.findIndex(({ path: name }) => name === 'two')
      if (large !== -1 && tries++ > 0) await room.promise
      // The failure comes first: the file that is stored after it lets all others go.
      if (large !== -1 && tries === 1) onResult(large, { kind: 'retry', cause: 'destination', reason })
      for (const index of files.keys())
        if (index !== large || tries > 1) onResult(index, { kind: 'stored', position: 1 })
    },
  })
  const { real, asked, dispatcher, begin } = setUp(new Set(), openTestReaders(), session)
  begin()
  await until('one file is stored', () => real.totals('d').s?.sentFiles === 1)
  await until('the other one is looked for', () => (asked.get('isWaiting') ?? 0) > 0)
  expect(dispatcher.problem?.key).toBe('transfer.storeFull')
  // The destination takes others: it is the failure of this file.
  expect(dispatcher.unfit()).toMatchObject([{ source: 's', path: 'two' }])
  room.resolve()
  await until('nothing is wrong any more', () => dispatcher.problem === null)
  expect(dispatcher.unfit()).toEqual([])
})

/** A receiver that has no room for files named "large…", whose second try has no answer, and stores all others. */
function narrowSession() {
  const tried = new Set<string>()
  const reason = message('transfer.storeFull', { name: 'nas' })
  return fakeSession({
    async sendSmall(files, _directories, { onUsed, onResult }) {
      onUsed()
      for (const [index, { path: name }] of files.entries()) {
        if (tried.has(name)) await new Promise(() => undefined)
        if (name.startsWith('large')) tried.add(name)
        onResult(
          index,
          name.startsWith('large')
            ? { kind: 'retry', cause: 'destination', reason }
            : { kind: 'stored', position: 1 },
        )
      }
    },
  })
}

test('dispatcher: files that do not fit are reported after the last one that failed is removed', async () => {
  hastenClock()
  const { source, real, dispatcher, begin } = setUp(new Set(), openTestReaders(), narrowSession())
  offerPairs(source, real, 's', 2)
  begin()
  await until('both are told', () => dispatcher.unfit()[0]?.count === 2)
  expect(dispatcher.problem?.key).toBe('transfer.storeFull')
  real.withdraw('d', 's', ['large-s1'])
  await until('nothing fails as a whole', () => dispatcher.problem === null)
  await until('one is told', () => dispatcher.unfit()[0]?.count === 1)
  expect(dispatcher.unfit()).toEqual([{ source: 's', path: 'large-s0', size: 8, count: 1 }])
})

test('dispatcher: files that do not fit are counted by source, and looked for in the ledger on a timer only', async () => {
  const { source, real, asked, dispatcher, begin } = setUp(new Set(), openTestReaders(), narrowSession())
  const other = path.join(path.dirname(source), 'other')
  fs.mkdirSync(other)
  offerPairs(source, real, 's', 25)
  begin()
  await until('all of the first are told', () => dispatcher.unfit()[0]?.count === 25)
  const at = (id: string, directory: string) => ({
    ...{ id, path: directory, name: id, groupWriteMark: false, paused: false, filters: undefined },
  })
  offerPairs(other, real, 't', 1)
  dispatcher.configure([at('s', source), at('t', other)], false)
  await until('that of the other is told', () => dispatcher.unfit().length === 2)
  const read = asked.get('isWaiting')
  expect(dispatcher.unfit()).toEqual([
    { source: 's', path: 'large-s0', size: 8, count: 25 },
    { source: 't', path: 'large-t0', size: 8, count: 1 },
  ])
  expect(asked.get('isWaiting')).toBe(read)
})

/** Offers files in pairs: a large one, and then a small one. */
function offerPairs(directory: string, ledger: Ledger, source: string, pairs: number) {
  const names = Array.from({ length: pairs }, (_, index) => [
    `large-${source}${index}`,
    `small-${source}${index}`,
  ]).flat()
  for (const [index, name] of names.entries()) {
    fs.writeFileSync(path.join(directory, name), name)
    fs.utimesSync(path.join(directory, name), index + 1, index + 1)
  }
  ledger.offer('d', listFoundFiles(directory, source))
}

test('dispatcher: a start retries files that were parked before it', async () => {
  const { real, begin } = setUp(new Set(), openTestReaders(), fakeSession(), (ledger) => {
    const [first] = ledger.take('d', 's', 1, Date.now(), new Set())
    // A later look leaves it parked, as the file is there and its reason is not one of reading.
    ledger.park(first ?? expect.fail('nothing waits'), message('transfer.tooLarge', { path: '/x', size: 1 }))
  })
  begin()
  await until('both are sent', () => real.totals('d').s?.sentFiles === 2)
})

test('dispatcher: files below a minimum age of days are deferred once, for at most ten minutes', async () => {
  hastenClock()
  const { real, asked, begin } = setUp(new Set())
  begin(sourceFiltersSchema.parse({ minimumAgeSeconds: 7 * 86_400 }))
  const waiting = (at: number) => real.take('d', 's', 2, at, new Set()).length
  await until('they are put off', () => waiting(Date.now()) === 0)
  expect(waiting(Date.now() + 600_000)).toBe(2)
  const puttings = asked.get('retryLater') ?? 0
  const looks = () => asked.get('hasDue') ?? 0
  const before = looks()
  await until('it is looked for work again', () => looks() > before)
  expect(asked.get('retryLater')).toBe(puttings)
})

test.each(['vanished', 'left out'])(
  'dispatcher: a waiting file that is %s is reported as gone, and the other file is sent',
  async (why) => {
    hastenClock()
    const { source, real, said, begin } = setUp(new Set())
    if (why === 'vanished') fs.rmSync(path.join(source, 'one'))
    begin(sourceFiltersSchema.parse({ ignore: why === 'vanished' ? [] : ['one'] }))
    await until('it is said', () => said.includes('gone'))
    expect(real.lookup('d', 's', 'one')).toBeNull()
    await until('the other one is sent', () => real.totals('d').s?.sentFiles === 1)
  },
)

test('dispatcher: missing files are checked for an absent disk in groups, not one by one', async () => {
  hastenClock()
  const gone = 600
  const { source, real, asked, begin } = setUp(new Set(), openTestReaders())
  const device = fs.statSync(source, { bigint: true }).dev
  const candidates = Array.from({ length: gone }, (_, index) => ({
    source: 's',
    path: `gone-${index}`,
    size: 10,
    // After the two that are there.
    mtimeNs: BigInt(Date.now() + 60_000) * 1_000_000n,
    ctimeNs: 1n,
    inode: BigInt(1_000_000 + index),
    device,
  }))
  real.offer('d', candidates)
  begin()
  await until('they are known to be gone', () => real.totals('d').s?.waitingFiles === 0)
  expect(real.totals('d').s?.sentFiles).toBe(2)
  // Each asks the mount table, which takes its time: file by file it left the line no turn. Each look for work asks, too:
  // a slow machine makes more of them.
  expect(asked.get('home')).toBeLessThan(gone / 2)
})

test('dispatcher: a missing file leaves the queue, even with U+FFFD in its name', async () => {
  hastenClock()
  const { source, real, begin, said } = setUp(new Set())
  const names = ['gone', 'gone-\uFFFD']
  for (const name of names) fs.writeFileSync(path.join(source, name), name)
  real.offer('d', listFoundFiles(source, 's'))
  for (const name of names) fs.rmSync(path.join(source, name))
  begin()
  await until('the others are sent', () => real.totals('d').s?.sentFiles === 2)
  await until('both are given up', () => said.filter((one) => one === 'gone').length === 2)
  expect(real.unsentBelow('d', 's', '')).toEqual({ waiting: 0, parked: 0 })
})

test('dispatcher: large files are sent in succession without waiting for answers or the next ledger poll', async () => {
  // The ledger is never looked at again, which would bring two more each time.
  const interval = vi.spyOn(globalThis, 'setInterval').mockReturnValue(undefined as never)
  onTestFinished(() => interval.mockRestore())
  const { source, real, dispatcher } = setUp(new Set())
  const names = Array.from({ length: 12 }, (_, index) => `large ${index}`)
  for (const name of names) fs.writeFileSync(path.join(source, name), Buffer.alloc(300_000))
  real.offer('d', listFoundFiles(source, 's'))
  let ended = 0
  const unanswered = new Promise<never>(() => undefined)
  const session = fakeSession({
    begin: async () => ({
      offset: 0,
      ...{ chunk: async () => true, zeros: async () => true },
      end: () => {
        ended += 1
        return unanswered
      },
      abort: () => unanswered,
    }),
  })
  dispatcher.configure([{ id: 's', path: source, name: 's', groupWriteMark: false, paused: false }], false)
  dispatcher.setSession(session)
  await until('all are on the line', () => ended === names.length)
})
