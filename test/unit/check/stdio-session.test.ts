import { readFileSync } from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { ProbeReadResult } from '../../../core/check/probes/read-file.ts'
import { createConcurrencyLimit } from '../../../core/check/scheduler/timetable.ts'
import { serveStdio } from '../../../core/check/stdio/serve-stdio.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { createFakeClock, flushPromises } from '../../support/check/clock.ts'

/** The protocol over streams, with a clock and a disk that the test moves. */
function setUp(options: { timeoutMs?: number; quoted?: boolean; mostOut?: number } = {}) {
  const clock = createFakeClock()
  const input = new PassThrough()
  const output = new PassThrough()
  const said: { atMs: number; line: string }[] = []
  output.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString('latin1').trimEnd().split('\n')) said.push({ atMs: clock.now(), line })
  })
  const logs: string[] = []
  const reads: { path: string; atMs: number; answer(answer: Partial<ProbeReadResult>): void }[] = []
  const done = serveStdio({
    input,
    output,
    warn: (sentence) => void logs.push(englishWords(sentence)),
    options: { timeoutMs: options.timeoutMs ?? null, quoted: options.quoted ?? false },
    limit: createConcurrencyLimit(undefined, options.mostOut),
    readFile: (at) =>
      new Promise((resolve) => {
        reads.push({
          path: at.toString('latin1'),
          atMs: clock.now(),
          answer: (answer) => resolve({ delayMs: 0.5, failure: null, isBuffered: false, ...answer }),
        })
      }),
  })
  const send = async (text: string) => {
    input.write(text, 'latin1')
    await flushPromises()
  }
  const finish = async (errno = 0, delayMs = 0.5) => {
    const failure = errno === 0 ? null : { step: 'read' as const, errno, code: 'E' }
    reads.at(-1)?.answer({ delayMs, failure })
    await flushPromises()
  }
  const lines = () => said.map(({ line }) => line)
  return { clock, input, output, said, lines, reads, logs, send, finish, done }
}

const vector = readFileSync(path.resolve(import.meta.dirname, '../../vectors/check-session.txt'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const [time = '', direction = '', ...words] = line.split(' ')
    return { atMs: Math.round(Number(time) * 1000), direction, text: words.join(' ') }
  })

