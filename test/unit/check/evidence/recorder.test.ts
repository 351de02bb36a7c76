import { setImmediate } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { KernelLine } from '../../../../core/check/evidence/evidence-messages.ts'
import type { KernelLog } from '../../../../core/check/evidence/kernel-log.ts'
import { EvidenceRecorder } from '../../../../core/check/evidence/recorder.ts'
import { findMount, type Mount, readMounts } from '../../../../core/platform/mounts.ts'
import { until } from '../../../support/until.ts'

/** A share, whose server the kernel names; sysfs has nothing about it. */
const share = { point: '/mnt/nas', device: '0:99', type: 'nfs4', source: 'nas-1:/export' }
const line = (at: number, text: string, level = 5): KernelLine => ({ at, level, text })
const SILENT = 'nfs: server nas-1 not responding, still trying'

/** A recorder whose kernel reports what a test says. */
function setUp(
  problem: string | null = null,
  journal: KernelLine[] | 'unreadable' = 'unreadable',
  mounts: () => readonly Mount[] | null = readMounts,
) {
  const all: KernelLine[] = []
  let listener: (fresh: KernelLine[]) => void = () => undefined
  let lost = 0
  /** The readings of the journal, each with the number of those that run with it. */
  const asked: number[] = []
  let running = 0
  const suspected: string[][] = []
  const log = {
    problem,
    read: () => undefined,
    follow: (heard: typeof listener) => {
      listener = heard
    },
    since: (from: number) => all.filter(({ at }) => at >= from),
    lostSince: () => lost,
    close: () => undefined,
  } as unknown as KernelLog
  const recorder = new EvidenceRecorder(
    (points) => suspected.push(points),
    log,
    async () => {
      running += 1
      asked.push(running)
      await setImmediate()
      running -= 1
      return journal
    },
    mounts,
  )
  onTestFinished(() => recorder.stop())
  const report = (...fresh: KernelLine[]) => {
    all.push(...fresh)
    listener(fresh)
  }
  const lose = (count: number) => {
    lost += count
  }
  return { recorder, all, asked, suspected, report, lose }
}

const question = (failedAt: number) => ({
  path: '/mnt/nas/a',
  mount: share,
  kind: 'hung' as const,
  code: null,
  failedAt,
})

test('evidence recorder: the lines of the minute before and after belong to a failure, and give its cause', async () => {
  const { recorder, all, asked } = setUp()
  const at = Date.now()
  all.push(
    ...[
      line(at - 61_000, SILENT),
      line(at - 1_000, SILENT),
      line(at, 'nfs: server nas-2 not responding, still trying'),
    ],
    ...[line(at + 30_000, 'nfs: server nas-1 OK'), line(at + 61_000, SILENT)],
  )
  const found = await recorder.collect({ ...question(at), kind: 'stale' })
  expect(found.lines.map((one) => one.at - at)).toEqual([-1_000, 30_000])
  expect(found.cause.map(({ params }) => params.server)).toEqual(['nas-1'])
  expect(found).toMatchObject({ failedAt: at, omitted: 0, unread: [] })
  expect(asked).toEqual([])
})

test('evidence recorder: the kernel reports a hang minutes later', async () => {
  const { recorder, all } = setUp()
  const at = Date.now()
  all.push(line(at + 180_000, SILENT))
  expect((await recorder.collect(question(at))).cause).toHaveLength(1)
  expect((await recorder.collect({ ...question(at), kind: 'stale' })).cause).toEqual([])
})

test('evidence recorder: a failure of the disk that had the name before the mount is no cause', async () => {
  const { recorder, all } = setUp()
  const at = Date.now()
  const failure =
    'EXT4-fs error (device none7): ext4_lookup:1: inode #2: comm ls: deleted inode referenced: 12'
  // sysfs has no such device: its server stands for its name.
  const mount = { point: '/mnt/disk', device: '0:98', type: 'ext4', source: 'none7:/x' }
  all.push(
    line(at - 3_000, failure, 2),
    line(at - 2_000, 'EXT4-fs (none7): mounted filesystem 1 r/w with ordered data mode.'),
  )
  const collected = () =>
    recorder.collect({ path: '/mnt/disk', kind: 'read-only', code: 'EROFS', failedAt: at, mount })
  expect((await collected()).lines.map(({ text }) => text.slice(0, 24))).toEqual(['EXT4-fs (none7): mounted'])
  all.push(line(at - 1_000, failure, 2))
  expect((await collected()).lines).toHaveLength(2)
})

test('evidence recorder: a flood of lines is cut, and the number of the others is kept', async () => {
  const { recorder, all } = setUp()
  const at = Date.now()
  for (let index = 0; index < 1_000; index += 1) all.push(line(at - 1_000 + index, SILENT))
  const { lines, omitted } = await recorder.collect(question(at))
  expect([lines.length, omitted]).toEqual([300, 700])
})

test('evidence recorder: where the log may not be read, the journal is asked; where neither may, the reason is kept', async () => {
  const at = Date.now()
  const permitted = setUp('EPERM', [line(at - 60_001, 'nfs: server nas-1 OK'), line(at, SILENT)])
  const { cause, lines } = await permitted.recorder.collect(question(at))
  expect([cause.length, lines.map(({ text }) => text)]).toEqual([1, [SILENT]])
  const { recorder } = setUp('EPERM')
  const found = await recorder.collect(question(at))
  expect(found).toMatchObject({ lines: [], cause: [] })
  expect(found.unread.map(({ params }) => params.reason)).toEqual(['EPERM'])
})

