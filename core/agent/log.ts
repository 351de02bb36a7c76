import { appendFile, mkdir, rename } from 'node:fs/promises'
import path from 'node:path'
import pino, { type DestinationStream } from 'pino'
import { dropError, isDebugging } from '../dropped-errors.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import { lstatOrNull } from '../platform/files.ts'

const LARGEST_LOG = 8 * 1024 * 1024
/**
 * Bytes that wait for a slow disk. Lines beyond that are dropped: the log must neither fill the memory nor block
 * anything.
 */
const MOST_PENDING = 1024 * 1024
/** Lines are dropped for this long after a failed write. */
const RETRY_AFTER_MS = 30_000

export interface Log {
  write(level: LogLevel, text: string): void
  /** Resolves when every line is written, or could not be. */
  written(): Promise<void>
}

/**
 * Opens the agent's log, JSON lines in agent.log. A large log is renamed to agent.log.1. A full or broken disk loses
 * only log lines, and a hung one blocks nothing: the thread pool writes. Callers must not log secrets.
 */
export function openLog(directory: string): Log {
  const file = new LogFile(directory)
  const logger = pino({ level: isDebugging ? 'debug' : 'info', base: {} }, file)
  return { write: (level, text) => logger[level](text), written: () => file.written() }
}

/** The log file. Not pino's own destination: that ends its process, or waits forever, if the disk is full. */
class LogFile implements DestinationStream {
  readonly #directory: string
  readonly #file: string
  #pending: string[] = []
  #pendingBytes = 0
  /** Size of the file; null before it is known. */
  #size: number | null = null
  #retryAt = Number.NEGATIVE_INFINITY
  #writing: Promise<void> | null = null

  constructor(directory: string) {
    this.#directory = directory
    this.#file = path.join(directory, 'agent.log')
  }

  write(line: string): void {
    if (performance.now() < this.#retryAt || this.#pendingBytes > MOST_PENDING) return
    this.#pending.push(line)
    this.#pendingBytes += line.length
    this.#writing ??= this.#writePending().finally(() => {
      this.#writing = null
    })
  }

  written(): Promise<void> {
    return this.#writing ?? Promise.resolve()
  }

  async #writePending(): Promise<void> {
    while (this.#pending.length > 0) {
      const lines = this.#pending.join('')
      this.#pending = []
      try {
        await this.#append(lines)
      } catch (error) {
        this.#size = null
        this.#retryAt = performance.now() + RETRY_AFTER_MS
        dropError(error, 'the log cannot be written and is tried again later')
      }
      this.#pendingBytes -= lines.length
    }
  }

  async #append(lines: string): Promise<void> {
    if (this.#size === null) {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      this.#size = (await lstatOrNull(this.#file))?.size ?? 0
    }
    if (this.#size > LARGEST_LOG) {
      await rename(this.#file, `${this.#file}.1`)
      this.#size = 0
    }
    await appendFile(this.#file, lines, { mode: 0o600 })
    this.#size += Buffer.byteLength(lines)
  }
}
