import { spawn } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ANY_CALLS } from '../../../core/agent/workers/pool-threads.ts'
import type { WorkerHandle } from '../../../core/agent/workers/starter.ts'
import {
  REPLACE_AFTER_MS,
  REPLACE_BUSY_AFTER_MS,
  RESTS_AFTER_MS,
  SupervisedWorker,
} from '../../../core/agent/workers/supervisor.ts'
import type { ToWorker } from '../../../core/lib/workers/definition.ts'
import { ALIVE_EVERY_MS } from '../../../core/lib/workers/serve.ts'
import { readMainThreadTime } from '../../../core/platform/process-limits.ts'
import { receiverDefinition } from '../../../core/receive/receiver-messages.ts'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'

class FakeProcess implements WorkerHandle {
  readonly received: ToWorker[] = []
  killed = false
  say: (message: unknown) => void = () => undefined
  readonly #exits: ((reason: string) => void)[] = []
  exit = (reason: string) => {
    for (const listener of this.#exits) listener(reason)
  }
  pid = () => this.processId
  processId = 0
  post = (message: unknown) => void this.received.push(message as ToWorker)
  onMessage = (listener: (message: unknown) => void) => {
    this.say = listener
  }
  onExit = (listener: (reason: string) => void) => void this.#exits.push(listener)
  kill = () => {
    this.killed = true
  }
}

const config = {
  ...{ storeDirectory: '/s', setUpStores: '/s/set-up', host: '127.0.0.1', port: 0, name: 'n' },
  ...{ rules: DEFAULT_RULES, isocket: null },
}
const report = {
  port: 5,
  fingerprint: 'f',
  storeDirectory: '/s',
  receivedFiles: 0,
  receivedBytes: 0,
  refusedConnections: 0,
  store: { problems: [], failures: 0 },
  senders: [],
}

function supervised(name: 'receiver' | 'sender' = 'receiver') {
  const processes: FakeProcess[] = []
  const conditions: string[] = []
  const crowded: boolean[] = []
  const reports: unknown[] = []
  const worker = new SupervisedWorker(
    { ...receiverDefinition, name },
    {
      start: (_name, calls) => {
        crowded.push(calls === ANY_CALLS)
        processes.push(new FakeProcess())
        return processes.at(-1) ?? new FakeProcess()
      },
    },
    {
      progress: (one) => ('receivedFiles' in one ? one.receivedFiles : 0),
      report: (one) => reports.push(one),
      nudge: () => undefined,
      log: () => undefined,
      condition: ({ condition }) => conditions.push(condition),
    },
  )
  return { worker, processes, conditions, crowded, reports }
}

describe('supervised worker', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('a restarted process gets the newest configuration', () => {
    const { worker, processes, conditions } = supervised()
    worker.configure(config)
    worker.configure({ ...config, port: 9 })
    processes[0]?.exit('SIGKILL')
    vi.advanceTimersByTime(1000)
    expect(processes).toHaveLength(2)
    expect(processes[1]?.received).toEqual([{ type: 'configure', config: { ...config, port: 9 } }])
    processes[1]?.say({ type: 'ready', pid: 8 })
    expect(conditions).toEqual(['starting', 'restarting', 'starting', 'running'])
  })

  it('a process whose calls wait for threads is replaced once, when it has stopped', async () => {
    const { worker, processes, crowded } = supervised('sender')
    worker.configure(config)
    processes[0]?.say({ type: 'crowded' })
    processes[0]?.say({ type: 'crowded' })
    expect(processes[0]?.received.at(-1)).toEqual({ type: 'stop' })
    worker.configure({ ...config, port: 9 })
    // Calls that hang keep it.
    processes[0]?.say({ type: 'stopped' })
    await vi.advanceTimersByTimeAsync(200)
    expect(processes[0]?.received.filter(({ type }) => type === 'configure')).toHaveLength(1)
    expect(processes[1]?.received).toEqual([{ type: 'configure', config: { ...config, port: 9 } }])
    processes[1]?.say({ type: 'crowded' })
    processes[1]?.exit('SIGKILL')
    await vi.advanceTimersByTimeAsync(1000)
    expect(crowded).toEqual([false, true, true])
    await Promise.all([worker.stop(), vi.advanceTimersByTimeAsync(5000)])
    worker.configure(config)
    expect(crowded.at(-1)).toBe(false)
  })

  it('a receiver, which has all its threads from the start, is not replaced', () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    processes[0]?.say({ type: 'crowded' })
    expect(processes[0]?.received.map(({ type }) => type)).toEqual(['configure'])
  })