test('evidence recorder: the journal is read once at a time, however many disks fail together', async () => {
  const at = Date.now()
  const { recorder, asked } = setUp('EPERM', [line(at, SILENT)])
  const found = await Promise.all(Array.from({ length: 50 }, () => recorder.collect(question(at))))
  expect(found.map(({ cause }) => cause.length)).toEqual(Array(50).fill(1))
  expect(new Set(asked)).toEqual(new Set([1]))
})

test('evidence recorder: an error that the kernel reports is a reason to check its file system, and no other', async () => {
  const { recorder, suspected, report } = setUp()
  recorder.keepNames(share)
  recorder.keepNames({ ...share, point: '/mnt/other', source: 'nas-2:/export' })
  const error = line(Date.now(), 'nfs: server nas-1 not responding, timed out', 4)
  await until('the names to be known', () => {
    report(line(Date.now(), 'a harmless line about nas-1', 6), error)
    return suspected.length > 0
  })
  // The check itself may fail with another line.
  report(error)
  recorder.keepNames({ ...share, point: '/mnt/third', source: 'nas-3:/export' })
  await until('another file system to be suspected', () => {
    report({ ...error, text: 'nfs: server nas-3 not responding, timed out' })
    return suspected.length > 1
  })
  expect(suspected).toEqual([['/mnt/nas'], ['/mnt/third']])
})

test('evidence recorder: records that the kernel has overwritten are counted', async () => {
  const { recorder, lose } = setUp()
  lose(12)
  expect((await recorder.collect(question(Date.now()))).unread).toEqual([
    { key: 'cause.linesLost', params: { count: 12 } },
  ])
})

describe('evidence recorder: where the kernel reports nothing, the state gives the cause', () => {
  const at = () => Date.now()
  const sshfs = { point: '/mnt/far', device: '0:97', type: 'fuse.sshfs', source: 'far:/data' }
  const collect = async (
    { recorder }: ReturnType<typeof setUp>,
    mount: typeof sshfs,
    kind: 'hung' | 'stale' | 'read-only',
    code: string | null,
  ) =>
    (await recorder.collect({ path: mount.point, mount, kind, code, failedAt: at() })).cause.map(
      ({ key, params }) => [key, params],
    )

  test('a program that serves a file system hangs or has ended', async () => {
    expect(await collect(setUp(), sshfs, 'hung', null)).toEqual([['cause.fuseHung', { program: 'sshfs' }]])
    expect(await collect(setUp(), sshfs, 'stale', 'ENOTCONN')).toEqual([
      ['cause.fuseEnded', { program: 'sshfs' }],
    ])
    // The program itself returns this one.
    expect(await collect(setUp(), sshfs, 'stale', 'ESTALE')).toEqual([])
    expect(await collect(setUp(), { ...sshfs, type: 'fuseblk' }, 'hung', null)).toEqual([
      ['cause.fuseHung', { program: 'fuseblk' }],
    ])
    expect(await collect(setUp(), share, 'hung', null)).toEqual([])
  })

  test('a mount that was read-only before, or whose log cannot be read, has no cause', async () => {
    expect(await collect(setUp(), share, 'read-only', 'EROFS')).toEqual([])
    expect(await collect(setUp('EPERM'), sshfs, 'hung', null)).toEqual([])
  })
})

test('evidence recorder: a remount that is read between its two steps has its cause', async () => {
  const tmpfs = { point: '/mnt/memory', device: '0:96', type: 'tmpfs', source: 'memory' }
  const states = ['rw rw', 'rw ro', 'ro ro'].map((state): Mount[] => {
    const [options = '', superOptions = ''] = state.split(' ')
    return [{ id: 7, ...tmpfs, options: [options], superOptions: [superOptions] }]
  })
  const { recorder } = setUp(
    null,
    'unreadable',
    () => (states.length > 1 ? states.shift() : states[0]) ?? null,
  )
  recorder.lookAtMounts()
  const { cause } = await recorder.collect({
    path: tmpfs.point,
    mount: tmpfs,
    kind: 'read-only',
    code: 'EROFS',
    failedAt: Date.now(),
  })
  expect(cause.map(({ key }) => key)).toEqual(['cause.remountedInSilence'])
})

test('evidence recorder: a path without a mount has the lines of none', async () => {
  const { recorder, all } = setUp()
  const at = Date.now()
  all.push(line(at, SILENT))
  const found = await recorder.collect({ ...question(at), mount: null })
  expect(found).toMatchObject({ lines: [], cause: [] })
})

test('evidence recorder: the mount of the path is among the facts, where the system lists mounts', async () => {
  const { recorder } = setUp()
  const root = findMount(readMounts() ?? [], '/')
  const mount = root ?? share
  const { facts } = await recorder.collect({
    path: '/',
    kind: 'error',
    code: 'EIO',
    failedAt: Date.now(),
    mount,
  })
  const isOfRoot = facts.some(
    ({ place, text }) => place.endsWith('(now)') && text.includes(` / ${mount.type} `),
  )
  expect(isOfRoot).toBe(root !== null)
})
