import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { BEGINNING } from '../../core/events/cloud-event.ts'
import { watchEvents } from '../../core/events/event-thread.ts'
import { EventReader } from '../../core/events/reader.ts'
import { quantile, type Row } from './row.ts'
import { bundleEnds, offerAll, sendWithHoldfast } from './transfer-ends.ts'
import { type Load, settle, writeLoad } from './write-load.ts'

const LOAD: Load = { name: '20,000 × 4 KiB', files: 20_000, bytes: 4096, runs: 3 }
const BEFORE: Load = { name: '5,000 × 4 KiB', files: 5_000, bytes: 4096, runs: 1 }
const EVERY_MS = 1_000

/** Sending with events and a follower, against the same transfer whose ledger writes none. */
export async function run(): Promise<Row[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const [ends, before, source] = ['ends', 'before', 'source'].map((name) => path.join(directory, name))
  if (ends === undefined || before === undefined || source === undefined) return []
  const seconds: Record<'with' | 'without', number[]> = { with: [], without: [] }
  /** The 99th percentile of each run. */
  const delays: number[] = []
  const counts: number[] = []
  try {
    await bundleEnds(ends)
    writeLoad(BEFORE, before)
    writeLoad(LOAD, source)
    for (let round = 0; round < LOAD.runs; round += 1) {
      for (const kind of round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
        const place = path.join(directory, `${kind}-${round}`)
        mkdirSync(place)
        settle()
        const follower = kind === 'with' ? follow(place) : null
        const sent = await sendWithHoldfast({
          ...{ ends, source, before, directory: place },
          prepare: (ledger, destination) => {
            if (kind === 'without') withoutEvents(path.join(place, 'ledger.db'))
            return offerAll(ledger, 's', source, destination)
          },
        })
        seconds[kind].push(sent.seconds)
        const found = (await follower?.stop()) ?? []
        if (kind === 'without') continue
        counts.push(found.length)
        delays.push(quantile(found, 0.99))
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  // Other programs can only make a run slower: the best one counts.
  const [mine, theirs] = [Math.min(...seconds.with), Math.min(...seconds.without)]
  return [
    {
      metric: `${LOAD.name}, with events and a follower`,
      value: mine,
      unit: 's',
      reference: { name: 'without events', value: theirs },
      target: { atMost: 1.03 },
    },
    {
      metric: 'files with an event',
      value: LOAD.files / mine,
      unit: '1/s',
      reference: null,
      target: { atLeast: 5_000 },
    },
    {
      metric: 'durable to event, p99',
      value: Math.min(...delays),
      unit: 'ms',
      reference: null,
      target: { atMost: 100 },
    },
    {
      metric: 'events that a run lacks',
      value: Math.max(...counts.map((count) => LOAD.files - count)),
      unit: '',
      reference: null,
      target: { atMost: 0 },
    },
  ]
}

function withoutEvents(file: string): void {
  const database = new DatabaseSync(file)
  database.exec('DROP TRIGGER event_durable')
  database.close()
}

/** Follows as `holdfast events --follow` does; returns the delays of the load's events. */
function follow(directory: string) {
  const at = (name: string) => path.join(directory, name)
  const reader = new EventReader({ ledger: at('ledger.db'), alerts: at('alerts.db') })
  const delays: number[] = []
  let place = BEGINNING
  const read = () => {
    for (let more = true; more; ) {
      const page = reader.read(place, { types: ['file.durable'], sources: ['s'] })
      for (const event of page.events) if (event.log === 'ledger') delays.push(Date.now() - event.row.at)
      place = page.cursor
      more = page.more
    }
  }
  const unwatch = watchEvents(directory, read)
  const timer = setInterval(read, EVERY_MS)
  return {
    stop: async () => {
      read()
      unwatch()
      clearInterval(timer)
      reader.close()
      return delays
    },
  }
}
