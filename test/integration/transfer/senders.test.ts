import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { destinationSchemas } from '../../../core/settings/destination-schema.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import {
  allSent,
  type Home,
  makeHome,
  offerAll,
  readTree,
  senderConfig,
  startTestSender,
  type TestSender,
  writeFile,
} from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

/** Runs a command to its end; what it said, and its exit code. */
async function holdfast(...words: string[]) {
  const command = startHoldfast(words)
  const code = await command.ended()
  return { code, out: command.out(), err: command.err() }
}

async function startReceiver(store: string) {
  const receiver = startHoldfast(['receive', '--store', store, '--host', '127.0.0.1', '--port', '0'])
  const [code] = await receiver.says(/holdfast:\/\/\S+/)
  return { receiver, code }
}

async function pairedSender(home: Home, code: string, name: string): Promise<TestSender> {
  const sender = startTestSender()
  sender.configure({ ...senderConfig(home, { port: 1, fingerprint: '0'.repeat(64) }), destination: null })
  await until('it has its identity', () => sender.report()?.fingerprint === home.identity.fingerprint)
  const destination = destinationSchemas.receiver.parse(await sender.request('pair', { code, name }))
  sender.configure({ ...senderConfig(home, destination), destination: { ...destination, id: 'there' } })
  await until('it is connected', () => sender.report()?.connection.state === 'connected')
  return sender
}

const parseRows = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

test('`holdfast stations`: senders of a running receiver are listed, renamed, revoked at once and paired again', async () => {
  const base = temporaryDirectory('senders')
  const store = path.join(base, 'store')
  const { receiver, code } = await startReceiver(store)
  const home = await makeHome(path.join(base, 'home'))
  const sender = await pairedSender(home, code, 'station 1')

  const before = parseRows((await holdfast('stations', '--store', store, '--json')).out)
  const { fingerprint } = home.identity
  expect(before).toMatchObject([{ name: 'station 1', fingerprint, state: 'paired', folder: 'station 1' }])
  await until('it is seen as connected', async () => {
    const [row] = parseRows((await holdfast('stations', '--store', store, '--json')).out)
    return row?.connected === true && typeof row.lastSeenAt === 'number'
  })

  expect(await holdfast('stations', 'rename', 'station 1', 'Büro', '--store', store)).toMatchObject({
    code: 0,
  })
  expect((await holdfast('stations', 'label', 'Büro', 'north', '--store', store)).out).toContain('“north”')
  const table = (await holdfast('stations', '--store', store, '--sort', 'used')).out
  expect(table).toMatch(
    new RegExp(`Büro +north +${fingerprint.slice(0, 16)} +paired .* connected now +– +takes none +station 1`),
  )
  expect(table).toContain('north: 1 of 1 computers are fine.')
  const [labelled] = parseRows((await holdfast('stations', '--store', store, '--json')).out)
  expect(labelled).toMatchObject({ label: 'north', files: 0, spaceBytes: expect.any(Number) })

  const revoked = await holdfast('stations', 'revoke', fingerprint.slice(0, 8), '--store', store)
  expect(revoked.out).toContain('Büro')
  const connection = await until('the sender is told', () => {
    const now = sender.report()?.connection
    return now?.state === 'refused' ? now : null
  })
  expect(connection.problem?.key).toBe('transfer.revoked')
  expect(sender.log.join('\n')).toContain('no longer accepts this computer: it was revoked there')
  await until('the receiver names it', () =>
    /Büro \(certificate [0-9a-f]{64}\) was revoked while it was connected/.test(receiver.err()),
  )
  writeFile(home.source, 'file', 'after it was revoked')
  offerAll(home)
  sender.nudge()
  await until('it knocks again, in vain', () =>
    /refused 127\.0\.0\.1:\d+: Büro \(certificate [0-9a-f]{64}\) was revoked$/m.test(receiver.err()),
  )
  expect(readTree(path.join(store, 'station 1'))).toEqual({})
  expect((await holdfast('stations', '--store', store)).out).toMatch(/Büro .* revoked/)
  const { out: changes } = await holdfast('changes', '--store', store)
  expect(changes).toMatch(
    /Ended the access of the computer Büro\.\n.*computer Büro to “north”\.\n.*station 1, which sends here, to Büro\./,
  )

  const again = JSON.parse((await holdfast('pair', '--store', store, '--json')).out)
  await sender.request('pair', { code: again.code, name: 'back again' })
  await allSent(sender, 1)
  expect(Object.keys(readTree(path.join(store, 'station 1')))).toEqual(['data/file'])
  receiver.child.kill('SIGTERM')
  expect(await receiver.ended()).toBe(0)
  const [last] = parseRows((await holdfast('stations', '--store', store, '--json')).out)
  expect(last).toMatchObject({ name: 'back again', label: 'north', state: 'paired', connected: false })
})

test('`holdfast stations`: an unknown sender, and a directory that is not a store, are refused', async () => {
  const base = temporaryDirectory('senders')
  const store = path.join(base, 'store')
  const missing = await holdfast('stations', '--store', store)
  expect(missing).toMatchObject({ code: 1, out: '' })
  expect(missing.err).toContain(`No receiver has used the store ${store} yet`)
  const { receiver } = await startReceiver(store)
  onTestFinished(() => void receiver.child.kill('SIGTERM'))
  expect((await holdfast('stations', '--store', store)).out).toContain('No station is paired')
  const unknown = await holdfast('stations', 'revoke', 'nobody', '--store', store)
  expect(unknown.code).toBe(1)
  expect(unknown.err).toContain('nobody')
})

test('`holdfast pair --qr`: the QR code goes to standard error, and standard output has only the text', async () => {
  const store = path.join(temporaryDirectory('qr'), 'store')
  await startReceiver(store)
  const drawn = await holdfast('pair', '--store', store, '--qr')
  expect(drawn.out).toMatch(/^holdfast:\/\/\S+\n$/)
  const rows = drawn.err.split('\n').filter((line) => line.includes('█') || line.includes('▀'))
  expect(rows.length).toBeGreaterThan(15)
  // The quiet zone around it is light, on a light terminal and on a dark one: else nothing can read it.
  const row = rows[0] ?? ''
  expect([row.slice(0, 9), row.slice(-4)]).toEqual(['\x1b[97;40m█', '\x1b[0m'])
  expect(new Set(rows.map((row) => row.length)).size).toBe(1)
  expect((await holdfast('pair', '--store', store)).err).not.toContain('█')
})
