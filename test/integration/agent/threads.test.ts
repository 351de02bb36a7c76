// An agent in a container or on a small host, where few processes and threads may exist.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { commandScript } from '../../support/cli/command-script.ts'
import { canMount, mountExt4 } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const LONG_MS = 120_000
/** A user of these tests alone, so that its threads are those of the agent. */
const USER = 61_747
const HIERARCHY = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((root) =>
  existsSync(path.join(root, 'cgroup.procs')),
)
const isRoot = process.getuid?.() === 0
const noGroups = !isRoot || HIERARCHY === undefined

/** Returns a control group in which so many processes and threads may exist; null: this system allows none. */
function createGroup(most: number): string | null {
  const group = path.join(HIERARCHY ?? '', `holdfast-test-${process.pid}-${most}`)
  mkdirSync(group)
  onTestFinished(async () => {
    await until('the group is empty', () => rmdirSync(group) === undefined)
  })
  if (!existsSync(path.join(group, 'pids.max'))) return null
  writeFileSync(path.join(group, 'pids.max'), String(most))
  return group
}

function start(program: string, ...words: string[]): { child: ChildProcess; err(): string } {
  const child = spawn(program, words, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LANG: 'C' },
  })
  let err = ''
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  return { child, err: () => err }
}

/** Starts an agent in a control group. */
const startIn = (group: string, ...words: string[]) =>
  start(
    'sh',
    '-c',
    `echo $$ > ${group}/cgroup.procs && exec "$@"`,
    'sh',
    process.execPath,
    commandScript,
    ...words,
  )

/** Starts an agent as a user that may have so many processes and threads. */
const startAs = (most: number, words: string[], extra: Record<string, string> = {}) => {
  const as = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups']
  const variables = Object.entries(extra).map(([name, value]) => `${name}=${value}`)
  const program = ['env', ...variables, process.execPath, commandScript]
  return start('prlimit', `--nproc=${most}`, ...as, ...program, ...words)
}

function directories() {
  const [root, data] = [temporaryDirectory('threads'), temporaryDirectory('threads-data')]
  for (const directory of [root, data]) chmodSync(directory, 0o777)
  writeFileSync(path.join(root, 'file'), 'content')
  return { root, data }
}

const untilSent = (data: string) =>
  untilState(data, 'the file to be sent', ({ totals }) => totals.sentFiles === 1, LONG_MS)

