import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { commandScript } from '../../build/setup/command.mjs'
import { GUARD } from '../../build/setup/guard.mjs'
import { median, type Row } from './row.ts'

const RUNS = 25
/** The path check protocol's own suite asks for the first check of so many paths within 0.1 s. */
const PATHS = [1, 16, 32, 64, 128]
const FIRST_CHECKS_MS = 100
const CHECK_RUNS = 5
const root = path.resolve(import.meta.dirname, '../..')

/** Measures how long short commands take from start to end, against a bare Node.js, in turns. */
export async function* run(): AsyncGenerator<Row> {
  const cache = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const { script } = await commandScript(process.execPath)
  const launcher = path.join(root, 'build/holdfast.mjs')
  const bare = { words: ['-e', '0'], times: [] as number[] }
  const commands = [
    { metric: 'holdfast --help', words: [script, '--help'], times: [] as number[] },
    { metric: 'holdfast --help, in the checkout', words: [launcher, '--help'], times: [] as number[] },
    { metric: 'holdfast --version', words: [script, '--version'], times: [] as number[] },
    { metric: 'holdfast folders --help', words: [script, 'folders', '--help'], times: [] as number[] },
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
    yield* compare(bare.times, commands)
    yield* measureFirstChecks(script, cache)
  } finally {
    rmSync(cache, { recursive: true, force: true })
  }
}

function compare(bare: readonly number[], commands: readonly { metric: string; times: number[] }[]): Row[] {
  const reference = { name: 'node -e 0', value: median(bare) }
  return commands.map(({ metric, times }): Row => {
    const target = metric.includes('--help') ? { atMost: 3 } : null
    return { metric, value: median(times), unit: 'ms', reference, target }
  })
}

async function* measureFirstChecks(script: string, directory: string): AsyncGenerator<Row> {
  const files = path.join(directory, 'files')
  mkdirSync(files)
  const all = Array.from({ length: Math.max(...PATHS) }, (_, index) => path.join(files, `${index}`))
  for (const file of all) writeFileSync(file, 'x'.repeat(4096))
  for (const count of PATHS) {
    const times: number[] = []
    for (let turn = 0; turn < CHECK_RUNS; turn += 1)
      times.push(await measureFirstCheck(script, directory, all.slice(0, count)))
    const metric = `holdfast check --pipe: start to first check of ${count}`
    const target = { atMost: FIRST_CHECKS_MS }
    yield { metric, value: median(times), unit: 'ms', reference: null, target }
  }
}

/** Returns the time from the start of the command, as a package starts it, to the last first check. */
async function measureFirstCheck(script: string, cache: string, paths: readonly string[]): Promise<number> {
  const startedAt = performance.now()
  const check = spawn('/bin/sh', ['-c', GUARD, 'holdfast', process.execPath, script, 'check'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
  })
  check.stdin.write(paths.map((one) => `start ${one} 3600\n`).join(''))
  let rest = ''
  let checked = 0
  const delay = await new Promise<number>((resolve) => {
    check.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      checked += lines.filter((line) => line.startsWith('check ')).length
      if (checked === paths.length) resolve(performance.now() - startedAt)
    })
  })
  check.stdin.end()
  return delay
}
