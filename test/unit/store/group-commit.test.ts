import fs, { openSync } from 'node:fs'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openGroupCommit, type Written } from '../../../core/store/group-commit.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import type { RoundResult, ToPlace } from '../../../core/store/store-messages.ts'
import { buildFacts } from '../../support/store/file-facts.ts'
import { begin, openLarge, smallFile } from '../../support/store/large-files.ts'
import { threadJobs } from '../../support/threads-here.ts'
import { until } from '../../support/until.ts'

vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))

const EIO = { status: 'failed', detail: 'EIO' } as const

/** Rounds of a disk that makes durable what the test lets it. */
function open() {
  const asked: { files: readonly ToPlace[]; end(failure: RoundResult['failure']): void }[] = []
  const round = ({ files }: { files: readonly ToPlace[] }) =>
    new Promise<RoundResult>((resolve) => {
      const end = (failure: RoundResult['failure']) => {
        const result = failure ?? { status: 'durable' as const, detail: '' }
        resolve({ results: files.map(() => result), failure, position: 1, totals: [] })
      }
      asked.push({ files, end })
    })
  const commits = openGroupCommit({ opened: Promise.resolve({ syncsWhole: true }), round })
  const answers: string[] = []
  const written = (size: number): Written => ({
    ...{
      source: { id: 1, folder: 'pc', directory: 'data' },
      path: 'f',
      facts: buildFacts(size),
      session: null,
    },
    ...{ fd: openSync('/dev/null', 'r'), temporary: null, digest: Buffer.alloc(32) },
    ...{ isUntimed: false, moved: null, directories: [] },
    answer: ({ status }) => void answers.push(status),
  })
  const add = (count: number) => commits.add(Array.from({ length: count }, () => written(1)))
  const next = async () => {
    const { files, end } = await until('a round is asked for', () => asked.shift())
    return { names: files.length, end }
  }
  return { commits, add, next, answers }
}

describe('group commit', () => {
  test('files written during a round are committed together in the next one', async () => {
    const { add, next, answers } = open()
    add(1)
    const first = await next()
    for (let count = 0; count < 40; count += 1) add(1)
    expect([first.names, answers]).toEqual([1, []])
    first.end(null)
    const second = await next()
    expect([second.names, answers.length]).toEqual([40, 1])
    second.end(null)
    await until('all are answered', () => answers.length === 41)
  })

  test('a failed sync also fails the files that were written before it ended and wait for the next round', async () => {
    const { add, next, answers } = open()
    add(20)
    const failing = await next()
    add(20)
    failing.end(EIO)
    await until('all are answered', () => answers.length === 40)
    expect(new Set(answers)).toEqual(new Set(['failed']))
    add(20)
    ;(await next()).end(null)
    await until('they are durable', () => answers.slice(40).every((status) => status === 'durable'))
    expect(answers).toHaveLength(60)
  })

  test('closing completes the files already added and aborts later ones', async () => {
    const { commits, add, next, answers } = open()
    add(1)
    const first = await next()
    add(1)
    const closed = commits.close()
    add(1)
    expect(answers).toEqual(['aborted'])
    first.end(null)
    ;(await next()).end(null)
    await closed
    expect(answers).toEqual(['aborted', 'durable', 'durable'])
  })
})

describe('store thread', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => {
    vi.useRealTimers()
    threadJobs.before = async () => undefined
    vi.restoreAllMocks()
  })

  test('does not rest during a round while files already written wait for the next sync', async () => {
    const jobs: string[] = []
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const { store, source } = await openLarge()
    threadJobs.before = async (kind) => {
      if (kind === 'round' && !jobs.includes('round')) await held
      jobs.push(kind)
    }
    const receive = (name: string) => {
      const answer = { written: () => undefined as unknown, stored: () => undefined as unknown }
      const written = new Promise((resolve) => Object.assign(answer, { written: resolve }))
      const stored = new Promise((resolve) => Object.assign(answer, { stored: resolve }))
      store.receiveAll([smallFile(source, name, Buffer.from(name))], {
        directories: [],
        onWritten: () => answer.written(),
        onStored: () => answer.stored(),
      })
      return { written, stored }
    }
    const first = receive('one')
    await first.written
    const second = receive('two')
    await second.written
    await new Promise(setImmediate)
    vi.advanceTimersByTime(60_000)
    release()
    await Promise.all([first.stored, second.stored])
    expect(jobs.slice(jobs.indexOf('round'), jobs.lastIndexOf('round'))).not.toContain('rest')
    vi.advanceTimersByTime(60_000)
    await vi.waitFor(() => expect(jobs.at(-1)).toBe('rest'))
  })

  test('counts idle time on the store’s clock and detects a removed manifest after it has ended unused', async () => {
    const jobs: string[] = []
    threadJobs.before = async (kind) => void jobs.push(kind)
    const { root, store, source } = await openLarge()
    const { manifest } = storeLayout(root)
    const receive = (name: string) => store.receive(smallFile(source, name, Buffer.from(name)))
    const end = async () => {
      vi.advanceTimersByTime(3_000)
      await vi.waitFor(() => expect([jobs.at(-1), fs.existsSync(`${manifest}-wal`)]).toEqual(['rest', false]))
      // Its answer has come: nothing is out any more.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      vi.advanceTimersByTime(61_000)
    }
    expect(await receive('one')).toMatchObject({ status: 'durable' })
    await end()
    const now = process.hrtime.bigint()
    vi.spyOn(process.hrtime, 'bigint').mockReturnValue(now + 3_600_000_000_000n)
    expect(await receive('two')).toMatchObject({ status: 'durable' })
    await end()
    const database = new DatabaseSync(manifest, { readOnly: true })
    expect(database.prepare('SELECT clock_ms / 3600000 AS hours FROM store').get()).toEqual({ hours: 1 })
    database.close()
    fs.rmSync(manifest)
    expect(await receive('three')).toEqual({ status: 'failed', detail: 'ESTALE' })
  })

  test('stays open through idle minutes while a large file is incoming, so that no sync error is lost', async () => {
    const { root, store, source } = await openLarge()
    const isOpen = () =>
      fs.readdirSync('/proc/self/fd').some((fd) => {
        try {
          return fs.readlinkSync(`/proc/self/fd/${fd}`) === root
        } catch {
          return false
        }
      })
    const bytes = Buffer.alloc(2_000_000, 1)
    const file = begin(store, source, 'slow', bytes.length)
    expect(await file.offset).toBe(0)
    await file.write(bytes.subarray(0, 1_000_000))
    expect(isOpen()).toBe(true)
    vi.advanceTimersByTime(600_000)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    expect(isOpen()).toBe(true)
    await file.abort(true)
  })
})
