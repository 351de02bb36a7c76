import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { dropError, warnUnlessCode } from '../../dropped-errors.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { KernelLine } from './evidence-messages.ts'

// The lines of the kernel's log. `KernelLog` reads its records (/dev/kmsg, Documentation/ABI/testing/dev-kmsg in the
// kernel's source) without waiting; where that is not permitted, `readJournal` asks the system's journal.

const KMSG = '/dev/kmsg'
/** The longest record that the kernel writes, in bytes (CONSOLE_EXT_LOG_MAX); read(2) refuses a shorter buffer. */
const RECORD_BYTES = 8192
/** Limit of the records that one call of `read` takes: the rest is for the next call. */
const MOST_AT_ONCE = 5_000
/** Limits of what is kept. */
const MOST_LINES = 5_000
const KEPT_MS = 7 * 60_000
const LONGEST_TEXT = 1_000
const JOURNAL_WITHIN_MS = 3_000
const JOURNAL_BYTES = 8 * 1024 * 1024

/** A record of /dev/kmsg. */
interface KernelRecord {
  level: number
  /** Microseconds of the kernel's own clock, which starts with the computer and may run faster or slower than others. */
  clockUs: number
  text: string
}

/** Bytes that the kernel writes as four characters: those that are no text, and the backslash. */
const ESCAPED = /(?:\\x[0-9a-f]{2})+/g
const decode = (text: string) => Buffer.from(text.replaceAll('\\x', ''), 'hex').toString('utf8')

/** Returns a record of the kernel itself; null: a program's, or not a record. */
export function parseRecord(record: string): KernelRecord | null {
  const [, prefix = '', clockUs = '', text = ''] = /^(\d+),\d+,(\d+),[^;]*;([^\n]*)/.exec(record) ?? []
  const priority = Number(prefix)
  // Each priority has its facility in the higher bits, and 0 is the kernel (syslog(3)).
  if (prefix === '' || priority >= 8) return null
  return {
    level: priority,
    clockUs: Number(clockUs),
    text: text.replaceAll(ESCAPED, decode).slice(0, LONGEST_TEXT),
  }
}

/** Keeps the kernel's lines of the last minutes in memory. */
export class KernelLog {
  #fd: number | null = null
  #lines: KernelLine[] = []
  /** Milliseconds since 1970 at which the kernel's clock was 0, as far as known. */
  #epoch = Date.now() - Number(process.hrtime.bigint() / 1_000_000n)
  #readAt: number | null = null
  readonly #buffer = Buffer.alloc(RECORD_BYTES)
  /** The error that prevents reading, such as EPERM; null: none. */
  problem: string | null = null

  constructor(file = KMSG) {
    try {
      this.#fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    } catch (error) {
      this.problem = warnUnlessCode(
        error,
        ['ENOENT', 'EPERM', 'EACCES'],
        `${file} cannot be read`,
        errorCode(error),
      )
    }
  }

  /** Takes in and returns what the kernel has reported since the last call. Does not wait. */
  read(): KernelLine[] {
    if (this.#fd === null) return []
    const now = Date.now()
    const known = this.#lines.length
    for (let count = 0; count < MOST_AT_ONCE; count += 1) {
      const record = this.#next(this.#fd)
      if (record === null) break
      // A pipe, unlike /dev/kmsg, may give several records at once.
      for (const line of record.split('\n')) this.#add(line, now)
    }
    this.#readAt = now
    const fresh = this.#lines.slice(known)
    this.#forget(now)
    return fresh
  }

  /** Returns the lines since a time in milliseconds since 1970, oldest first. */
  since(from: number): KernelLine[] {
    return this.#lines.filter(({ at }) => at >= from)
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  /** Returns the next record; '': it was overwritten or is no text; null: there is none now. */
  #next(fd: number): string | null {
    try {
      const bytes = readSync(fd, this.#buffer)
      return bytes === 0 ? null : this.#buffer.toString('utf8', 0, bytes)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EAGAIN') return null
      // EPIPE: the kernel has overwritten records that were not read in time. The next read gives the oldest there is.
      if (code === 'EPIPE') return dropError(error, 'a flood of records has overwritten older ones', '')
      this.problem = warnUnlessCode(error, [], `${KMSG} cannot be read`, code)
      this.close()
      return null
    }
  }

  #add(record: string, now: number): void {
    const parsed = parseRecord(record)
    if (parsed === null) return
    const { level, clockUs, text } = parsed
    // Reported between the last read and this one: that corrects the kernel's clock.
    const estimated = this.#epoch + clockUs / 1_000
    const at =
      this.#readAt === null
        ? Math.min(estimated, now)
        : Math.max(Math.min(estimated, now), Math.min(this.#readAt, now))
    this.#epoch += at - estimated
    this.#lines.push({ at: Math.round(at), level, text })
  }

  #forget(now: number): void {
    const from = now - KEPT_MS
    const first = this.#lines.findIndex(({ at }) => at >= from)
    this.#lines = first === -1 ? [] : this.#lines.slice(Math.max(first, this.#lines.length - MOST_LINES))
  }
}

/**
 * Returns the kernel's lines in the system's journal since a time; null: it cannot be read. For somebody who may not read
 * it, `journalctl` succeeds with no line, so all of this start of the computer are asked for.
 */
export function readJournal(from: number, program = 'journalctl'): Promise<KernelLine[] | null> {
  const parameters = ['--dmesg', '--output=json', '--no-pager', '--quiet', `--lines=${MOST_LINES}`]
  const options = { timeout: JOURNAL_WITHIN_MS, killSignal: 'SIGKILL' as const, maxBuffer: JOURNAL_BYTES }
  return new Promise((resolve) => {
    execFile(program, parameters, options, (error, output) => {
      if (error !== null) return resolve(dropError(error, 'the evidence names what could not be read', null))
      const lines = output.split('\n').flatMap((line) => parseJournalLine(line) ?? [])
      resolve(lines.length === 0 ? null : lines.filter(({ at }) => at >= from))
    })
  })
}

/** Returns a line of `journalctl --output=json`; null: it is not one. */
export function parseJournalLine(line: string): KernelLine | null {
  try {
    const { MESSAGE, PRIORITY, SYSLOG_FACILITY = '0', ...rest } = JSON.parse(line) as Record<string, unknown>
    const at = rest.__REALTIME_TIMESTAMP
    // A program has another facility when it writes to the kernel's log.
    if (typeof MESSAGE !== 'string' || typeof at !== 'string' || SYSLOG_FACILITY !== '0') return null
    return {
      at: Math.floor(Number(at) / 1_000),
      level: Number(PRIORITY ?? 6),
      text: MESSAGE.slice(0, LONGEST_TEXT),
    }
  } catch (error) {
    return dropError(error, 'an empty line ends the output', null)
  }
}
