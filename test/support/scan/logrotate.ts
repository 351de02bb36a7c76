import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { readState } from '../agent/two-receivers.ts'
import { startHoldfast } from '../cli/processes.ts'
import { readTree } from '../trees.ts'
import { until } from '../until.ts'

/** The usual ways in which logrotate(8) turns a log over. */
export const rotations = {
  'create with an extension': ['create', 'extension .log'],
  dateext: ['create', 'dateext', 'dateformat -%Y%m%d-%s', 'extension .log'],
  olddir: ['create', 'olddir old'],
  'copytruncate with olddir': ['copytruncate', 'olddir old'],
}

/** The ways to rotate a log. */
export const packings = {
  plain: ['nocompress'],
  compressed: ['compress'],
  delayed: ['compress', 'delaycompress'],
}

/**
 * Logs of one directory, and all the contents that each had when it was turned over.
 * @param keep how many older contents of a log logrotate leaves.
 */
export function openLogs(directory: string, count: number, options: readonly string[], keep: number) {
  mkdirSync(path.join(directory, 'old'), { recursive: true })
  const name = (index: number) => path.join(directory, `app${String(index).padStart(2, '0')}.log`)
  const files = Array.from({ length: count }, (_, index) => name(index))
  const configuration = `${directory}.conf`
  const words = ['missingok', `rotate ${keep}`, ...options].map((word) => `  ${word}\n`).join('')
  // Not *.log: with "extension .log" logrotate would rotate its own rotated logs, which then double each hour.
  const pattern = path.join(directory, 'app[0-9][0-9].log')
  writeFileSync(configuration, `"${pattern}" {\n  su root root\n${words}}\n`, { mode: 0o644 })
  const contents: string[] = []
  return {
    directory,
    files,
    /** Every content that was turned over. */
    contents,
    append(text: string) {
      for (const file of files) appendFileSync(file, `${path.basename(file)} of ${directory}: ${text}\n`)
    },
    /** Runs logrotate once, without waiting for the hour. */
    rotate() {
      contents.push(...files.map((file) => readFileSync(file, 'latin1')))
      execFileSync('logrotate', ['--force', '--state', `${configuration}.state`, configuration], {
        encoding: 'utf8',
      })
    },
  }
}

/** The contents of all files of a store, older versions included, unpacked where they are packed. */
export function contentsOfStore(store: string): string[] {
  const files = readdirSync(store, { recursive: true, withFileTypes: true })
  // Files of the manifest, which come and go while the store is open.
  const own = path.join(store, '.holdfast')
  return files
    .filter((entry) => entry.isFile() && entry.parentPath !== own)
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)))
    .map((bytes) => (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('latin1'))
}

const emptied = ({ incidents }: AppState) => incidents.filter(({ kind }) => kind === 'emptied')
const isAtRest = ({ sources }: AppState, count: number) =>
  sources.length === count &&
  sources.every(({ totals, scanned }) => totals?.waitingFiles === 0 && scanned?.compared === true)

/** Starts an agent that sends directories of logs, each of another name, to its own store. */
export function sendLogs(data: string, sources: readonly { directory: string }[]) {
  startHoldfast(['agent', '--data', data, ...sources.map(({ directory }) => directory)])
  const store = path.join(data, 'store')
  const findCopies = (directory: string) => {
    const found = readdirSync(store, { recursive: true, encoding: 'utf8' })
    return path.join(store, found.find((one) => path.basename(one) === path.basename(directory)) ?? 'none')
  }
  return {
    store,
    /** Waits until the store has every file as it is at its source; an incident about lost contents fails at once. */
    async untilSent(what: string) {
      const sent = async () => {
        const state = await readState(data)
        if (emptied(state).length > 0) return state
        if (!isAtRest(state, sources.length)) return null
        for (const { directory } of sources)
          expect(readTree(findCopies(directory))).toMatchObject(readTree(directory))
        return state
      }
      expect(emptied(await until(what, sent, 120_000))).toEqual([])
    },
  }
}