describe('stdio protocol', () => {
  it('replays the example session with the same lines at the same times', async () => {
    const { clock, send, finish, said, reads } = setUp()
    expect(vector.length).toBe(11)
    for (const { atMs, direction, text } of vector) {
      await clock.advanceTo(atMs)
      if (direction === '>') await send(`${text}\n`)
      const [verb, , errno, rest] = text.split(' ')
      if (direction === '<' && verb === 'check') await finish(Number(errno), Number(rest) * 1000)
    }
    expect(said.map(({ line }) => line)).toEqual(
      vector.filter(({ direction }) => direction === '<').map(({ text }) => text),
    )
    // The session's replies come a millisecond after their commands; here they come at once.
    const moments = vector.filter(({ direction }) => direction === '<').map(({ atMs }) => atMs)
    for (const [index, { atMs }] of said.entries()) expect((moments[index] ?? 0) - atMs).toBeOneOf([0, 1])
    // Tick 30 came back late, tick 60 slowly: the timetable does not move.
    expect(reads.map(({ atMs }) => atMs)).toEqual([0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000])
  })

  it('skips the ticks that a late read overlaps', async () => {
    const { clock, send, finish, reads } = setUp()
    await send('start /p 10\n')
    await clock.advanceTo(25_000)
    await finish()
    await clock.advanceTo(45_000)
    expect(reads.map(({ atMs }) => atMs)).toEqual([0, 30_000])
  })

  it('refuses a second start and a stop of an unmonitored path', async () => {
    const { send, finish, lines } = setUp()
    await send('start /p 10\nstart /p 10\nstop /q\n')
    await finish()
    await send('stop /p\nstop /p\nstart /p 10\n')
    expect(lines()).toEqual([
      'start /p 0 started',
      'start /p 17 already monitoring path',
      'stop /q 2 not monitoring path',
      'check /p 0 0.000500',
      'stop /p 0 stopped',
      'stop /p 2 not monitoring path',
      'start /p 0 started',
    ])
  })

  it('stops a path with a pending read when the read returns, without further events', async () => {
    const { clock, send, finish, lines, reads } = setUp()
    await send('start /p 10\nstop /p\nstop /p\nstart /p 10\n')
    expect(lines().slice(1)).toEqual([
      'stop /p 115 stopping in progress',
      'stop /p 115 stopping in progress',
      'start /p 17 already monitoring path',
    ])
    await clock.advanceTo(35_000)
    await finish()
    await clock.advanceTo(90_000)
    expect(lines().slice(4)).toEqual(['check /p 0 0.000500', 'stop /p 0 stopped'])
    expect(reads.length).toBe(1)
    await send('stop /p\nstart /p 10\n')
    expect(lines().slice(6)).toEqual(['stop /p 2 not monitoring path', 'start /p 0 started'])
  })

  it('reports no hang without --timeout, and one hang with it', async () => {
    const silent = setUp()
    await silent.send('start /p 1\n')
    await silent.clock.advanceTo(60_000)
    expect(silent.lines()).toEqual(['start /p 0 started'])

    const { clock, send, finish, said, lines, reads } = setUp({ timeoutMs: 2_500 })
    await send('start /p 1\n')
    await clock.advanceTo(9_500)
    expect(said.at(-1)).toEqual({ atMs: 2_500, line: 'check /p 110 Connection timed out' })
    expect(lines().length).toBe(2)
    // The late answer is not told; the next check is.
    await finish()
    expect(lines().length).toBe(2)
    await clock.advanceTo(10_000)
    await finish()
    expect(lines().slice(2)).toEqual(['check /p 0 0.000500'])
    expect(reads.map(({ atMs }) => atMs)).toEqual([0, 10_000])
  })

  it('reports error 110 also during a stop, and then the stop', async () => {
    const { clock, send, finish, lines } = setUp({ timeoutMs: 2_000 })
    await send('start /p 10\nstop /p\n')
    await clock.advanceTo(5_000)
    await finish(5)
    expect(lines()).toEqual([
      'start /p 0 started',
      'stop /p 115 stopping in progress',
      'check /p 110 Connection timed out',
      'stop /p 0 stopped',
    ])
  })

  it('describes errors as strerror does, and a directory as an invalid argument', async () => {
    const { clock, send, finish, lines } = setUp()
    await send('start /p 1\n')
    for (const [tick, errno] of [2, 5, 21, 13, 30].entries()) {
      await clock.advanceTo(tick * 1_000)
      await finish(errno)
    }
    expect(lines().slice(1)).toEqual([
      'check /p 2 No such file or directory',
      'check /p 5 Input/output error',
      'check /p 22 Invalid argument',
      'check /p 13 Permission denied',
      'check /p 30 Read-only file system',
    ])
  })

  it('logs once for a path that its reads are buffered', async () => {
    const { clock, send, reads, logs } = setUp()
    await send('start /p 1\n')
    for (const tick of [0, 1_000, 2_000]) {
      await clock.advanceTo(tick)
      reads.at(-1)?.answer({ isBuffered: true })
    }
    expect(logs).toEqual([expect.stringMatching(/^\/p: .*O_DIRECT/)])
  })

  it('reports error 11 for a path that too many hung checks block, and logs the reason once', async () => {
    const { clock, send, reads, finish, lines, logs } = setUp({ mostOut: 1 })
    await send('start /hung 10\nstart /p 10\n')
    await clock.advanceTo(15_500)
    expect([reads.length, logs]).toEqual([1, [expect.stringMatching(/^\/p was not checked/)]])
    const checks = () => lines().filter((line) => line.startsWith('check /p '))
    expect(checks()).toEqual(Array(2).fill('check /p 11 Resource temporarily unavailable'))
    await finish()
    await clock.advanceTo(20_000)
    await finish()
    await finish()
    expect(checks().at(-1)).toBe('check /p 0 0.000500')
  })

  it('pauses checks and commands while the parent does not read, and resumes afterwards', async () => {
    const { clock, input, output, send, finish, reads, lines } = setUp()
    await send('start /p 10\n')
    await finish()
    output.pause()
    for (let count = 0; count < 10_000; count += 1) input.write(`stop /unknown-${count}\n`)
    await flushPromises()
    await clock.advanceTo(35_000)
    expect(reads.length).toBe(1)
    output.resume()
    while (lines().length < 10_002) await flushPromises()
    expect(reads.map(({ atMs }) => atMs)).toEqual([0, 35_000])
    await finish()
    await clock.advanceTo(40_000)
    expect(reads.map(({ atMs }) => atMs)).toEqual([0, 35_000, 40_000])
  })

  it('keeps the bytes of a path, and quotes it with --quoted', async () => {
    const plain = setUp()
    await plain.send('start /caf\xe9\xff 10\n')
    await plain.finish()
    expect(plain.lines()).toEqual(['start /caf\xe9\xff 0 started', 'check /caf\xe9\xff 0 0.000500'])
    const quoted = setUp({ quoted: true })
    await quoted.send('start "/a b" 10\n')
    expect(quoted.reads[0]?.path).toBe('/a b')
    expect(quoted.lines()).toEqual(['start "/a b" 0 started'])
  })

  it('ends with the input, after pending checks return or after one second', async () => {
    const quick = setUp()
    await quick.send('start /p 10\nstop /p')
    quick.input.end()
    await flushPromises()
    await quick.finish()
    await quick.done
    expect(quick.lines().at(-1)).toBe('stop /p 0 stopped')
    expect(quick.clock.pending()).toBe(0)

    const stuck = setUp()
    await stuck.send('start /p 10\nstop /p\n')
    stuck.input.end()
    await stuck.clock.advanceTo(1_000)
    await stuck.done
    expect(stuck.lines().at(-1)).toBe('stop /p 115 stopping in progress')
    expect(stuck.clock.pending()).toBe(0)
  })
})
