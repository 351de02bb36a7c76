import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const MARKS = /(^|\/)(\.holdfast.*|finished\.(parse|watch))$/
const NAMES = ['DC1', 'DC2', 'DC3']
const LAST = 'DC3'

/** A station as in isocket's edx tests: a producer's batch directories, and the agent that sends them. */
class Station {
  readonly root: string
  readonly data: string
  readonly name: string
  #written = 0

  constructor(name: string) {
    this.name = name
    this.root = path.join(temporaryDirectory(name), 'datas')
    this.data = temporaryDirectory(`${name}-data`)
    mkdirSync(this.root)
  }

  /** Makes the next batch directory, newer than those before by its time stamp. */
  open(batch: string): void {
    mkdirSync(path.join(this.root, batch))
    const stamp = Date.now() / 1000 - 100 + NAMES.indexOf(batch)
    utimesSync(path.join(this.root, batch), stamp, stamp)
  }

  write(batch: string, count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#written += 1
      const content = Buffer.alloc(100 + this.#written * 37, `${this.name}${this.#written}`)
      writeFileSync(path.join(this.root, batch, `file${this.#written}`), content)
    }
  }

  close(batch: string): void {
    writeFileSync(path.join(this.root, batch, 'finished.parse'), '')
  }

  isMarked(batch: string): boolean {
    return existsSync(path.join(this.root, batch, 'finished.watch'))
  }

  /** What the agent says of the batch directories. */
  async batches() {
    const answer = await sendCommand(this.data, 'snapshot', {})
    return stateSnapshotSchema.parse(answer).state.sources[0]?.scanned?.batches ?? []
  }

  async pair(store: string): Promise<void> {
    const pairing = startHoldfast(['pair', '--store', store])
    const [code] = await pairing.says(/holdfast:\/\/\S+/)
    const paired = startHoldfast(['pair', code, '--data', this.data, '--name', this.name])
    expect(await paired.ended(), paired.err()).toBe(0)
  }

  start() {
    return startHoldfast(['agent', '--data', this.data, '--batch', '--prefix', 'DC', this.root])
  }
}

async function receiver() {
  const store = path.join(temporaryDirectory('store'), 'drms')
  const receiving = startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'])
  await receiving.says(/holdfast:\/\//)
  return { store, process: receiving.child }
}

/** Where the store keeps what a station sent. */
function received(store: string, station: Station): string {
  return path.join(store, station.name, 'datas')
}

/** Fills the batch directories while the agent runs, closing each when the next one begins; the last stays open. */
async function produce(station: Station, store: string): Promise<void> {
  for (const batch of NAMES) {
    station.open(batch)
    station.write(batch, 20)
    await until(`${batch} to be sent while it is written`, () => {
      const directory = path.join(received(store, station), batch)
      return existsSync(directory) && readdirSync(directory).length >= 20
    })
    expect(station.isMarked(batch)).toBe(false)
    station.write(batch, 20)
    if (batch !== LAST) station.close(batch)
  }
}

/** The last batch is closed while the receiver is stopped: nothing of it can be durable, so nothing is marked. */
async function closeLast(stations: Station[], receiving: ChildProcess): Promise<void> {
  receiving.kill('SIGSTOP')
  try {
    for (const station of stations) {
      station.write(LAST, 20)
      station.close(LAST)
    }
    for (const station of stations) {
      await until(`${station.name} to know that ${LAST} is closed and waits`, async () => {
        const batch = (await station.batches()).find(({ name }) => name === LAST)
        return batch?.phase === 'closing' && batch.waiting >= 20
      })
      expect(station.isMarked(LAST)).toBe(false)
    }
  } finally {
    receiving.kill('SIGCONT')
  }
}

async function expectSent(station: Station, store: string): Promise<void> {
  for (const batch of NAMES) {
    await until(`${batch} to be marked as sent`, () => station.isMarked(batch))
  }
  expect(Object.keys(readTree(station.root, MARKS))).toHaveLength(140)
  expect(readTree(received(store, station), MARKS)).toEqual(readTree(station.root, MARKS))
  expect(Object.keys(readTree(received(store, station), /$^/)).filter((name) => MARKS.test(name))).toEqual([])
}

describe('stations in live operation', () => {
  it('edx1: one station and one receiver store and mark three batch directories', async () => {
    const { store, process } = await receiver()
    const station = new Station('ed1')
    await station.pair(store)
    station.start()
    await produce(station, store)
    await closeLast([station], process)
    await expectSent(station, store)
  })

  it('edx2: two stations share one receiver; stopping one leaves the other unaffected', async () => {
    const { store, process } = await receiver()
    const [one, two] = [new Station('ed1'), new Station('ed2')]
    await one.pair(store)
    await two.pair(store)
    const first = one.start()
    two.start()
    await Promise.all([produce(one, store), produce(two, store)])
    first.child.kill('SIGTERM')
    expect(await first.ended()).toBe(0)
    await closeLast([two], process)
    await expectSent(two, store)
    one.start()
    await closeLast([one], process)
    await expectSent(one, store)
  })
})
