import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, test } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { LEDGER } from '../../../core/ledger/database.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const setVersion = (file: string, version: number) => {
  const database = new DatabaseSync(file)
  database.exec(`PRAGMA user_version = ${version}`)
  database.close()
}

test('a ledger of a newer version: the older one tells it by status and incident, the newer one takes it back', async () => {
  const [data, disk, photos] = ['data', 'disk', 'photos'].map((name) => temporaryDirectory(name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(photos, { recursive: true })
  for (let index = 0; index < 20; index += 1) writeFileSync(path.join(photos, `f${index}`), `file ${index}`)
  const recipient = 'age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj'
  const add = ['destinations', 'add', 'folder', disk, '--name', 'enc', '--recipient', recipient]
  await holdfast([...add, '--data', data])
  await holdfast(['folders', 'add', photos, '--data', data])
  const run = async (holds: (state: AppState) => boolean) => {
    const agent = startHoldfast(['agent', '--data', data])
    const state = await untilState(data, 'its end', holds, 60_000)
    const status = startHoldfast(['status', '--data', data])
    await status.ended()
    const incidents = await holdfast(['failures', '--data', data])
    agent.child.kill('SIGTERM')
    await agent.ended()
    return { state, status: status.out(), incidents, code: await status.ended() }
  }
  const hasSent = (count: number) => (state: AppState) =>
    state.totals.sentFiles === count && state.totals.waitingFiles === 0
  await run(hasSent(20))

  setVersion(path.join(data, 'ledger.db'), 99)
  const older = await run((state) => hasSent(20)(state) && state.incidents.length > 0)
  expect(older.state.notices).toMatchObject([{ sentence: { key: 'transfer.ledgerNewer' } }])
  expect(older.status).toContain('A newer Holdfast made the list of files to send')
  expect(older.incidents).toContain('A newer Holdfast made the list of files to send')
  expect(older.code).toBe(1)

  const kept = readdirSync(data).find((name) => /^ledger\.db\.newer-[^.]*$/.test(name)) ?? ''
  setVersion(path.join(data, kept), LEDGER.version)
  writeFileSync(path.join(photos, 'late'), 'late')
  const newer = await run(hasSent(21))
  expect(newer.state.notices).toMatchObject([{ sentence: { key: 'transfer.ledgerTakenBack' } }])
  expect(newer.status).toContain('was taken back')
  expect(newer.code).toBe(0)
  expect(readdirSync(data).filter((name) => name.startsWith('ledger.db.'))).toEqual([
    expect.stringMatching(/^ledger\.db\.taken-back-/),
  ])
})
