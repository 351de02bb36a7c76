import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { type RunningCommand, startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const FILES = ['file0', 'file1', 'file2']
const MARKS = /(^|\/)(\.holdfast.*|finished\.(parse|watch))$/

/** A batch root and the data directory of the runs on it, whose own store gets the files. */
class Place {
  readonly root = path.join(temporaryDirectory('once-root'), 'datas')
  readonly data = temporaryDirectory('once-data')

  constructor() {
    for (const name of ['DC1', 'DC2']) this.fill(name)
    this.close('DC1')
    for (const [index, name] of ['DC1', 'DC2'].entries())
      utimesSync(path.join(this.root, name), 1_700_000_000 + index, 1_700_000_000 + index)
  }

  fill(name: string): void {
    const directory = path.join(this.root, name)
    mkdirSync(directory, { recursive: true })
    for (const file of FILES)
      writeFileSync(path.join(directory, file), `${name}/${file}\n`.repeat(50), { mode: 0o644 })
  }

  close(name: string): void {
    writeFileSync(path.join(this.root, name, 'finished.parse'), '')
  }

  has(name: string): boolean {
    return existsSync(path.join(this.root, name))
  }

  /** What a directory holds, and what of it is stored. */
  files = (name = ''): Record<string, string> => readTree(path.join(this.root, name), MARKS)

  stored(): Record<string, string> {
    const store = path.join(this.data, 'store')
    if (!existsSync(store)) return {}
    const within = /^.*?\/datas\//
    return Object.fromEntries(
      Object.entries(readTree(store, MARKS)).map(([name, digest]) => [name.replace(within, ''), digest]),
    )
  }

  start = (): RunningCommand =>
    startHoldfast(['send', '--once', '--prefix', 'DC', '--data', this.data, this.root])
}

/** What may happen while a run is under way. */
const events: Record<string, (place: Place) => void> = {
  'finished.parse in the newest': (place) => place.close('DC2'),
  'a last file and finished.parse in the newest': (place) => {
    writeFileSync(path.join(place.root, 'DC2/last'), 'last', { mode: 0o644 })
    place.close('DC2')
  },
  'a newer directory': (place) => place.fill('DC3'),
}

/** Between which of its steps: each is seen from outside. */
const moments: Record<string, (place: Place) => boolean> = {
  'right at its start': () => true,
  'its first file is stored': (place) => Object.keys(place.stored()).length > 0,
  'the closed directory has its mark': (place) => place.has('DC1/finished.watch'),
}

/** Each event once, each at another moment. */
const cases = Object.keys(events).map((event, index) => ({
  event,
  moment: Object.keys(moments)[index] ?? '',
}))

/** A mark says that all that is in its directory is durable. */
function expectTrueMarks(place: Place): void {
  const stored = place.stored()
  for (const name of ['DC1', 'DC2', 'DC3'].filter((one) => place.has(`${one}/finished.watch`)))
    for (const [file, digest] of Object.entries(place.files(name)))
      expect([name, file, stored[`${name}/${file}`]]).toEqual([name, file, digest])
}

describe('`send --once` on a batch root that changes during the run', () => {
  test.each(cases)(
    'change “$event” at “$moment”: the next run sends the rest, and marks only stored directories',
    async ({ event, moment }) => {
      const place = new Place()
      const before = place.files()
      const first = place.start()
      await until(moment, () => moments[moment]?.(place))
      events[event]?.(place)
      expect(first.child.exitCode).toBeNull()
      expect(await first.ended(), first.err()).toBe(0)
      expect(place.stored()).toMatchObject(before)
      expect(place.has('DC1/finished.watch')).toBe(true)
      expectTrueMarks(place)
      // Whatever the first run did not wait for the next one finds.
      const second = place.start()
      expect(await second.ended(), second.err()).toBe(0)
      expect(place.stored()).toEqual(place.files())
      for (const name of ['DC1', 'DC2']) expect(place.has(`${name}/finished.watch`), name).toBe(true)
      expect(place.has('DC3/finished.watch')).toBe(false)
      expectTrueMarks(place)
    },
    60_000,
  )
})
