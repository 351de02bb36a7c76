import { formatBytes, formatDuration } from '../core/words/formats.ts'
import { jsonText } from './json.ts'

export interface Amount {
  files: number
  bytes: number
  /** 0: not known. */
  totalFiles: number
  totalBytes: number
}

/** Before this nobody knows how fast it will be: a first file would make days of it, in milliseconds. */
const RATE_KNOWN_AFTER_MS = 3_000
/** JSON lines tell of progress this often, in milliseconds. */
const LINE_EVERY_MS = 1_000
const BAR_CELLS = 24

/** "[######----]  25%  1.2 GiB of 4.8 GiB  310 MiB/s  12 s left  1,024 files" */
export function progressLine(now: Amount, elapsedMs: number): string {
  const share = now.totalBytes > 0 ? Math.min(1, now.bytes / now.totalBytes) : 0
  const cells = Math.round(share * BAR_CELLS)
  const rate = elapsedMs > 0 ? (now.bytes / elapsedMs) * 1000 : 0
  const left = leftMs(now, elapsedMs)
  return [
    `[${'#'.repeat(cells)}${'-'.repeat(BAR_CELLS - cells)}] ${String(Math.floor(share * 100)).padStart(3)}%`,
    `${formatBytes(now.bytes, 'en')} of ${formatBytes(Math.max(now.bytes, now.totalBytes), 'en')}`,
    `${formatBytes(rate, 'en')}/s`,
    left === null ? 'no end known' : `${formatDuration(left, 'en')} left`,
    `${now.files} files`,
  ].join('  ')
}

/** Milliseconds that it takes still, as fast as it was so far; null: not known. */
export function leftMs({ bytes, totalBytes }: Amount, elapsedMs: number): number | null {
  if (elapsedMs < RATE_KNOWN_AFTER_MS || bytes === 0 || totalBytes === 0) return null
  return (Math.max(0, totalBytes - bytes) / bytes) * elapsedMs
}

export interface ProgressOutput {
  show(now: Amount): void
  /** Says a line above the bar, or in its place as JSON. */
  say(text: string, json: object): void
  end(): void
}

/**
 * A bar where standard error is a terminal, and sentences on standard output; where it is asked for, JSON lines there.
 */
export function openProgress(json: boolean): ProgressOutput {
  const startedAt = performance.now()
  let lineAt = startedAt
  let isShown = false
  const hasBar = !json && process.stderr.isTTY

  const erase = () => {
    if (isShown) process.stderr.write('\r\x1b[K')
    isShown = false
  }
  return {
    show(now) {
      const elapsedMs = performance.now() - startedAt
      if (hasBar) {
        const columns = process.stderr.columns || 80
        process.stderr.write(`\r\x1b[K${progressLine(now, elapsedMs).slice(0, columns - 1)}`)
        isShown = true
      } else if (json && performance.now() - lineAt >= LINE_EVERY_MS) {
        lineAt = performance.now()
        const bytesPerSecond = Math.round((now.bytes / elapsedMs) * 1000)
        const left = leftMs(now, elapsedMs)
        const secondsLeft = left === null ? null : left / 1000
        console.log(JSON.stringify({ ...now, type: 'progress', bytesPerSecond, secondsLeft }))
      }
    },
    say(text, line) {
      erase()
      console.log(json ? jsonText(line) : text)
    },
    end: erase,
  }
}
