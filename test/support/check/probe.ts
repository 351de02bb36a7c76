import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { onTestFinished } from 'vitest'

const command = path.resolve(import.meta.dirname, './cli.ts')

/** Runs `holdfast probe …` to its end. */
export async function probe(
  ...words: string[]
): Promise<{ code: number; out: string; err: string; ms: number }> {
  const started = performance.now()
  const child = spawn(process.execPath, [command, 'probe', ...words], { env: { ...process.env, LANG: 'C' } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, out, err, ms: performance.now() - started }
}
