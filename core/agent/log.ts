import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs'
import path from 'node:path'
import pino, { type DestinationStream } from 'pino'
import { dropError, isDebugging } from '../dropped-errors.ts'
import type { LogLevel } from '../lib/workers/definition.ts'
import { errorCode } from '../platform/system-error.ts'

const LARGEST_LOG = 8 * 1024 * 1024
/**
 * Bytes that wait for a slow disk. Lines beyond that are dropped: the log must neither fill the memory nor block
 * anything.
 */
const MOST_PENDING = 1024 * 1024
/** Delay before the log is reopened after a failed write. */
const RETRY_AFTER_MS = 30_000

export interface Log {
  write(level: LogLevel, text: string): void
  close(): void
}

/**
 * Opens the agent's log, JSON lines in agent.log. A large log is renamed to agent.log.1. A full or broken disk loses
 * only log lines. Callers must not log secrets.
 */
export function openLog(directory: string): Log {
  const file = openLogFile(directory)
  const logger = pino({ level: isDebugging ? 'debug' : 'info', base: {} }, file)
  return { write: (level, text) => logger[level](text), close: () => file.close() }
}

/** Opens the log file. Not pino's own destination: that ends its process, or waits forever, if the disk is full. */
function openLogFile(directory: string): DestinationStream & { close(): void } {
  const file = path.join(directory, 'agent.log')
  let stream: WriteStream | null = null
  let retryAt = Number.NEGATIVE_INFINITY
  let written = 0

  const fail = () => {
    stream = null
    retryAt = performance.now() + RETRY_AFTER_MS
  }
  const open = () => {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      rotateLog(file)
      written = 0
      stream = createWriteStream(file, { flags: 'a', mode: 0o600 }).on('error', fail)
    } catch (error) {
      dropError(error, 'the log cannot be opened and is tried again later')
      fail()
    }
  }
  return {
    write: (line) => {
      if (written > LARGEST_LOG) {
        stream?.end()
        stream = null
      }
      if (stream === null && performance.now() >= retryAt) open()
      if (stream === null || stream.writableLength > MOST_PENDING) return
      written += line.length
      stream.write(line)
    },
    close: () => void stream?.end(),
  }
}

function rotateLog(file: string): void {
  try {
    if (statSync(file).size > LARGEST_LOG) renameSync(file, `${file}.1`)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}
