// @module-tag timeless
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createCallWatch } from '../../../core/lib/async/call-watch.ts'
import { DIGEST_BYTES } from '../../../core/platform/digest.ts'
import { writeFiles } from '../../../core/store/file-writer.ts'
import type { CommitThread } from '../../../core/store/group-commit.ts'
import { openGroupCommit, type Written } from '../../../core/store/group-commit.ts'
import type { StoreResult } from '../../../core/store/outcome.ts'
import { Partials } from '../../../core/store/partials.ts'
import { type SmallIncoming, SmallStoring } from '../../../core/store/small.ts'
import type { OpenedStore, WriteJob, WriteResult } from '../../../core/store/store-messages.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { computeDigest, offeredAs } from '../../support/store/file-facts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const KIB = 1024
/** Files that this process may have open. */
const FILE_LIMIT = Number(/^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1])
const source = { id: 1, folder: 'pc', directory: 'data' }
const opened: OpenedStore = {
  ...{ epoch: 'ab', totals: [], hasUnnamed: true, syncsWhole: true, aside: null },
}

/** What gives small files to the writing thread, which does one job whenever it is told to. */
function open({ hasUnnamed = true } = {}) {
  const jobs: { job: WriteJob; transfer: readonly ArrayBuffer[]; done(result: WriteResult): void }[] = []
  const added: Written[] = []
  const commitThread: Pick<CommitThread, keyof CommitThread> = {
    opened: Promise.resolve({ ...opened, hasUnnamed }),
    call: () => new Promise(() => undefined),
    round: async () => ({ results: [], failure: null, position: 0, totals: [] }),
    use: async () => () => undefined,
    close: async () => undefined,
  }
  const small = new SmallStoring(
    {
      temporary: '/store/tmp',
      admission: {
        enterSource: async () => undefined,
        enterAll: async (_, files) => files.map(() => ({ written: () => undefined, leave: () => undefined })),
      },
      commitThread: commitThread as CommitThread,
      groupCommit: {
        add: (some) => void added.push(...some),
        addOne: async () => ({ status: 'durable', detail: '' }),
        current: async () => undefined,
        close: async () => undefined,
      },
      partials: new Partials('/store/partial', { charge: () => () => undefined }),
      watch: createCallWatch(),
      onDurable: () => undefined,
    },
    {
      call: (_name, job, transfer = []) => new Promise((done) => jobs.push({ job, transfer, done })),
    },
  )

  /** Files that came in one frame. */
  const store = (files: number, size: number) => {
    const memory = new ArrayBuffer(files * size)
    const results: StoreResult[] = []
    const incoming = Array.from(
      { length: files },
      (_, index): SmallIncoming => ({
        ...offeredAs(source, `${index}`, size),
        bytes: new Uint8Array(memory, index * size, size),
        digest: Buffer.alloc(DIGEST_BYTES),
      }),
    )
    small.store(incoming, {
      directories: [],
      onWritten: () => undefined,
      onStored: (_, outcome) => void results.push(outcome),
      memory,
    })
    return { memory, incoming, results }
  }
  const jobAt = (index: number) => until(`job ${index}`, () => jobs[index])
  return { store, jobs, jobAt, added, end: () => small.end() }
}

test.each([
  ['512 of 2 KiB', 512, 2 * KIB],
  ['16 of 64 KiB', 16, 64 * KIB],
  ['4 of 256 KiB', 4, 256 * KIB],
])(
  'small files: a full frame of %s is one write job in the memory that it arrived in',
  async (_, files, size) => {
    const { store, jobAt } = open()
    const [first, second] = [store(files, size), store(files, size)]
    for (const [index, { memory }] of [first, second].entries()) {
      const { job, transfer } = await jobAt(index)
      expect(transfer[0]).toBe(memory)
      // What is transferred beside it is no pool of Node's.
      expect(transfer.map(({ byteLength }) => byteLength)).toEqual([files * size, files * DIGEST_BYTES])
      expect(job.files.map((file) => file.size)).toEqual(new Array(files).fill(size))
      expect(job.digests.buffer).toBe(transfer[1])
    }
  },
)

