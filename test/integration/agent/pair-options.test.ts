import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { holdfast, startReceiver } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('`pair`: an option of the other end is refused, and no code is created or used up', async () => {
  const { store } = await startReceiver('nas')
  const data = path.join(temporaryDirectory('pair-options'), 'data')
  const [code] = await startHoldfast(['pair', '--store', store]).says(/holdfast:\/\/\S+/)
  const refused: [string[], string][] = [
    [['--store', store, '--name', 'pc'], 'Use --name only at the station, where a code is entered'],
    [['--store', store, '--name', 'pc', '--data', data], 'Use --name, --data only at the station'],
    [[code, '--data', data, '--qr'], 'Use --qr only at the receiver'],
    [[code, '--data', data, '--no-qr'], 'Use --no-qr only at the receiver'],
    [[code, '--data', data, '--uses', '2', '--for', '1h'], 'Use --uses, --for only at the receiver'],
    [['--store', store, '--uses', '0'], 'It must be a whole number from 1 to 1000'],
    [['--store', store, '--for', '2d'], 'at most 24h'],
    [['--store', store, '--uses', '2', '--replaces', 'pc'], 'Leave out --uses'],
    [[code, '--store', store], 'not both'],
  ]
  for (const [words, said] of refused) {
    const command = startHoldfast(['pair', ...words])
    expect(await command.ended(), words.join(' ')).toBe(2)
    expect([command.out(), command.err()]).toEqual(['', expect.stringContaining(said)])
  }
  expect(existsSync(data)).toBe(false)
  const many = startHoldfast(['pair', '--store', store, '--uses', '50', '--for', '1h', '--json'])
  expect(await many.ended()).toBe(0)
  expect(JSON.parse(many.out())).toMatchObject({ uses: 50, minutes: 60, receiverRunning: true })

  const paired = await holdfast(['pair', code, '--data', data, '--json'])
  expect(JSON.parse(paired)).toMatchObject({
    name: 'nas',
    host: expect.any(String),
    port: expect.any(Number),
  })
})
