import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { holdfast, pairWith, readState, startReceiver, untilState } from '../support/agent/two-receivers.ts'
import { startHoldfast } from '../support/cli/processes.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const SECONDS = Number(process.env.HOLDFAST_STRESS_SECONDS ?? 90)
/** The destinations have so long after the last change; the periodic comparison comes after 300 s. */
const SETTLE_MS = 20_000
const first = Number(process.env.HOLDFAST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const seeds = process.env.HOLDFAST_SEED === undefined ? [first, first + 1, first + 2] : [first]
const script = path.resolve(import.meta.dirname, '../support/faults/stressor.py')

const entrySchema = z.object({
  mode: z.string(),
  attributes: z.record(z.string(), z.string()),
  mtime: z.string().optional(),
  size: z.number().optional(),
  head: z.string().optional(),
  digest: z.string().optional(),
})
type Tree = Record<string, z.infer<typeof entrySchema>>

const python = (words: string[]) =>
  execFileSync('python3', [script, ...words], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
const snapshot = (directory: string): Tree =>
  z.record(z.string(), entrySchema).parse(JSON.parse(python(['snapshot', directory])))

/** Lines that name each entry of `there` that differs from what the source has, and how. */
function findDifferences(source: Tree, there: Tree): string[] {
  return Object.entries(source).flatMap(([name, entry]) => {
    const other = there[name]
    if (other === undefined) return [`${name}: missing`]
    return Object.entries(entry).flatMap(([fact, value]) => {
      const stored = other[fact as keyof typeof other]
      const same = JSON.stringify(value) === JSON.stringify(stored)
      return same ? [] : [`${name}: ${fact} is ${JSON.stringify(stored)}, not ${JSON.stringify(value)}`]
    })
  })
}

test.each(seeds)(
  'stressor: both destinations equal the source 20 s after it stops, seed %i',
  async (seed) => {
    const base = temporaryDirectory('stressor')
    const [source, data, folder] = ['source', 'data', 'folder'].map((name) => path.join(base, name)) as [
      string,
      string,
      string,
    ]
    for (const directory of [source, folder]) mkdirSync(directory)
    const receiver = await startReceiver('nas')
    await pairWith(receiver, data, 'station')
    await holdfast(['destinations', 'add', 'folder', folder, '--name', 'disk', '--data', data])
    startHoldfast(['agent', '--data', data, source])
    await untilState(data, 'the agent to watch', ({ sources }) => sources[0]?.scanned?.phase === 'watching')

    console.log(`stressor: seed ${seed} (HOLDFAST_SEED=${seed} repeats it), ${SECONDS} s`)
    const run = await promisify(execFile)('python3', [script, 'run', source, String(SECONDS), String(seed)])
    await delay(SETTLE_MS)
    const state = await readState(data)
    const expected = snapshot(source)
    console.log(
      `stressor: ${run.stdout}; ${Object.keys(expected).length} entries, status ${state.status.level}`,
    )
    expect(state.sources[0]?.scanned?.held ?? null).toBeNull()
    // Later changes would come too late.
    await sendCommand(data, 'pause', { minutes: 60 })

    for (const name of ['nas', 'disk']) {
      const restored = path.join(base, `restored-${name}`)
      const back = startHoldfast(['restore', 'source', '--from', name, '--to', restored, '--data', data])
      const code = await back.ended(120_000)
      const differences = findDifferences(expected, snapshot(restored))
      expect(differences.slice(0, 25), `${name}: ${differences.length} differ; ${back.err()}`).toEqual([])
      expect(code, back.err()).toBe(0)
    }
    for (const store of [receiver.store, folder]) {
      const { read, torn } = z
        .object({ read: z.number(), torn: z.string().array() })
        .parse(JSON.parse(python(['torn', store])))
      console.log(`stressor: ${read} stored contents read, ${torn.length} torn`)
      expect(torn).toEqual([])
    }
  },
)