test.each([
  ['files', 512, 10, Math.floor(Math.min(8192, FILE_LIMIT / 4) / 512)],
  ['bytes', 4, 1024 * KIB, 64],
])(
  'small files: writing pauses at the limit of unnamed %s, and continues when there is room',
  async (_, files, size, most) => {
    const { store, jobs } = open()
    const full: StoreResult = { status: 'full', detail: 'ENOSPC' }
    const frames = Array.from({ length: most + 1 }, () => store(files, size))
    const written = async (index: number, result: WriteResult['written'][number]) => {
      const { job, done } = await until(`job ${index}`, () => jobs[index])
      done({ written: job.files.map(() => result), memory: null })
    }
    for (let index = 0; index < most; index += 1) await written(index, index === 0 ? full : 11)
    // Those that could not be written take no room any more, and are told why.
    expect(frames[0]?.results).toEqual(new Array(files).fill(full))
    await written(most, 11)
    store(files, size)
    await new Promise(setImmediate)
    expect(jobs).toHaveLength(most + 1)
  },
)

test('small files: a written file waits for its name, under a temporary name where the file system needs it', async () => {
  for (const hasUnnamed of [true, false]) {
    const { store, jobAt, added } = open({ hasUnnamed })
    const { results } = store(3, 10)
    const { job, done } = await jobAt(0)
    done({ written: [11, { status: 'digest', detail: '' }, 12], memory: null })
    await until('two wait', () => added.length === 2)
    expect(results).toEqual([{ status: 'digest', detail: '' }])
    const [one, , three] = job.names ?? [null, null, null]
    expect(added.map(({ fd, temporary, path }) => [fd, temporary, path])).toEqual([
      [11, one, '0'],
      [12, three, '2'],
    ])
    expect(new Set(job.names ?? []).size).toBe(hasUnnamed ? 0 : 3)
  }
})

test('small files: the end waits for the jobs of the write thread, and answers the files that have not reached it', async () => {
  const { store, jobAt, end } = open()
  const written = async (index: number) => {
    const { job, done } = await jobAt(index)
    done({ written: job.files.map(() => 11), memory: null })
  }
  // Two jobs are at the thread, one waits for it, and the last frames for room.
  const most = Math.floor(Math.min(8192, FILE_LIMIT / 4) / 512)
  const frames = Array.from({ length: most + 2 }, () => store(512, 10))
  const aborted = (index: number) =>
    frames[index]?.results.filter(({ status }) => status === 'aborted').length
  await jobAt(1)
  let isOver = false
  const ended = end().then(() => {
    isOver = true
  })
  await new Promise(setImmediate)
  expect([isOver, aborted(2)]).toEqual([false, 0])
  await written(0)
  await until('a frame that waits for the thread is answered', () => aborted(2) === 512)
  expect(isOver).toBe(false)
  await written(1)
  await ended
  await until('the last frame, which waits for room, is answered', () => aborted(most + 1) === 512)
  expect([0, 1].map(aborted)).toEqual([0, 0])
  const late = store(1, 10)
  expect(late.results).toEqual([{ status: 'aborted', detail: '' }])
})

test.skipIf(!canMount)(
  'small files: a file that a full disk refuses is reported and leaves no data (needs root: mount)',
  async () => {
    const { point } = await mountTmpfs(onTestFinished, { megabytes: 1 })
    const bytes = new Uint8Array(3 * 512 * KIB).fill(7)
    const digest = computeDigest(bytes.subarray(0, 512 * KIB))
    const names = ['a', 'b', 'c'].map((name) => path.join(point, name))
    const { written } = writeFiles({
      ...{ directory: point, names, bytes },
      files: names.map(() => ({ size: 512 * KIB, mtimeNs: 0n, isSparse: false })),
      digests: new Uint8Array(Buffer.concat([digest, digest, digest])),
    })
    const fds = written.filter((one) => typeof one === 'number')
    for (const fd of fds) fs.closeSync(fd)
    expect([fds.length, written[2]]).toEqual([2, { status: 'full', detail: 'ENOSPC' }])
    expect(fs.readdirSync(point).sort()).toEqual(['a', 'b'])
  },
)

test('group commit: a temporary file is removed after a failed sync, before its sender gets the failure', async () => {
  const file = path.join(temporaryDirectory('rounds'), 'copy-1')
  fs.writeFileSync(file, 'maybe on the disk')
  const failure: StoreResult = { status: 'full', detail: 'ENOSPC' }
  const round = async () => ({ results: [], failure, position: 0, totals: [] })
  const groupCommit = openGroupCommit({ opened: Promise.resolve({ syncsWhole: true }), round })
  const written = { fd: fs.openSync(file, 'r'), temporary: file, digest: Buffer.alloc(32) }
  const others = () =>
    groupCommit.addOne({
      ...offeredAs(source, 'f', 64 * KIB * KIB),
      ...written,
      ...{ isUntimed: false, moved: null, directories: [] },
    })
  const [first, second] = [others(), others()]
  expect((await first).status).toBe('failed')
  expect([await second, fs.existsSync(file)]).toEqual([failure, false])
})
