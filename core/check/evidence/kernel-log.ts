import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { dropError, warnUnlessCode } from '../../dropped-errors.ts'
import { closeDescriptor } from '../../platform/libc.ts'
import { errorCode } from '../../platform/system-error.ts'
import { openWake, whenReadable } from '../../platform/waiting.ts'
import type { KernelLine } from './evidence-messages.ts'

// The lines of the kernel's log. `KernelLog` follows its records (/dev/kmsg, Documentation/ABI/testing/dev-kmsg in the
// kernel's source); where that is not permitted, `readJournal` asks the system's journal.

const KMSG = '/dev/kmsg'
/** The longest record that the kernel writes, in bytes (CONSOLE_EXT_LOG_MAX); read(2) refuses a shorter buffer. */
const RECORD_BYTES = 8192
/** Limit of the records that one call of `read` takes: the rest is for the next call. */
const MOST_AT_ONCE = 5_000
/** Pause after a reading: a report has several lines, and a flood would wake this process for each one. */
const GATHER_MS = 50
/** Limits of what is kept. */
const MOST_LINES = 5_000
const KEPT_MS = 7 * 60_000
const LONGEST_TEXT = 1_000
const JOURNAL_WITHIN_MS = 3_000
/** A line of the longest text with its other fields has 2 KiB; as bytes, 5 KiB. */
const JOURNAL_BYTES = 5 * 1024 * MOST_LINES

/** A record of /dev/kmsg. */
interface KernelRecord {
  level: number
  /** The kernel itself has written it; false: a program. */
  isKernels: boolean
  /** Number of the record; each record of the log has the next one, a program's too. */
  sequence: number
  /** Microseconds of the kernel's own clock, which starts with the computer and may run faster or slower than others. */
  clockUs: number
  text: string
}

/** Bytes that the kernel writes as four characters: those that are no text, and the backslash. */
const ESCAPED = /(?:\\x[0-9a-f]{2})+/g
const decode = (text: string) => Buffer.from(text.replaceAll('\\x', ''), 'hex').toString('utf8')

/** Returns a record; null: it is none. */
export function parseRecord(record: string): KernelRecord | null {
  const [, prefix = '', sequence = '', clockUs = '', text = ''] =
    /^(\d+),(\d+),(\d+),[^;]*;([^\n]*)/.exec(record) ?? []
  if (prefix === '') return null
  const priority = Number(prefix)
  return {
    level: priority % 8,
    // Each priority has its facility in the higher bits, and 0 is the kernel (syslog(3)).
    isKernels: priority < 8,
    sequence: Number(sequence),
    clockUs: Number(clockUs),
    text: text.replaceAll(ESCAPED, decode).slice(0, LONGEST_TEXT),
  }
}

/** Follows the kernel's log, and keeps its lines of the last minutes in memory. */
export class KernelLog {
  #fd: number | null = null
  #wake: number | null = null
  #lines: KernelLine[] = []
  /** Records that were overwritten before they could be read, or not kept, and when that was found. */
  #lost: { at: number; count: number }[] = []
  /** The number of the last record, and whether later ones were overwritten. */
  #sequence: number | null = null
  #isCut = false
  /** Milliseconds since 1970 at which the kernel's clock was 0, as far as known. */
  #epoch = Date.now() - Number(process.hrtime.bigint() / 1_000_000n)
  #readAt: number | null = null
  #listener: (fresh: KernelLine[]) => void = () => undefined
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

