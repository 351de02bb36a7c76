import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { holdfast, pairWith, startReceiver } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('`send --once`: its last status at the receiver is OK; `destinations test` fails after it was revoked', async () => {
  const data = temporaryDirectory('once-data')
  const source = temporaryDirectory('once-source')
  const receiver = await startReceiver('nas')
  await pairWith(receiver, data, 'pc')
  const trial = async () => {
    const command = startHoldfast(['destinations', 'test', 'nas', '--data', data])
    return [await command.ended(), command.out() + command.err()]
  }
  const sender = async () =>
    JSON.parse(await holdfast(['stations', '--store', receiver.store, '--json'])) as {
      fingerprint: string
      connected: boolean
      status: { level: string; waitingFiles: number; sentence: string } | null
    }

  for (const name of ['first', 'second']) {
    writeFileSync(path.join(source, name), name)
    // It is a receiver on this computer: what `status` says.
    expect(await holdfast(['send', '--once', '--data', data, source])).toContain(
      'copied, on this computer only',
    )
    const last = await until('it to be gone', async () => {
      const now = await sender()
      return now.status !== null && !now.connected ? now : null
    })
    expect(last.status).toMatchObject({ level: 'ok', waitingFiles: 0 })
  }

  expect(await trial()).toEqual([0, expect.stringContaining('answers')])
  await holdfast(['stations', '--store', receiver.store, 'revoke', (await sender()).fingerprint])
  await until('its test to fail', async () => {
    const [code, said] = await trial()
    return code === 1 && String(said).includes('no longer accepts this computer')
  })
})
