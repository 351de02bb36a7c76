import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { commandScript } from '../../build/setup/command.mjs'
import { median, type Row } from './row.ts'

const RUNS = 25
const root = path.resolve(import.meta.dirname, '../..')

/** Measures how long short commands take from start to end, against a bare Node.js, in turns. */
export async function run(): Promise<Row[]> {
  const cache = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const { script } = await commandScript(process.execPath)
  const launcher = path.join(root, 'build/holdfast.mjs')
  const bare = { words: ['-e', '0'], times: [] as number[] }
  const commands = [
    { metric: 'holdfast --help', words: [script, '--help'], times: [] as number[] },
    { metric: 'holdfast --help, in the checkout', words: [launcher, '--help'], times: [] as number[] },
    { metric: 'holdfast --version', words: [script, '--version'], times: [] as number[] },
    { metric: 'holdfast paths --help', words: [script, 'paths', '--help'], times: [] as number[] },
  ]
  try {
    const env = { ...process.env, NODE_COMPILE_CACHE: cache }
    // The first start of each fills the cache of compiled code.
    for (let turn = 0; turn <= RUNS; turn += 1)
      for (const { words, times } of [bare, ...commands]) {
        const startedAt = performance.now()
        const { status } = spawnSync(process.execPath, words, { env })
        if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}`)
        if (turn > 0) times.push(performance.now() - startedAt)
      }
  } finally {
    rmSync(cache, { recursive: true, force: true })
  }
  const reference = { name: 'node -e 0', value: median(bare.times) }
  return commands.map(({ metric, times }): Row => {
    const target = metric.startsWith('holdfast --help') ? { atMost: 3 } : null
    return { metric, value: median(times), unit: 'ms', reference, target }
  })
}
