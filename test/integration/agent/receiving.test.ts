import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { expect, test } from 'vitest'
import { askAgent } from '../../support/agent/answers.ts'
import { holdfast, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

/** A port that nobody had a moment ago. */
async function aPort(): Promise<number> {
  const server = createServer().listen(0)
  await until('a port', () => server.listening)
  const address = server.address()
  server.close()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

test('receiving in the agent: a sender is paired by code, listed, renamed, replaced, limited and revoked', async () => {
  const data = temporaryDirectory('receiving')
  const directory = path.join(temporaryDirectory('store'), 'store')
  const own = temporaryDirectory('own')
  startHoldfast(['agent', '--data', data, own])
  await untilState(data, 'the agent', ({ sources }) => sources.length === 1)
  const ask = askAgent(data)
  const receive = { directory, port: await aPort(), quotaBytes: null }

  const inside = { ...receive, directory: path.join(own, 'store') }
  expect(await ask('setReceiving', { receive: inside })).toMatchObject({
    done: false,
    sentence: { key: 'refuse.receiveInSource' },
  })
  const link = path.join(temporaryDirectory('link'), 'own')
  symlinkSync(own, link)
  const linked = { ...receive, directory: path.join(link, 'not-yet/store') }
  expect(await ask('setReceiving', { receive: linked })).toMatchObject({
    done: false,
    sentence: { key: 'refuse.receiveInSource' },
  })
  const turnOn = (...words: string[]) => holdfast(['receive', 'on', ...words, '--data', data])
  const said = await turnOn(directory, '--host', '127.0.0.1', '--port', String(receive.port))
  expect(said).toContain(`Receives at port ${receive.port}, into ${directory}: 0 computers.`)
  expect(said).toContain(`pair --store ${directory}`)
  const invitation = await ask('inviteSender', { replaces: null })

  const station = temporaryDirectory('station')
  const photos = path.join(temporaryDirectory('station-files'), 'photos')
  mkdirSync(photos)
  for (let index = 0; index < 20; index += 1)
    writeFileSync(path.join(photos, `p${index}`), Buffer.alloc(5_000, index))
  await holdfast(['pair', invitation.code, '--data', station, '--name', 'station-3'])
  startHoldfast(['agent', '--data', station, photos])
  const arrived = path.join(directory, 'station-3/photos')
  await until('all to arrive', () => existsSync(arrived) && Object.keys(readTree(arrived)).length === 20)
  expect(readTree(arrived)).toEqual(readTree(photos))
  const seen = await untilState(data, 'the sender to be seen', ({ receiving }) => {
    const [sender] = receiving?.senders ?? []
    return sender?.files === 20 && sender.connected && sender.level === 'ok'
  })
  const [sender] = seen.receiving?.senders ?? []
  expect(sender).toMatchObject({ name: 'station-3', bytes: 100_000, words: { key: 'status.copiedHere' } })

  expect(sender).toMatchObject({ version: seen.version, waitingFiles: 0, oldestWaitingAt: null, label: '' })
  const { received } = await ask('day', {})
  expect(received['station-3']?.slice(-2).reduce((sum, files) => sum + files)).toBe(20)

  const fingerprint = sender?.fingerprint ?? ''
  expect(await ask('labelSender', { fingerprint, label: ' north ' })).toEqual({ done: true })
  await untilState(data, 'its label', ({ receiving }) => receiving?.senders[0]?.label === 'north')
  expect(await ask('renameSender', { fingerprint, name: 'Roof camera' })).toEqual({ done: true })
  await untilState(data, 'its name', ({ receiving }) => receiving?.senders[0]?.name === 'Roof camera')

  // A failure that the sender reports is an incident here, too, until the sender is well.
  await turnOn('--failing-minutes', '0', '--silent-hours', '48', '--silent-hours', 'station-3=2')
  const empty = startHoldfast(['receive', 'on', '--failing-minutes', '', '--data', data])
  expect(await empty.ended()).toBe(2)
  expect(empty.err()).toContain('It must be a number from 0 to 10080.')
  const checked = temporaryDirectory('checked')
  const askStation = askAgent(station)
  expect(await askStation('addCheckedPath', { path: checked })).toEqual({ done: true })
  rmSync(checked, { recursive: true })
  await askStation('checkNow', {})
  const isLasting = ({ endedAt }: { endedAt: number | null }) => endedAt === null
  const told = await untilState(data, 'its failure here', ({ incidents }) => incidents.some(isLasting))
  expect(told.status).toMatchObject({ level: 'failing', failure: { kind: 'sender-failing' } })
  expect(told.incidents[0]).toMatchObject({
    kind: 'sender-failing',
    sentence: { key: 'transfer.senderReports', params: { sender: 'Roof camera' } },
  })
  const [label] = (await ask('changes', { before: null, most: 20, since: null, text: 'label' })).entries
  expect(label?.sentence).toEqual({ key: 'change.labelSender', params: { name: 'station-3', to: 'north' } })
  const names = await holdfast(['failures', '--data', data])
  expect(names).toContain(checked)
  mkdirSync(checked)
  await askStation('checkNow', {})
  const over = await untilState(data, 'its recovery here', ({ incidents }) => !incidents.some(isLasting))
  expect(over.status.failure).toBeUndefined()

  // Another computer takes its place, and it then that one's: each gets the folder, and the former is sent away.
  await expect(ask('inviteSender', { replaces: 'nobody' })).rejects.toMatchObject({
    sentence: { key: 'transfer.senderUnknown' },
  })
  const place = async (replaces: string, from: string, name: string) => {
    const { code } = await ask('inviteSender', { replaces })
    await holdfast(['pair', code, '--data', from, '--name', name])
    const { receiving } = await untilState(data, `${name} in its place`, (state) => {
      return state.receiving?.senders.length === 1 && state.receiving.senders[0]?.name === name
    })
    expect(receiving?.senders).toMatchObject([{ folder: 'station-3', files: 20, label: 'north' }])
    // 100,000 bytes are a part of what may be stored.
    expect(receiving?.senders[0]?.spaceBytes).toBeGreaterThan(0)
    return receiving?.senders[0]?.fingerprint ?? ''
  }
  const other = await place(fingerprint, temporaryDirectory('station-anew'), 'anew')
  expect(other).not.toBe(fingerprint)
  await untilState(station, 'the former one to be told', ({ destinations: [one] }) => {
    return one?.connection.state === 'refused'
  })
  expect(await place(other, station, 'station-3')).toBe(fingerprint)
  await untilState(station, 'it to be let in', ({ destinations: [one] }) => {
    return one?.connection.state === 'connected'
  })

  // 100,000 bytes and the names are there: nothing more fits.
  await turnOn('--quota', '1G', '--quota', 'station-3=150000', '--keep-free', '1M', '--lock', '90d')
  const { settings } = JSON.parse(await holdfast(['receive', 'show', '--json', '--data', data]))
  expect(settings).toMatchObject({
    ...{ directory, host: '127.0.0.1', port: receive.port, keepFree: '1M', quotaFiles: null, lockDays: 90 },
    ...{ quotaBytes: 2 ** 30, quotaBytesOf: { 'station-3': 150_000 } },
    ...{ failingMinutes: 0, silentHours: 48, silentHoursOf: { 'station-3': 2 } },
  })
  writeFileSync(path.join(photos, 'one more'), Buffer.alloc(50_000))
  await untilState(station, 'the quota to be said', ({ destinations: [one] }) => {
    return one?.connection.problem?.key === 'transfer.quotaBytes'
  })
  expect(existsSync(path.join(arrived, 'one more'))).toBe(false)

  expect(await turnOn('--lock', '30d')).toContain('Older versions locked for 30 days')
  expect(await turnOn('--lock', 'none')).not.toContain('locked')

  expect(await ask('revokeSender', { fingerprint })).toEqual({ done: true })
  await untilState(data, 'nobody to be left', ({ receiving }) => receiving?.senders.length === 0)
  await untilState(station, 'the sender to be told', ({ destinations: [one] }) => {
    return one?.connection.problem?.key === 'transfer.revoked'
  })
  await holdfast(['receive', 'off', '--data', data])
  const after = await untilState(data, 'the receiver to end', ({ workers }) => {
    return workers.receiver.condition === 'off'
  })
  expect(after.receiving).toBeNull()
})

test('pairing code: the agent creates one for two computers, and reports its remaining uses and its end', async () => {
  const data = temporaryDirectory('receiving')
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true)
  const ask = askAgent(data)
  const receive = { directory: path.join(temporaryDirectory('store'), 'store'), port: await aPort() }
  expect(await ask('setReceiving', { receive: { ...receive, host: '127.0.0.1' } })).toEqual({ done: true })
  await untilState(data, 'the receiver', ({ receiving }) => receiving?.isRunning === true)
  const { code, expiresAt } = await ask('inviteSender', { replaces: null, uses: 2, minutes: 60 })
  const minutesLeft = (expiresAt - Date.now()) / 60_000
  expect([minutesLeft > 50, minutesLeft <= 60]).toEqual([true, true])
  expect(await ask('readInvitation', { code })).toEqual({ uses: 2, expiresAt })
  for (const [name, left] of [
    ['station-1', { uses: 1, expiresAt }],
    ['station-2', null],
  ] as const) {
    await holdfast(['pair', code, '--data', temporaryDirectory(name), '--name', name])
    expect(await ask('readInvitation', { code })).toEqual(left)
  }
  await expect(ask('inviteSender', { replaces: 'anyone', uses: 2 })).rejects.toMatchObject({
    sentence: { key: 'agent.badInput' },
  })
  await expect(ask('readInvitation', { code: 'anything' })).rejects.toMatchObject({
    sentence: { key: 'transfer.pairCodeMalformed' },
  })
})