  it('a process that is killed every two seconds is restarted as soon while its work grows, and later without', () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    /** Returns the delay before the next process. */
    const live = (receivedFiles: number) => {
      const { length } = processes
      for (const files of [receivedFiles - 1, receivedFiles])
        processes.at(-1)?.say({ type: 'report', report: { ...report, receivedFiles: files } })
      vi.advanceTimersByTime(2_000)
      processes.at(-1)?.exit('SIGKILL')
      const from = performance.now()
      while (processes.length === length) vi.advanceTimersByTime(100)
      return performance.now() - from
    }
    const delays = Array.from({ length: 12 }, (_, index) => live(10 * index + 1))
    expect(Math.max(...delays)).toBe(2_000)
    for (let end = 0; end < 3; end += 1) {
      processes.at(-1)?.exit('SIGABRT')
      vi.advanceTimersByTime(2_000)
    }
    expect(processes).toHaveLength(13)
  })

  it('a silent process is replaced after the timeout, not before', () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    processes[0]?.say({ type: 'ready', pid: 1 })
    vi.advanceTimersByTime(8_000)
    expect(processes).toHaveLength(1)
    vi.advanceTimersByTime(REPLACE_AFTER_MS)
    expect(processes[0]?.killed).toBe(true)
    expect(processes.length).toBeGreaterThan(1)
  })

  it('a process is not replaced for a time in which its supervisor was suspended', () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    processes[0]?.say({ type: 'ready', pid: 1 })
    vi.advanceTimersByTime(ALIVE_EVERY_MS / 2)
    // What stands still runs no timers: the one that is due comes once, late, and before what waits to be read.
    const late = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 10 * REPLACE_AFTER_MS)
    vi.advanceTimersByTime(ALIVE_EVERY_MS / 2)
    expect(processes[0]?.killed).toBe(false)
    expect(worker.state.condition).toBe('running')
    late.mockRestore()
  })

  describe.skipIf(process.platform !== 'linux')('a silent process (needs /proc)', () => {
    /** A silent worker whose process is another one, which does this. */
    function silent(script: string) {
      const { worker, processes } = supervised()
      worker.configure(config)
      const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
      onTestFinished(() => void child.kill('SIGKILL'))
      const [first] = processes
      if (first === undefined) throw new Error('no process')
      first.processId = child.pid ?? 0
      first.say({ type: 'ready', pid: 1 })
      return { first, pid: first.processId }
    }
    /** Waits, without timers, which are not real here. */
    const spinUntil = (holds: () => boolean) => {
      const pause = new Int32Array(new SharedArrayBuffer(4))
      while (!holds()) Atomics.wait(pause, 0, 0, 5)
    }

    it('is kept during a long turn of work, and replaced after a turn without end', () => {
      const { first, pid } = silent('for (;;);')
      let time = readMainThreadTime(pid) ?? 0
      let turns = 0
      for (; !first.killed; turns += 1) {
        spinUntil(() => (readMainThreadTime(pid) ?? 0) > time)
        time = readMainThreadTime(pid) ?? 0
        vi.advanceTimersByTime(ALIVE_EVERY_MS)
      }
      expect(turns * ALIVE_EVERY_MS).toBeGreaterThan(REPLACE_BUSY_AFTER_MS)
      expect(turns * ALIVE_EVERY_MS).toBeLessThan(REPLACE_BUSY_AFTER_MS + 3 * ALIVE_EVERY_MS)
    })

    it('is replaced when it no longer works', () => {
      const { first, pid } = silent('for (;;);')
      spinUntil(() => (readMainThreadTime(pid) ?? 0) > 0)
      vi.advanceTimersByTime(ALIVE_EVERY_MS)
      process.kill(pid, 'SIGSTOP')
      vi.advanceTimersByTime(2 * ALIVE_EVERY_MS)
      expect(first.killed).toBe(false)
      vi.advanceTimersByTime(REPLACE_AFTER_MS)
      expect(first.killed).toBe(true)
    })
  })

  it('a process that stays silent after its supervisor was suspended is replaced', () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    processes[0]?.say({ type: 'ready', pid: 1 })
    const now = performance.now.bind(performance)
    const late = vi.spyOn(performance, 'now').mockImplementation(() => now() + 10 * REPLACE_AFTER_MS)
    vi.advanceTimersByTime(REPLACE_AFTER_MS)
    expect(processes[0]?.killed).toBe(false)
    vi.advanceTimersByTime(2 * ALIVE_EVERY_MS)
    expect(processes[0]?.killed).toBe(true)
    late.mockRestore()
  })

  it('messages of a replaced process and invalid messages are dropped', () => {
    const { worker, processes, reports } = supervised()
    worker.configure(config)
    processes[0]?.exit('crash')
    vi.advanceTimersByTime(1000)
    processes[0]?.say({ type: 'report', report })
    processes[1]?.say({ type: 'report', report: { ...report, port: 'five' } })
    processes[1]?.say({ type: 'nonsense' })
    expect(reports).toEqual([])
    processes[1]?.say({ type: 'report', report })
    expect(reports).toEqual([report])
  })

  it('a stopped worker is not restarted', async () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    const stopped = worker.stop()
    expect(processes[0]?.received.at(-1)).toEqual({ type: 'stop' })
    processes[0]?.exit('SIGKILL')
    await stopped
    vi.advanceTimersByTime(60_000)
    expect(processes).toHaveLength(1)
    expect(worker.state.condition).toBe('off')
  })

  it('a worker configured again during its stop gets one new process, which can be stopped', async () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    const stopped = worker.stop()
    worker.configure(config)
    worker.configure(config)
    expect(processes).toHaveLength(1)
    processes[0]?.exit('exit code 0')
    await stopped
    vi.advanceTimersByTime(REPLACE_AFTER_MS / 2)
    expect(processes).toHaveLength(2)
    const stoppedAgain = worker.stop()
    expect(processes[1]?.received.at(-1)).toEqual({ type: 'stop' })
    processes[1]?.exit('exit code 0')
    await stoppedAgain
    expect(worker.state.condition).toBe('off')
  })

  it('a process that does not exit in time is killed, and the stop completes', async () => {
    const { worker, processes } = supervised()
    worker.configure(config)
    const stopped = worker.stop(3000)
    vi.advanceTimersByTime(3000)
    await stopped
    expect(processes[0]?.killed).toBe(true)
  })

  describe('a worker that is not needed', () => {
    const invite = { code: 'c', short: null, minutes: 10, uses: 1, expiresAt: 1 }
    const resting = () => {
      const all = supervised()
      const beats = setInterval(() => {
        for (const one of all.processes) one.say({ type: 'alive' })
      }, 1_000)
      onTestFinished(() => clearInterval(beats))
      const answerLast = () => {
        const { received = [], say } = all.processes.at(-1) ?? {}
        const asked = received.find((one) => one.type === 'request')
        if (asked?.type === 'request') say?.({ type: 'response', id: asked.id, output: invite })
      }
      const types = () => all.processes.map(({ received }) => received.map(({ type }) => type))
      all.worker.configure(config, false)
      return { ...all, answerLast, types }
    }

    it('starts with a request and stops a minute after the last one', async () => {
      const { worker, processes, answerLast, types } = resting()
      await vi.advanceTimersByTimeAsync(RESTS_AFTER_MS)
      expect(processes).toHaveLength(0)
      const answer = worker.request('invite', { replaces: null })
      answerLast()
      await expect(answer).resolves.toEqual(invite)
      // A changed configuration does not prolong it.
      await vi.advanceTimersByTimeAsync(RESTS_AFTER_MS - 1_000)
      worker.configure(config, false)
      expect(types()).toEqual([['configure', 'request', 'configure']])
      await vi.advanceTimersByTimeAsync(1_000)
      expect(types()[0]?.at(-1)).toBe('stop')
      processes[0]?.exit('exit code 0')
      await vi.advanceTimersByTimeAsync(0)
      expect(worker.state.condition).toBe('off')
    })

    it('answers a request that comes during its stop by the next process', async () => {
      const { worker, processes, answerLast, types } = resting()
      const first = worker.request('invite', { replaces: null })
      answerLast()
      await first
      await vi.advanceTimersByTimeAsync(RESTS_AFTER_MS)
      const second = worker.request('invite', { replaces: null })
      processes[0]?.exit('exit code 0')
      await vi.advanceTimersByTimeAsync(0)
      answerLast()
      await expect(second).resolves.toEqual(invite)
      expect(types()).toEqual([
        ['configure', 'request', 'stop'],
        ['configure', 'request'],
      ])
    })

    it('starts when it is needed, and then stays', async () => {
      const { worker, processes } = resting()
      worker.configure(config)
      await vi.advanceTimersByTimeAsync(2 * RESTS_AFTER_MS)
      expect(processes).toHaveLength(1)
      expect(worker.state.condition).toBe('running')
    })

    it('refuses requests once it is stopped', async () => {
      const { worker, processes } = resting()
      await worker.stop()
      await expect(worker.request('invite', { replaces: null })).rejects.toThrow()
      expect(processes).toHaveLength(0)
    })
  })
})
