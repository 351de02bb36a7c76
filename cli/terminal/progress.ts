import { createTimeLeft } from '../../core/lib/async/time-left.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { cutTo } from './columns.ts'
import { jsonText } from './json.ts'
import { terminalWords, translate } from './terminal-words.ts'

export interface Amount {
  files: number
  bytes: number
  /** 0 if unknown. */
  totalFiles: number
  totalBytes: number
}

export interface RateLease {
  bytesPerSecond: number
  /** Milliseconds; null if unknown. */
  left: number | null
}

/** Interval of progress lines in JSON, in milliseconds. */
const LINE_EVERY_MS = 1_000
const BAR_CELLS = 24

/** Formats "[######----]  25%  1.2 GiB of 4.8 GiB  310 MiB/s  12 s left  1,024 files" */
export function progressLine(now: Amount, { bytesPerSecond, left }: RateLease): string {
  const share = now.totalBytes > 0 ? Math.min(1, now.bytes / now.totalBytes) : 0
  const cells = Math.round(share * BAR_CELLS)
  return [
    `[${'#'.repeat(cells)}${'-'.repeat(BAR_CELLS - cells)}] ${String(Math.floor(share * 100)).padStart(3)}%`,
    translate('cli.progress.of', { done: now.bytes, all: Math.max(now.bytes, now.totalBytes) }),
    translate('cli.rate', { rate: bytesPerSecond }),
    left === null ? translate('cli.progress.noEnd') : translate('cli.left', { left }),
    translate('cli.progress.files', { files: now.files }),
  ].join('  ')
}

export interface ProgressOutput {
  /** @param pace if it is known better than from these amounts alone. */
  show(now: Amount, pace?: RateLease): void
  /** Prints a line above the bar, or JSON. */
  say(text: string, json: object): void
  /** Prints a warning on standard error. */
  complain(sentence: Message): void
  /** Prints why the task failed, with --json also as JSON. */
  fail(sentence: Message): void
  end(): void
}

function createPace(): (now: Amount) => RateLease {
  const startedAt = performance.now()
  const timeLeft = createTimeLeft()
  let before = { files: 0, bytes: 0 }
  return ({ files, bytes, totalFiles, totalBytes }) => {
    const now = performance.now()
    timeLeft.files(files - before.files, now)
    timeLeft.bytes(bytes - before.bytes, now)
    before = { files, bytes }
    const toGo = { files: Math.max(0, totalFiles - files), bytes: Math.max(0, totalBytes - bytes) }
    const left = totalBytes === 0 ? null : timeLeft.left(toGo, now)
    return { bytesPerSecond: now > startedAt ? (bytes / (now - startedAt)) * 1000 : 0, left }
  }
}

/**
 * Opens a progress bar if standard error is a terminal. Sentences go to standard output; with `json`, JSON lines do.
 */
export function openProgress(json: boolean): ProgressOutput {
  const measurePace = createPace()
  let lineAt = performance.now()
  let isShown = false
  const hasBar = !json && process.stderr.isTTY

  const erase = () => {
    if (isShown) process.stderr.write('\r\x1b[K')
    isShown = false
  }
  const complain = (sentence: Message) => {
    erase()
    console.error(terminalWords(sentence))
  }
  return {
    show(now, pace = measurePace(now)) {
      if (hasBar) {
        const columns = process.stderr.columns || 80
        process.stderr.write(`\r\x1b[K${cutTo(progressLine(now, pace), columns - 1)}`)
        isShown = true
      } else if (json && performance.now() - lineAt >= LINE_EVERY_MS) {
        lineAt = performance.now()
        const bytesPerSecond = Math.round(pace.bytesPerSecond)
        const secondsLeft = pace.left === null ? null : pace.left / 1000
        console.log(JSON.stringify({ ...now, type: 'progress', bytesPerSecond, secondsLeft }))
      }
    },
    say(text, line) {
      erase()
      console.log(json ? jsonText(line) : text)
    },
    complain,
    fail(sentence) {
      complain(sentence)
      if (json) console.log(jsonText({ type: 'failed', sentence }))
    },
    end: erase,
  }
}
