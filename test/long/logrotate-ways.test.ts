import path from 'node:path'
import { expect, test } from 'vitest'
import { contentsOfStore, openLogs, packings, rotations, sendLogs } from '../support/scan/logrotate.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const LOGS = 15
const ROUNDS = 3

test.each(Object.entries(rotations))(
  'rotated logs: real logrotate with %s raises no incident and loses no content',
  async (way, options) => {
    const parent = temporaryDirectory(`logrotate ${way}`)
    const data = temporaryDirectory('logrotate-data')
    const sources = Object.entries(packings).map(([packing, more]) =>
      openLogs(path.join(parent, packing), LOGS, [...options, ...more], 2),
    )
    for (const logs of sources) logs.append('the beginning')
    const { untilSent, store } = sendLogs(data, sources)
    await untilSent('the logs to be sent')
    for (let round = 0; round < ROUNDS; round += 1) {
      // Longer in one round and shorter in another, and not sent yet in every second.
      for (const logs of sources) logs.append(`round ${round} ${'x'.repeat(200 * ((round * 2) % 3))}`)
      if (round % 2 === 0) await untilSent(`round ${round} to be sent`)
      for (const logs of sources) logs.rotate()
      await untilSent(`the logs of round ${round} to be sent`)
    }
    const kept = new Set(contentsOfStore(store))
    for (const { contents } of sources) {
      expect(contents).toHaveLength(LOGS * ROUNDS)
      expect(contents.filter((content) => !kept.has(content))).toEqual([])
    }
  },
  240_000,
)
