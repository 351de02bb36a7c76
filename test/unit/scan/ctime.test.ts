import { chmodSync, lstatSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import type { SourceOptions } from '../../../core/scan/source.ts'
import { Watchers } from '../../../core/watch/open-watcher.ts'
import { openPolling } from '../../../core/watch/polling.ts'
import { runSource } from '../../support/scan/source.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const worker = (name: string) => new URL(`../../../cli/workers/${name}.ts`, import.meta.url)

function watched(): Pick<SourceOptions, 'openTree'> {
  const watchers = new Watchers({
    watcherThread: worker('inotify-thread'),
    quietMs: 100,
    log: () => undefined,
  })
  onTestFinished(() => watchers.stop())
  return { openTree: (request, listener, scope) => watchers.open(request, listener, scope) }
}
const polled = (): Pick<SourceOptions, 'openTree'> => ({
  openTree: (request, listener) => openPolling(request, listener, { quietMs: 100 }),
})

/** The last second in which the content changed, whoever looks. */
const SECOND = 1_600_000_000

/** A directory, and a ledger by which all of it is sent. */
function allSent(kind: 'continuous' | 'batch') {
  const directory = temporaryDirectory('ctime')
  const inside = path.join(directory, 'source', 'DC1')
  mkdirSync(inside, { recursive: true })
  const ledger = openLedger(path.join(directory, 'ledger.db'))
  onTestFinished(() => ledger.close())
  const write = (name: string, content: string) => {
    writeFileSync(path.join(inside, name), content)
    utimesSync(path.join(inside, name), SECOND, SECOND)
  }
  const take = () => ledger.take('there', 's', 100, Date.now(), new Set())
  const waiting = () =>
    take()
      .map((due) => path.basename(due.path))
      .sort()
  const send = () =>
    ledger.markSent(
      take().map((due) => ({ ...due, mark: kind === 'batch', digest: Buffer.alloc(32, 1) })),
      1_000,
    )
  const start = (parts: Partial<SourceOptions>) =>
    runSource({ path: path.join(directory, 'source'), kind }, ledger, parts)
  return { inside, ledger, write, take, waiting, send, start }
}

const ways: [string, () => Partial<SourceOptions>][] = [
  ['watched tree', watched],
  ['polled tree', polled],
]

test.each(ways)(
  'ctime comparison (%s): a file changed during downtime is offered again despite its unchanged mtime',
  async (_, parts) => {
    const { inside, write, take, waiting, send, start } = allSent('continuous')
    for (const name of ['rewritten', 'chmod', 'untouched']) write(name, 'old')
    const first = start(parts())
    await until('all are offered', () => waiting().length === 3)
    send()
    await first.stop()
    write('rewritten', 'new')
    chmodSync(path.join(inside, 'chmod'), 0o600)
    const second = start(parts())
    await until('both wait', () => waiting().length === 2)
    await second.reconcile()
    expect(waiting()).toEqual(['chmod', 'rewritten'])
    // What the destination has is known still: a mode alone costs no content.
    expect(take().map(({ digest }) => digest?.length)).toEqual([32, 32])
  },
)

test.each(ways)(
  'ctime comparison (%s): a chmod while the source runs is found by the next comparison',
  async (_, parts) => {
    const { inside, write, waiting, send, start } = allSent('continuous')
    for (const name of ['chmod', 'untouched']) write(name, 'old')
    const running = start(parts())
    await until('both are offered', () => waiting().length === 2)
    send()
    chmodSync(path.join(inside, 'chmod'), 0o600)
    await running.reconcile()
    await until('it waits', () => waiting().length === 1)
    expect(waiting()).toEqual(['chmod'])
  },
)

test('ctime comparison: a batch file is offered again after a rewrite, not after its own mark or a rename', async () => {
  const { inside, ledger, write, waiting, send, start } = allSent('batch')
  for (const name of ['rewritten', 'marked', 'renamed']) write(name, 'old')
  const running = start(watched())
  await until('all are offered', () => waiting().length === 3)
  send()
  const done = ledger.dueMarks('there', 's', 10).map((due) => {
    const file = path.join(inside, path.basename(due.path))
    chmodSync(file, 0o664)
    return { ...due, ctimeNs: lstatSync(file, { bigint: true }).ctimeNs }
  })
  ledger.marksDone(done)
  await running.reconcile()
  expect(waiting()).toEqual([])
  await running.stop()
  write('rewritten', 'new')
  renameSync(path.join(inside, 'renamed'), path.join(inside, 'another'))
  const again = start(watched())
  await until('it waits', () => waiting().length > 0)
  await again.reconcile()
  expect(waiting()).toEqual(['rewritten'])
})
