import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { OwnStatus } from '../../../core/backends/backend-messages.ts'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  makeHome,
  offerAll,
  senderConfig,
  startTestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Runs a command to its end; what it said. */
async function holdfast(...words: string[]): Promise<string> {
  const command = startHoldfast(words)
  expect(await command.ended()).toBe(0)
  return command.out()
}

const version = '1.2.3-test'
const failing: OwnStatus = {
  ...{ level: 'failing', kind: 'missing', version },
  sentence: 'The directory /data is not there.\nCheck its disk.',
}
const well: OwnStatus = { level: 'ok', kind: null, sentence: 'All is safe.', version }

test('sender status: a receiver shows the latest status of its sender, and keeps it after the sender is killed', async () => {
  const base = temporaryDirectory('sender-status')
  const store = path.join(base, 'store')
  const listen = ['receive', '--store', store, '--host', '127.0.0.1', '--metrics-port', '0']
  const receiver = startHoldfast([...listen, '--port', '0'])
  const [code] = await receiver.says(/holdfast:\/\/\S+/)
  const [, metricsPort] = await until('it has metrics', () =>
    /Metrics at http:\/\/127\.0\.0\.1:(\d+)/.exec(receiver.err()),
  )
  /** A heartbeat, and the list's next writing: 5 s each. */
  const SOON_MS = 20_000
  const row = async () =>
    JSON.parse(await holdfast('stations', '--store', store, '--json')) as Record<string, unknown> & {
      status: Record<string, unknown> | null
    }

  const home = await makeHome(path.join(base, 'home'))
  for (const [name, at] of [
    ['new', 1_700_000_000],
    ['old', 1_600_000_000],
  ] as const) {
    writeFile(home.source, name, name)
    fs.utimesSync(path.join(home.source, name), at, at)
  }
  offerAll(home)
  const sender = startTestSender()
  sender.configure({ ...senderConfig(home, { port: 1, fingerprint: '0'.repeat(64) }), destination: null })
  await until('it has its identity', () => sender.report()?.fingerprint === home.identity.fingerprint)
  const paired = destinationSchemas.receiver.parse(await sender.request('pair', { code, name: 'station' }))
  expect(await row()).toMatchObject({ status: null, statusAt: null, failingSince: null })
  expect(await holdfast('stations', '--store', store)).toMatch(/ – +station\n/)

  const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  // Paused: the files wait.
  const destination = { ...paired, id: 'there' }
  const config = { ...senderConfig(home, paired, { paused: true }), destination }
  const label = `fingerprint="${home.identity.fingerprint.slice(0, 16)}"`
  const levels = (page: string) =>
    [...page.matchAll(/^holdfast_receiver_sender_status\{(.*)\} 1$/gm)].map(([, labels]) => labels)
  sender.configure({ ...config, status: { ...failing, level: 'attention' } })
  await until(
    'its first word is there',
    async () => levels(await metrics())[0]?.includes('attention'),
    SOON_MS,
  )
  sender.configure({ ...config, status: failing })
  const first = await until(
    'its next word is there',
    async () => {
      const now = await row()
      return now.status?.level === 'failing' ? now : null
    },
    SOON_MS,
  )
  const sentence = 'The directory /data is not there. Check its disk.'
  const said = { ...failing, sentence, waitingFiles: 2, oldestWaitingAt: 1_600_000_000_000 }
  expect(first).toMatchObject({ status: said, failingSince: expect.any(Number), connected: true })
  expect(await holdfast('stations', '--store', store)).toMatch(
    / connected now +failing, \d.* ago +takes none +station\n/,
  )
  const page = await metrics()
  expect(levels(page)).toEqual([`${label},level="failing"`])
  expect(page).toContain(`holdfast_receiver_sender_oldest_waiting_timestamp_seconds{${label}} 1600000000\n`)
  expect(page).not.toContain('/data')

  // Only the status is new: nothing else is done, so that a lost certificate is not even noticed.
  fs.renameSync(home.identityDirectory, `${home.identityDirectory}-away`)
  sender.configure({ ...config, status: { ...failing, sentence: 'Still not there.' } })
  const second = await until(
    'its third word is there',
    async () => {
      const now = await row()
      return now.status?.sentence === 'Still not there.' ? now : null
    },
    SOON_MS,
  )
  expect(second.failingSince).toBe(first.failingSince)
  expect(Number(second.statusAt)).toBeGreaterThan(Number(first.statusAt))
  expect(fs.existsSync(home.identityDirectory)).toBe(false)
  expect(sender.log.filter((line) => line.includes('connection: connected'))).toHaveLength(1)

  await sender.kill()
  await until('it is gone', async () => (await row()).connected === false, SOON_MS)
  const last = await row()
  expect(last).toMatchObject({ status: second.status, statusAt: second.statusAt })
  expect(last).toMatchObject({ failingSince: first.failingSince })

  // Its receiver's end changes nothing of it, and it is over when it says so.
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)
  expect(await row()).toMatchObject({ status: second.status, failingSince: first.failingSince })
  startHoldfast([...listen, '--port', String(paired.port)])
  fs.renameSync(`${home.identityDirectory}-away`, home.identityDirectory)
  const next = startTestSender()
  next.configure({ ...config, status: well })
  const over = await until(
    'it is well',
    async () => {
      const now = await row()
      return now.status?.level === 'ok' ? now : null
    },
    SOON_MS,
  )
  expect(over).toMatchObject({ status: { ...well, waitingFiles: 2 }, failingSince: null })
})
