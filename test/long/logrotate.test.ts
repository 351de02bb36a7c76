import path from 'node:path'
import { expect, test } from 'vitest'
import { contentsOfStore, openLogs, packings, rotations, sendLogs } from '../support/scan/logrotate.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { readTree } from '../support/trees.ts'

const HOURS = 24
const LOGS = 40

test('rotated logs: a day of 40 logs, rotated each hour in four ways, raises no incident and loses no content', async () => {
  const parent = temporaryDirectory('logrotate-day')
  const data = temporaryDirectory('logrotate-day-data')
  const kinds = Object.values(packings)
  const sources = Object.entries(rotations).map(([way, options], index) =>
    openLogs(path.join(parent, way), LOGS, [...options, ...(kinds[index % kinds.length] ?? [])], 4),
  )
  const { untilSent, store } = sendLogs(data, sources)
  for (let hour = 0; hour < HOURS; hour += 1) {
    // Busy hours by day, quiet ones at night.
    const lines = hour < 6 ? 1 : 10 + hour
    for (const logs of sources)
      logs.append(Array.from({ length: lines }, (_, line) => `hour ${hour}, request ${line}`).join('\n'))
    if (hour % 2 === 0) await untilSent(`the logs of hour ${hour} to be sent`)
    for (const logs of sources) logs.rotate()
    await untilSent(`the rotated logs of hour ${hour} to be sent`)
  }
  const all = contentsOfStore(store)
  const kept = new Set(all)
  const missing = sources.flatMap(({ contents }) => contents.filter((content) => !kept.has(content)))
  expect(missing).toEqual([])
  const versions = Object.keys(readTree(path.join(store, '.holdfast', 'versions'))).length
  const rotated = sources.reduce((sum, { contents }) => sum + contents.length, 0)
  expect(rotated).toBe(HOURS * LOGS * sources.length)
  console.log(
    `${rotated} rotated contents, all in the store: ${all.length} files, ${versions} of them versions`,
  )
})
