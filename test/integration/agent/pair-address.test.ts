import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { formatAddress } from '../../../core/lib/i18n/formats.ts'
import { parsePairingCode } from '../../../core/protocol/pairing-code.ts'
import {
  holdfast,
  pairWith,
  readState,
  startReceiver,
  untilState,
} from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

async function createPairingCode({ store }: { store: string }) {
  const [code] = await startHoldfast(['pair', '--store', store]).says(/holdfast:\/\/\S+/)
  return parsePairingCode(code)
}

test("pairing: a receiver at another one's address is refused until that destination is removed", async () => {
  const { store } = await startReceiver('nas')
  const data = path.join(temporaryDirectory('pair-address'), 'data')
  const [code] = await startHoldfast(['pair', '--store', store]).says(/holdfast:\/\/\S+/)
  const { host, port, fingerprint } = parsePairingCode(code)
  const file = path.join(data, 'settings.json')
  const known = [
    { id: fingerprint, kind: 'receiver' as const, name: 'moved', host: 'former.invalid', port, fingerprint },
    {
      id: 'b'.repeat(64),
      kind: 'receiver' as const,
      name: 'cellar',
      host,
      port,
      fingerprint: 'b'.repeat(64),
    },
  ]
  mkdirSync(data)
  writeFileSync(file, JSON.stringify({ version: 1, destinations: known }))
  const pair = async () => {
    const command = startHoldfast(['pair', code, '--data', data])
    expect(await command.ended(), command.out()).toBe(1)
    expect(command.err()).toContain(`${formatAddress(host, port)} belongs to the destination “cellar”`)
    expect(JSON.parse(readFileSync(file, 'utf8')).destinations).toEqual(known)
  }
  await pair()
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent to run', ({ destinations }) => destinations.length === 2)
  await pair()

  await holdfast(['destinations', 'remove', 'cellar', '--data', data])
  // The same code: no refusal has used it up.
  await holdfast(['pair', code, '--data', data])
  const { settings } = await readState(data)
  expect(settings.destinations).toEqual([{ ...known[0], host }])
})

test('`destinations change`: a receiver that moved is reached at its new address, verified, without a new code', async () => {
  const [nas, other] = [await startReceiver('nas'), await startReceiver('other')]
  const data = path.join(temporaryDirectory('moved'), 'data')
  startHoldfast(['agent', '--data', data])
  await until('the agent to run', () => readState(data).catch(() => null))
  await pairWith(nas, data, 'station')
  const { settings } = await readState(data)
  const [before] = settings.destinations
  const wrong = await createPairingCode(other)
  const change = (...words: string[]) =>
    startHoldfast(['destinations', 'change', 'nas', '--data', data, ...words])
  const refused = change('--port', String(wrong.port))
  expect(await refused.ended()).toBe(1)
  expect(refused.err()).toContain('is not the receiver')
  expect((await readState(data)).settings.destinations).toEqual([before])

  const moved = change('--host', 'localhost')
  expect(await moved.ended(), moved.err()).toBe(0)
  await untilState(data, 'it to be connected there', ({ destinations: [one] }) => {
    const port = before?.kind === 'receiver' ? before.port : 0
    return one?.address === `localhost:${port}` && one.connection.state === 'connected'
  })
  expect((await readState(data)).settings.destinations).toEqual([{ ...before, host: 'localhost' }])
  const strange = change('--user', 'me')
  expect([await strange.ended(), strange.err()]).toEqual([2, expect.stringContaining('has no --user')])
})
