import type { Readable, Writable } from 'node:stream'
import { message } from '../../words/message.ts'
import { englishWords } from '../../words/words.ts'
import type { Clock } from '../clock.ts'
import type { ReadResult } from '../probes/read.ts'
import type { Room } from '../room.ts'
import { EAGAIN, formatEvent } from './event.ts'
import { createLineSplitter, type Line } from './lines.ts'
import { createEventOutput, type StdioLog } from './outputs.ts'
import { createSession, type Effect, type ReadOutcome } from './session.ts'

/** How long the end of input waits for stops in progress, in milliseconds: their reads may hang for ever. */
const STOPS_WITHIN_MS = 1_000

export interface StdioPorts {
  input: Readable
  output: Writable
  log: StdioLog
  /** Reads a path once; it does not resolve if its file system hangs. */
  readFile(path: Buffer): Promise<ReadResult>
  room: Room
  clock: Clock
  options: { timeoutMs: number | null; quoted: boolean }
}

/** Speaks the protocol until the input ends; resolves when every queued reply is handed over. */
export async function serveStdio(ports: StdioPorts): Promise<void> {
  const { input, output, log, readFile, room, clock, options } = ports
  const session = createSession(options)
  const splitter = createLineSplitter()
  const events = createEventOutput(output, (event) => formatEvent(event, options))
  const timers = new Map<string, () => void>()
  /** What was said of paths on the log, each once. */
  const said = { 'check.buffered': new Set<string>(), 'check.noRoom': new Set<string>() }
  let stopsDone: () => void = () => undefined

  const finished = (path: string, number: number, outcome: ReadOutcome) => {
    carryOut(session.finished(path, number, outcome))
    if (!session.isStopping()) stopsDone()
  }

  const warnOnce = (key: keyof typeof said, path: string) => {
    if (said[key].has(path)) return
    said[key].add(path)
    log('WARNING', englishWords(message(key, { path })))
  }

  const read = async (path: string, number: number) => {
    const found = await room.run(() => readFile(Buffer.from(path, 'latin1')))
    if (found === null) {
      warnOnce('check.noRoom', path)
      return finished(path, number, { errno: EAGAIN })
    }
    const { failure, delayMs, isBuffered } = found
    if (isBuffered && failure === null) warnOnce('check.buffered', path)
    finished(path, number, failure === null ? { errno: 0, delayMs } : { errno: failure.errno })
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
        case 'wake': {
          const { path, why, atMs } = effect
          const key = `${why} ${path}`
          timers.get(key)?.()
          timers.set(
            key,
            clock.at(atMs, () => {
              timers.delete(key)
              carryOut(session.wake(path, why, clock.now()))
            }),
          )
          break
        }
        case 'sleep': {
          const key = `${effect.why} ${effect.path}`
          timers.get(key)?.()
          timers.delete(key)
          break
        }
        case 'forget':
          // What is remembered of paths that are no longer monitored must not grow.
          for (const paths of Object.values(said)) paths.delete(effect.path)
          break
        default:
          effect satisfies never
      }
    }
  }
  const take = (lines: Line[]) => {
    for (const line of lines) {
      carryOut(line.kind === 'line' ? session.line(line.text, clock.now()) : session.tooLong())
    }
    if (events.isBehind()) input.pause()
  }

  events.onRelief(() => input.resume())
  await new Promise<void>((resolve) => {
    input.on('data', (chunk: Buffer) => take(splitter.push(chunk)))
    input.once('end', resolve)
    // An input that breaks has ended.
    input.once('error', () => resolve())
    input.once('close', resolve)
  })
  take(splitter.end())
  if (session.isStopping()) {
    await new Promise<void>((resolve) => {
      stopsDone = resolve
      timers.set('end', clock.at(clock.now() + STOPS_WITHIN_MS, resolve))
    })
  }
  for (const cancel of timers.values()) cancel()
  await events.drained()
}
