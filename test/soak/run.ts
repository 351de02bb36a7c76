// `npm run soak -- [--minutes 20] [--seed N]`: ten sources, faults and repairs at random. Memory, descriptors and threads
// must be flat in the second half, and everything at the receiver in the end. Writes docs/soak.md. Needs root (mounts).
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../core/agent/state/schema.ts'
import { until } from '../support/until.ts'
import { createRandom, strike } from './faults.ts'
import { computeTrend, measured, type Sample, takeSample } from './samples.ts'
import { openWorld, type World } from './world.ts'

const SAMPLE_EVERY_MS = 2_000
const ANSWER_EVERY_MS = 5_000
/** A line that rises by more than this share of the mean is a leak. */
const FLAT = 0.1

/** Files of the sources that are not at the receiver as they are here. */
function missing({ sources, store }: World): string[] {
  const [folder] = readdirSync(store).filter((name) => name !== '.holdfast')
  return sources.flatMap((source) =>
    readdirSync(source).filter((name) => {
      const there = path.join(store, folder ?? '', path.basename(source), name)
      return !existsSync(there) || !readFileSync(there).equals(readFileSync(path.join(source, name)))
    }),
  )
}

/**
 * Many files that change at once are held until a person says that it is meant. Here it is; while the agent is away nobody
 * answers, and it is said again.
 */
async function answer({ data }: World, held: { count: number }): Promise<void> {
  try {
    const { state } = stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {}))
    for (const { settings, scanned } of state.sources) {
      if (scanned?.held == null) continue
      held.count += 1
      await sendCommand(data, 'sendAsItIs', { id: settings.id })
    }
  } catch {
    // It was killed just now.
  }
}

async function soak(world: World, minutes: number, random: () => number) {
  const counts = new Map<string, number>()
  const samples: Sample[] = []
  const beginning = Date.now()
  const held = { count: 0 }
  const answering = setInterval(() => void answer(world, held), ANSWER_EVERY_MS)
  const sampling = setInterval(() => {
    const pids = world.pids()
    const sample = pids.length < 2 ? null : takeSample(pids, (Date.now() - beginning) / 1000)
    if (sample !== null) samples.push(sample)
  }, SAMPLE_EVERY_MS)
  while (Date.now() - beginning < minutes * 60_000) {
    await strike(world, random, counts)
    await delay(200 + random() * 1_300)
  }
  clearInterval(sampling)
  const repaired = Date.now()
  let left: string[] = []
  await until(
    'everything at the receiver',
    () => {
      left = missing(world)
      return left.length === 0
    },
    300_000,
  ).catch(() => undefined)
  clearInterval(answering)
  counts.set('a source held, and sent unchanged', held.count)
  return { counts, samples, left, seconds: (Date.now() - repaired) / 1000 }
}

type Soaked = Awaited<ReturnType<typeof soak>>

function report(
  minutes: number,
  seed: number,
  { counts, samples, left, seconds }: Soaked,
): [string, boolean] {
  const trends = measured.map((what) => ({ what, ...computeTrend(samples, what) }))
  const rows = trends.map(
    ({ what, mean, rise }) =>
      `| ${what} | ${mean.toFixed(1)} | ${(rise * 100).toFixed(1)} % | at most 10 % |`,
  )
  const isWell = left.length === 0 && trends.every(({ rise }) => rise <= FLAT)
  const lines = [
    '# Soak',
    '',
    'Written by `npm run soak`. An agent with ten sources, each on a separate file system, and its receiver run while the',
    'events of the second table happen at random. The first table covers the second half of the time, and all processes of',
    'both; "rise" is that of a straight line through the samples, as a share of the mean.',
    '',
    `${minutes} minutes, seed ${seed}, ${samples.length} samples: ${isWell ? 'passed' : 'FAILED'}.`,
    left.length === 0
      ? `Everything was at the receiver ${seconds.toFixed(0)} s after the last fault, each byte compared.`
      : `${left.length} files were not at the receiver ${seconds.toFixed(0)} s after the last fault.`,
    '',
    '| | mean | rise | wanted |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    '| event | times |',
    '| --- | --- |',
    ...[...counts].sort(([, one], [, other]) => other - one).map(([name, count]) => `| ${name} | ${count} |`),
  ]
  return [`${lines.join('\n')}\n`, isWell]
}

async function main(): Promise<number> {
  const options = { minutes: { type: 'string', default: '20' }, seed: { type: 'string' } } as const
  const { values } = parseArgs({ options })
  const minutes = Number(values.minutes)
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))
  if (!(minutes > 0) || !Number.isInteger(seed)) {
    console.error('usage: npm run soak -- [--minutes 20] [--seed N]')
    return 2
  }
  console.log(`seed ${seed}, ${minutes} minutes`)
  const world = await openWorld()
  try {
    world.startAgent()
    const [text, isWell] = report(minutes, seed, await soak(world, minutes, createRandom(seed)))
    console.log(text)
    writeFileSync(path.resolve(import.meta.dirname, '../../docs/soak.md'), text)
    return isWell ? 0 : 1
  } finally {
    await world.end()
  }
}

process.exit(await main())
