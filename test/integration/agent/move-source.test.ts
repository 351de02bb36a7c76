import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { idOfPath } from '../../../core/settings/changes.ts'
import { readState, untilState } from '../../support/agent/two-receivers.ts'
import { headless } from '../../support/alerts/headless.ts'
import { mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'

test('`folders move`: a folder on another disk keeps its place at the destination; only differing files are sent', async ({
  onTestFinished,
}) => {
  const base = temporaryDirectory('move')
  const [before, disk] = ['before', 'disk'].map((name) => path.join(base, name)) as [string, string]
  for (const directory of [before, disk]) mkdirSync(directory)
  for (let index = 0; index < 20; index += 1)
    writeFileSync(path.join(before, `f${index}`), `content ${index}`)
  const home = headless({
    // Nothing could be written where it was.
    sources: [{ id: idOfPath(before), path: before, name: 'photos', write: false }],
    destinations: [],
  })
  home.startAgent()
  const sent = (count: number) =>
    untilState(
      home.directory,
      `${count} files to be sent`,
      ({ sources: [one], totals }) => one?.totals.sentFiles === count && totals.waitingFiles === 0,
    )
  await sent(20)
  await home.says(['destinations', 'add', 'folder', disk, '--name', 'disk'])
  await sent(20)

  const { point } = await mountTmpfs(onTestFinished, { megabytes: 16 })
  const now = path.join(point, 'photos')
  const move = () => home.run(['folders', 'move', before, now])
  expect([(await move()).code, (await move()).err]).toEqual([1, expect.stringContaining('does not exist')])
  cpSync(before, now, { recursive: true, preserveTimestamps: true })
  rmSync(before, { recursive: true })
  expect((await move()).code).toBe(0)
  writeFileSync(path.join(now, 'new'), 'new')
  const state = await sent(21)
  expect(state.sources[0]?.settings).toMatchObject({
    id: idOfPath(before),
    name: 'photos',
    path: now,
    write: true,
  })
  const there = Object.keys(readTree(disk, /\.holdfast/))
  expect(there.filter((file) => path.basename(path.dirname(file)) === 'photos')).toHaveLength(21)
  expect(existsSync(path.join(disk, '.holdfast/versions'))).toBe(false)
  // The former path is another source from now on.
  mkdirSync(before)
  await sendCommand(home.directory, 'addSource', { path: before })
  const { settings } = await readState(home.directory)
  expect(new Set(settings.sources.map(({ id }) => id)).size).toBe(2)
})
