import { randomFillSync } from 'node:crypto'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { World } from './world.ts'

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** So many files a source has at most: what grows then is not the work. */
const MOST_FILES = 60
const LARGEST = 200_000

type Fault = (world: World, random: () => number) => void | Promise<void>

const pickOne = <T>(all: readonly T[], random: () => number): T | undefined =>
  all[Math.floor(random() * all.length)]

const content = (random: () => number) => randomFillSync(Buffer.alloc(1 + Math.floor(random() * LARGEST)))

/** A file of a source, if it has one. */
function pickFile(world: World, random: () => number): string | undefined {
  const source = pickOne(world.sources, random) ?? ''
  const name = pickOne(readdirSync(source), random)
  return name === undefined ? undefined : path.join(source, name)
}

function write(world: World, random: () => number): void {
  const source = pickOne(world.sources, random) ?? ''
  for (let count = 0; count < 5; count += 1)
    writeFileSync(path.join(source, `file-${Math.floor(random() * MOST_FILES)}`), content(random))
}

const onFile =
  (does: (file: string, random: () => number) => void): Fault =>
  (world, random) => {
    const file = pickFile(world, random)
    if (file !== undefined) does(file, random)
  }

/** What happens, and how many times as often as the rarest. */
const faults: readonly [string, number, Fault][] = [
  ['five files written', 20, write],
  ['a file changed', 8, onFile((file, random) => writeFileSync(file, content(random)))],
  ['a file emptied', 2, onFile((file) => writeFileSync(file, ''))],
  ['a file removed', 4, onFile((file) => rmSync(file))],
  ['the connection cut', 3, (world) => world.cut()],
  [
    'a disk read-only for a while',
    2,
    async (world, random) => {
      const source = pickOne(world.sources, random) ?? ''
      world.remount(source, 'ro')
      await delay(2_000 + random() * 4_000)
      world.remount(source, 'rw')
    },
  ],
  [
    'the receiver killed and started again',
    1,
    async (world, random) => {
      await world.kill('receiver')
      await delay(random() * 4_000)
      world.startReceiver()
    },
  ],
  [
    'the agent killed and started again',
    1,
    async (world, random) => {
      await world.kill('agent')
      await delay(random() * 4_000)
      world.startAgent()
    },
  ],
]

const TOTAL = faults.reduce((sum, [, weight]) => sum + weight, 0)

/** Does one of them, and counts it by its name. */
export async function strike(world: World, random: () => number, counts: Map<string, number>): Promise<void> {
  let left = random() * TOTAL
  const found = faults.find(([, weight]) => {
    left -= weight
    return left < 0
  })
  if (found === undefined) return
  const [name, , does] = found
  counts.set(name, (counts.get(name) ?? 0) + 1)
  await does(world, random)
}
