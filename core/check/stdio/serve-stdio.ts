import type { Readable, Writable } from 'node:stream'
import { message } from '../../words/message.ts'
import { englishWords } from '../../words/words.ts'
import type { Clock } from '../clock.ts'
import type { ConcurrencyLimit } from '../concurrency-limit.ts'
import type { ReadResult } from '../probes/read.ts'
import { EAGAIN, formatEvent } from './event.ts'
import { createLineSplitter, type Line } from './lines.ts'
import { createEventOutput, type StdioLog } from './outputs.ts'
import { createSession, type Effect, type ReadOutcome, type Wake } from './session.ts'

/** How long the end of input waits for stops in progress, in milliseconds: their reads may hang for ever. */
const STOPS_WITHIN_MS = 1_000

export interface StdioPorts {
  input: Readable
  output: Writable
  log: StdioLog
  /** Reads a path once; it does not resolve if its file system hangs. */
  readFile(path: Buffer): Promise<ReadResult>
  limit: ConcurrencyLimit
  clock: Clock
  options: { timeoutMs: number | null; quoted: boolean }
}

/** Speaks the protocol until the input ends; resolves when every queued reply is handed over. */
export async function serveStdio(ports: StdioPorts): Promise<void> {
  const { input, output, clock, options } = ports
  const session = createSession(options)
  const events = createEventOutput(output, (event) => formatEvent(event, options))
  const wakes = createWakes(clock, (path, why) => carryOut(session.wake(path, why, clock.now())))
  const reader = createReader(ports)
  let stopsDone: () => void = () => undefined

  const read = async (path: string, number: number) => {
    carryOut(session.finished(path, number, await reader.read(path)))
    if (!session.isStopping()) stopsDone()
  }
  const carryOut = (effects: Effect[]) => {
    for (const effect of effects) {
      switch (effect.does) {
        case 'say':
          events.say(effect.event)
          break
        case 'read':
          void read(effect.path, effect.number)
          break
        case 'wake':
          wakes.set(effect)
          break
        case 'sleep':
          wakes.cancel(effect)
          break
        case 'forget':
          reader.forget(effect.path)
          break
        default:
          effect satisfies never
      }
    }
  }
  events.onRelief(() => input.resume())
  await takeLines(input, (line) => {
    carryOut(line.kind === 'line' ? session.line(line.text, clock.now()) : session.tooLong())
    if (events.isBehind()) input.pause()
  })
  if (session.isStopping()) {
    await new Promise<void>((resolve) => {
      const cancel = clock.at(clock.now() + STOPS_WITHIN_MS, resolve)
      stopsDone = () => {
        cancel()
        resolve()
      }
    })
  }
  wakes.cancelAll()
  await events.drained()
}

/** Resolves with the input's end. */
async function takeLines(input: Readable, take: (line: Line) => void): Promise<void> {
  const splitter = createLineSplitter()
  await new Promise<void>((resolve) => {
    input.on('data', (chunk: Buffer) => splitter.push(chunk).forEach(take))
    input.once('end', resolve)
    // An input that breaks has ended.
    input.once('error', () => resolve())
    input.once('close', resolve)
  })
  splitter.end().forEach(take)
}

/** One timer for each path and reason. */
function createWakes(clock: Clock, wake: (path: string, why: Wake) => void) {
  const timers = new Map<string, () => void>()
  const cancel = ({ path, why }: { path: string; why: Wake }) => {
    const key = `${why} ${path}`
    timers.get(key)?.()
    timers.delete(key)
  }
  return {
    set: ({ path, why, atMs }: { path: string; why: Wake; atMs: number }) => {
      cancel({ path, why })
      const run = () => {
        timers.delete(`${why} ${path}`)
        wake(path, why)
      }
      timers.set(`${why} ${path}`, clock.at(atMs, run))
    },
    cancel,
    cancelAll: () => {
      for (const one of timers.values()) one()
    },
  }
}

/** Reads paths, and says on the log what is worth knowing of one, once. */
function createReader({ readFile, limit, log }: StdioPorts) {
  const said = { 'check.buffered': new Set<string>(), 'check.noThread': new Set<string>() }
  const warnOnce = (key: keyof typeof said, path: string) => {
    if (said[key].has(path)) return
    said[key].add(path)
    log('WARNING', englishWords(message(key, { path })))
  }
  return {
    read: async (path: string): Promise<ReadOutcome> => {
      const found = await limit.run(() => readFile(Buffer.from(path, 'latin1')))
      if (found === null) {
        warnOnce('check.noThread', path)
        return { errno: EAGAIN }
      }
      const { failure, delayMs, isBuffered } = found
      if (failure !== null) return { errno: failure.errno }
      if (isBuffered) warnOnce('check.buffered', path)
      return { errno: 0, delayMs }
    },
    /** What is remembered of paths that are no longer monitored must not grow. */
    forget: (path: string) => {
      for (const paths of Object.values(said)) paths.delete(path)
    },
  }
}
