import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { addressOf, parsePairingCode } from '../../../core/wire/pairing-code.ts'
import { startHoldfast } from '../../support/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { holdfast, startReceiver, stateOf, untilState } from '../../support/two-receivers.ts'

test('a receiver that has taken over the address of another one is not paired with before that one is away', async () => {
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
    expect(command.err()).toContain(`${addressOf(host, port)} is that of the destination “cellar”`)
    expect(JSON.parse(readFileSync(file, 'utf8')).destinations).toEqual(known)
  }
  await pair()
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent to run', ({ destinations }) => destinations.length === 2)
  await pair()

  await holdfast(['destinations', 'remove', 'cellar', '--data', data])
  // The same code: no refusal has used it up.
  await holdfast(['pair', code, '--data', data])
  const { settings } = await stateOf(data)
  expect(settings.destinations).toEqual([{ ...known[0], host }])
})
