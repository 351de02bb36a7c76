import { open } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { dropError } from '../../../dropped-errors.ts'
import { errorCode } from '../../../platform/system-error.ts'

/** Maximum of lines that a view gets, and of bytes of the file that are read for them. */
const MOST_LINES = 500
const TAIL_BYTES = 256 * 1024

/** pino's levels (github.com/pinojs/pino, docs/api.md, "logger.levels"). */
const levels = { 30: 'info', 40: 'warn', 50: 'error' } as const

export const logLineSchema = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
})
export type LogLine = z.infer<typeof logLineSchema>

const writtenSchema = z.object({
  time: z.number(),
  level: z.union([z.literal(30), z.literal(40), z.literal(50)]),
  msg: z.string(),
})

/** File names of the agent's log, newest first. */
export const LOG_FILES = ['agent.log', 'agent.log.1']

/** Returns the last whole lines of a file, at most this number of bytes; '' if the file does not exist. */
export async function readTail(file: string, bytes: number): Promise<string> {
  try {
    await using handle = await open(file, 'r')
    const { size } = await handle.stat()
    const from = Math.max(0, size - bytes)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, bytes)), 0, size - from, from)
    const text = buffer.toString('utf8', 0, bytesRead)
    return from === 0 ? text : text.slice(text.indexOf('\n') + 1)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ''
    throw error
  }
}

/** Returns the newest lines of the log in a directory, oldest first. Skips lines that are not in its format. */
export async function logLines(directory: string): Promise<LogLine[]> {
  const text = await readTail(path.join(directory, LOG_FILES[0] ?? ''), TAIL_BYTES)
  return text
    .split('\n')
    .slice(-MOST_LINES - 1)
    .flatMap(parseLine)
}

function parseLine(text: string): LogLine[] {
  try {
    const { time, level, msg } = writtenSchema.parse(JSON.parse(text))
    return [{ at: time, level: levels[level], text: msg }]
  } catch (error) {
    return dropError(error, 'a line of the log is none of this version', [])
  }
}
