import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { holdfast, pairWith, startReceiver, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('directory modes: a changed mode reaches receiver and folder without a changed file', async () => {
  const base = temporaryDirectory('directory-modes')
  const [source, data, folder] = ['source', 'data', 'folder'].map((name) => path.join(base, name)) as [
    string,
    string,
    string,
  ]
  for (const directory of [path.join(source, 'a/b'), folder]) mkdirSync(directory, { recursive: true })
  for (const name of ['a/first', 'a/b/second']) writeFileSync(path.join(source, name), name)
  const receiver = await startReceiver('nas')
  await pairWith(receiver, data, 'station')
  await holdfast(['destinations', 'add', 'folder', folder, '--name', 'disk', '--data', data])
  startHoldfast(['agent', '--data', data, source])
  const isSent = ({
    sources: [one],
  }: {
    sources: { totals: { sentFiles: number; waitingFiles: number } | null }[]
  }) => one?.totals?.sentFiles === 2 && one.totals.waitingFiles === 0
  await untilState(data, 'both to be sent', isSent)

  const modes = { a: 0o1777, 'a/b': 0o700 }
  for (const [name, mode] of Object.entries(modes)) chmodSync(path.join(source, name), mode)
  let count = 0
  for (const from of ['nas', 'disk']) {
    const restored = async () => {
      count += 1
      const to = path.join(base, `restored-${count}`)
      expect(
        await startHoldfast(['restore', 'source', '--from', from, '--to', to, '--data', data]).ended(),
      ).toBe(0)
      return Object.keys(modes).map((name) => statSync(path.join(to, name)).mode & 0o7777)
    }
    await until(`the modes at ${from}`, async () => `${await restored()}` === `${Object.values(modes)}`)
  }
})
