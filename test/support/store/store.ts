import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { startStoreReceiver } from '../../../core/receive/receiver.ts'
import { readManifestFile } from '../../../core/store/manifest/manifest.ts'
import { openRows } from '../../../core/store/manifest/rows.ts'
import { DEFAULT_RULES, type StoreRules } from '../../../core/store/quota/admission.ts'
import { commandScript } from '../cli/command-script.ts'
import { pairBefore } from '../transfer/pair-before.ts'
import { type Home, receiverConfig, receiverParts } from '../transfer/transfer.ts'

const run = promisify(execFile)

/** Runs a `holdfast` command to its end: its exit code, its JSON lines, and what it said on standard error. */
export async function runStoreCommand(...words: string[]) {
  const lines = (out: string): Record<string, unknown>[] =>
    out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  const options = { env: { ...process.env, LANG: 'C' }, maxBuffer: 64 * 1024 * 1024 }
  try {
    const { stdout, stderr } = await run(process.execPath, [commandScript, ...words, '--json'], options)
    return { code: 0, lines: lines(stdout), err: stderr }
  } catch (error) {
    const failed = error as { code: number; stdout: string; stderr: string }
    return { code: failed.code, lines: lines(failed.stdout), err: failed.stderr }
  }
}

/** What `holdfast verify` found, as "kind place", in order, and its exit code. */
export async function runVerify(store: string, ...words: string[]) {
  const { code, lines, err } = await runStoreCommand('verify', store, ...words)
  const found = lines.filter(({ type }) => type === 'finding').map(({ kind, place }) => `${kind} ${place}`)
  return { code, found: found.sort(), summary: lines.find(({ type }) => type === 'summary'), err }
}

/** A receiver in the test's own process that trusts these homes, as sender-1, sender-2, …, with rules of its own. */
export async function startRuled(
  store: string,
  homes: readonly Home[],
  rules: Partial<StoreRules>,
  port = 0,
) {
  const log: string[] = []
  await pairBefore(store, receiverConfig(store, homes).paired)
  const receiver = await startStoreReceiver(
    {
      ...receiverParts,
      storeDirectory: store,
      host: '127.0.0.1',
      port,
      name: 'receiver',
      rules: { ...DEFAULT_RULES, ...rules },
    },
    { log: (level, text) => log.push(`${level} ${text}`) },
  )
  onTestFinished(() => receiver.close())
  return { receiver, log }
}

/** The manifest's totals as they are on disk now; null while there are none. */
export function manifestTotals(store: string) {
  const database = readManifestFile(path.join(store, '.holdfast', 'manifest.db'))
  try {
    const [first] = database === null ? [] : openRows(database).totals()
    return first === undefined ? null : { folder: first[0], ...first[1] }
  } finally {
    database?.close()
  }
}

/** Waits for what the manifest has taken in. */
export const hasTotals = (store: string, files: number, bytes?: number) => () => {
  const totals = manifestTotals(store)
  return totals?.files === files && (bytes === undefined || totals.bytes === bytes)
}

/** The names of a file's versions, oldest first. */
export function listVersions(store: string, origin: string): string[] {
  const directory = path.join(store, '.holdfast', 'versions', origin)
  return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : []
}