  /** Calls `listener` with what the kernel reports from now on, within `GATHER_MS`, until `close`. */
  follow(listener: (fresh: KernelLine[]) => void): void {
    this.#listener = listener
    if (this.#fd !== null) void this.#follow(this.#fd, openWake())
  }

  /** Takes in what the kernel has reported since the last call. Does not wait. */
  read(): void {
    if (this.#fd === null) return
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
    if (fresh.length > 0) this.#listener(fresh)
  }

  /** Returns the lines since a time in milliseconds since 1970, oldest first. */
  since(from: number): KernelLine[] {
    return this.#lines.filter(({ at }) => at >= from)
  }

  /** Returns the number of records since a time that were overwritten before they could be read, or not kept. */
  lostSince(from: number): number {
    return this.#lost.reduce((sum, { at, count }) => (at >= from ? sum + count : sum), 0)
  }

  close(): void {
    const fd = this.#fd
    this.#fd = null
    // A descriptor must stay open while another thread waits for it.
    if (this.#wake !== null) writeSync(this.#wake, new BigUint64Array([1n]))
    else if (fd !== null) closeSync(fd)
  }

  async #follow(fd: number, wake: number): Promise<void> {
    this.#wake = wake
    while (this.#fd !== null) {
      await whenReadable([fd, wake])
      this.read()
      if (this.#fd !== null) await pause(GATHER_MS)
    }
    this.#wake = null
    closeSync(fd)
    closeDescriptor(wake)
  }

  /** Returns the next record; '': it was overwritten; null: there is none now, or the log has ended. */
  #next(fd: number): string | null {
    try {
      const bytes = readSync(fd, this.#buffer)
      if (bytes > 0) return this.#buffer.toString('utf8', 0, bytes)
      this.close()
      return null
    } catch (error) {
      const code = errorCode(error)
      if (code === 'EAGAIN') return null
      if (code === 'EPIPE') {
        this.#isCut = true
        return dropError(error, 'the next read gives the oldest record that the kernel still has', '')
      }
      this.problem = warnUnlessCode(error, [], `${KMSG} cannot be read`, code)
      this.close()
      return null
    }
  }

  #add(record: string, now: number): void {
    const parsed = parseRecord(record)
    if (parsed === null) return
    const { level, isKernels, sequence, clockUs, text } = parsed
    if (this.#isCut && this.#sequence !== null)
      this.#lost.push({ at: now, count: Math.max(0, sequence - this.#sequence - 1) })
    this.#isCut = false
    this.#sequence = sequence
    if (!isKernels) return
    // Reported between the last read and this one: that corrects the kernel's clock.
    const estimated = this.#epoch + clockUs / 1_000
    const at =
      this.#readAt === null
        ? Math.min(estimated, now)
        : Math.max(Math.min(estimated, now), Math.min(this.#readAt, now))
    this.#epoch += at - estimated
    this.#lines.push({ at: Math.round(at), level, text })
  }

  /** Drops the lines that are too old, and of a flood those in its middle: the first ones have its cause. */
  #forget(now: number): void {
    const from = now - KEPT_MS
    const kept = this.#lines.filter(({ at }) => at >= from)
    const excess = kept.splice(MOST_LINES / 2, kept.length - MOST_LINES)
    this.#lines = kept
    this.#lost = this.#lost.filter(({ at }) => at >= from)
    if (excess.length > 0) this.#lost.push({ at: now, count: excess.length })
  }
}

/**
 * Returns the kernel's last lines in the system's journal, from this start of the computer. For somebody who may not read
 * it, `journalctl` succeeds with no line.
 */
export function readJournal(program = 'journalctl'): Promise<KernelLine[] | 'unreadable' | 'no-program'> {
  const parameters = ['--dmesg', '--output=json', '--no-pager', '--quiet', `--lines=${MOST_LINES}`]
  const options = { timeout: JOURNAL_WITHIN_MS, killSignal: 'SIGKILL' as const, maxBuffer: JOURNAL_BYTES }
  return new Promise((resolve) => {
    execFile(program, parameters, options, (error, output) => {
      if (error !== null) {
        const result = errorCode(error) === 'ENOENT' ? 'no-program' : 'unreadable'
        return resolve(dropError(error, 'the evidence names what could not be read', result))
      }
      const lines = output.split('\n').flatMap((line) => parseJournalLine(line) ?? [])
      resolve(lines.length === 0 ? 'unreadable' : lines)
    })
  })
}

/** Returns a line of `journalctl --output=json`; null: it is not one. */
export function parseJournalLine(line: string): KernelLine | null {
  try {
    const { MESSAGE, PRIORITY, SYSLOG_FACILITY = '0', ...rest } = JSON.parse(line) as Record<string, unknown>
    const at = rest.__REALTIME_TIMESTAMP
    // A program has another facility when it writes to the kernel's log.
    const text = decodeField(MESSAGE)
    if (text === null || typeof at !== 'string' || SYSLOG_FACILITY !== '0') return null
    return {
      at: Math.floor(Number(at) / 1_000),
      level: Number(PRIORITY ?? 6),
      text: text.slice(0, LONGEST_TEXT),
    }
  } catch (error) {
    return dropError(error, 'an empty line ends the output', null)
  }
}

/** `journalctl` gives a text with control characters as its bytes; null: no single text. */
function decodeField(field: unknown): string | null {
  if (typeof field === 'string') return field
  const isBytes = Array.isArray(field) && field.every((byte) => Number.isInteger(byte))
  return isBytes ? Buffer.from(field).toString('utf8') : null
}
