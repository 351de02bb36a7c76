import { spawn } from 'node:child_process'
import { onTestFinished } from 'vitest'
import { commandScript } from '../cli/command-script.ts'
import { until } from '../until.ts'

/** Runs `holdfast check …` to its end. */
export async function probe(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [commandScript, 'check', ...words], {
    env: { ...process.env, LANG: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  let code: number | null = null
  child.once('close', (ended) => {
    code = ended
  })
  // Not longer than a test can thaw its disk again.
  return { code: await until('the probe to end', () => code), out, err }
}