const readLog = (data: string): string => {
  const file = path.join(data, 'logs', 'agent.log')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

describe.skipIf(noGroups)('threads in a control group (needs root, and cgroups that may be made)', () => {
  test('an agent in a group of 512 processes and threads sends, and its log has the figures', {
    timeout: LONG_MS * 2,
  }, async ({ skip }) => {
    const group = createGroup(512) ?? skip('no pids controller')
    const { root, data } = directories()
    startIn(group, 'agent', '--data', data, root)
    await untilSent(data)
    expect(readLog(data)).toMatch(/of 512 processes and threads exist/)
    expect(readLog(data)).not.toMatch(/SIGABRT/)
  })

  test('an agent in a group of 100 processes and threads ends with the figures and the remedy', {
    timeout: LONG_MS,
  }, async ({ skip }) => {
    const group = createGroup(100) ?? skip('no pids controller')
    const { root, data } = directories()
    const { child, err } = startIn(group, 'agent', '--data', data, root)
    const [code] = await once(child, 'exit')
    expect([code, err()]).toEqual([
      1,
      expect.stringMatching(/may have 100 processes.* needs 256 more.*TasksMax=/s),
    ])
  })
})

describe.skipIf(!isRoot)('limits of a user (needs root)', () => {
  test('an agent of a user with 512 processes and threads sends', { timeout: LONG_MS * 2 }, async () => {
    const { root, data } = directories()
    const { child } = startAs(512, ['agent', '--data', data, root])
    await untilSent(data)
    expect(child.exitCode).toBe(null)
    expect(readLog(data)).toMatch(/of 512 processes and threads exist \(ulimit -u\)/)
    expect(readLog(data)).not.toMatch(/SIGABRT/)
  })

  test('an agent of a user with 100 processes and threads ends with the figures and the remedy', {
    timeout: LONG_MS,
  }, async () => {
    const { root, data } = directories()
    const { child, err } = startAs(100, ['agent', '--data', data, root])
    const [code] = await once(child, 'exit')
    expect([code, err()]).toEqual([
      1,
      expect.stringMatching(/may have 100 processes.* needs 256 more.*ulimit -u /s),
    ])
  })

  /** Starts a command whose processes may have so many files open. */
  const startWithFiles = (most: number, ...words: string[]) =>
    start('prlimit', `--nofile=${most}`, process.execPath, commandScript, ...words)

  test.each([256, 128])(
    'an agent with %i descriptors sends small and large files of several sources',
    {
      timeout: LONG_MS * 2,
    },
    async (most) => {
      const data = temporaryDirectory('descriptors-data')
      const roots = Array.from({ length: 6 }, (_, index) => {
        const root = temporaryDirectory(`descriptors-${index}`)
        for (let file = 0; file < 40; file += 1)
          for (const size of [100, 300_000])
            writeFileSync(path.join(root, `${size}-${file}`), Buffer.alloc(size + file, `${index} ${file}`))
        return root
      })
      const { child } = startWithFiles(most, 'agent', '--data', data, ...roots)
      await untilState(data, 'all to be sent', ({ totals }) => totals.sentFiles === 480, LONG_MS)
      expect(child.exitCode).toBe(null)
      expect(readLog(data)).not.toMatch(/EMFILE|too many open files/i)
    },
  )

  test('an agent and a receiver with 64 descriptors end with the figures and the remedy', {
    timeout: LONG_MS,
  }, async () => {
    const { root, data } = directories()
    const store = path.join(root, 'store')
    for (const words of [
      ['agent', '--data', data, root],
      ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'],
    ]) {
      const { child, err } = startWithFiles(64, ...words)
      const [code] = await once(child, 'exit')
      expect([code, err()]).toEqual([
        1,
        expect.stringMatching(/may have 64 files.* needs 128.*ulimit -n 4096/s),
      ])
    }
    expect(existsSync(store)).toBe(false)
  })

  test('a receiver of a user with 100 processes and threads receives, with a pool that fits', {
    timeout: LONG_MS,
  }, async () => {
    const { root, data } = directories()
    const store = path.join(root, 'store')
    const words = ['receive', '--store', store, '--host', '127.0.0.1', '--port', '0']
    // As its launcher and its service start it.
    const { child, err } = startAs(100, words, { UV_THREADPOOL_SIZE: '128', HOLDFAST_HOME: data })
    await until('the store is open', () => existsSync(path.join(store, '.holdfast/manifest.db')), LONG_MS)
    expect(child.exitCode).toBe(null)
    expect(err()).toMatch(/of 100 processes and threads exist.* the pool has \d\d threads/)
  })
})

/** Threads of a process. */
const countThreads = (pid: number) => readdirSync(`/proc/${pid}/task`).length

describe('threads as needed', () => {
  test('an idle agent has few threads', { timeout: LONG_MS }, async () => {
    const { root, data } = directories()
    start(process.execPath, commandScript, 'agent', '--data', data, root)
    const { workers, destinations } = await untilState(
      data,
      'the first check',
      ({ sources }) =>
        [sources[0]?.checked?.overall.kind, sources[0]?.scanned?.phase].join() === 'ok,watching',
    )
    const pids = [workers.checker, workers.scanner, ...destinations.map(({ worker }) => worker)]
    for (const { pid } of pids) expect(countThreads(pid ?? 0)).toBeLessThan(64)
  })

  test.skipIf(!canMount)(
    'when hung disks that were added later occupy the threads of the checker, one with more is started (mounting needs root)',
    { timeout: 2 * LONG_MS },
    async () => {
      const { root, data } = directories()
      const disks: Awaited<ReturnType<typeof mountExt4>>[] = []
      // Up to four calls of each hang. The checker runs before paths are added.
      for (let index = 0; index < 8; index += 1) disks.push(await mountExt4(onTestFinished, { megabytes: 8 }))
      const paths = disks.flatMap(({ point }) => ['a', 'b', 'c', 'd'].map((name) => path.join(point, name)))
      for (const folder of paths) mkdirSync(folder)
      start(process.execPath, commandScript, 'agent', '--data', data, ...paths, root)
      const kinds = (wanted: string) => (state: AppState) =>
        state.sources.filter(({ checked }) => checked?.overall.kind === wanted).length
      const before = await untilState(data, 'the first checks', (state) => kinds('ok')(state) === 33, LONG_MS)
      for (const { freeze } of disks) await freeze()
      onTestFinished(async () => {
        for (const { thaw } of disks) await thaw()
      })
      const { pid } = before.workers.checker
      const { workers } = await untilState(
        data,
        'each hung path to be reported by another process, and the other path to be checked',
        (state) =>
          state.workers.checker.pid !== pid && kinds('hung')(state) === 32 && kinds('ok')(state) === 1,
        LONG_MS,
      )
      expect(countThreads(workers.checker.pid ?? 0)).toBeGreaterThan(500)
      expect(readLog(data)).toMatch(/checker: calls wait for its threads/)
    },
  )
})
