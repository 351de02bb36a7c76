// Random samples: each kind of destination proves its files, damage is found and healed, and the figures are the same
// in the state, on the command line and in the report.
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { newEncryptionKey } from '../../../core/settings/secrets.ts'
import { pairWith, readState, startReceiver, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { type SftpServer, startSftpServer } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const FILES = 40
const LONG_MS = 90_000
vi.setConfig({ testTimeout: LONG_MS * 3 })

let server: SftpServer
beforeAll(async () => {
  server = await startSftpServer()
})
afterAll(() => server.stop())

function flipBit(file: string): void {
  const { atime, mtime } = statSync(file)
  const bytes = readFileSync(file)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
  utimesSync(file, atime, mtime)
}

async function run(words: string[]): Promise<{ code: number | string; out: string }> {
  const command = startHoldfast(words)
  return { code: await command.ended(LONG_MS), out: command.out() + command.err() }
}

const names = Array.from({ length: FILES }, (_, index) => `d${index % 3}/file-${index}`)
const gone = names.slice(0, FILES / 2)

test('samples: one damaged file among 40 is found at a receiver, a folder, an encrypted folder and a server, and healed', async () => {
  const [data, source] = [temporaryDirectory('prove-data'), temporaryDirectory('prove-source')]
  for (const [index, name] of names.entries()) {
    const file = path.join(source, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, Buffer.alloc(index === 0 ? 2_000_000 : 300 + index, `${index} `))
    utimesSync(file, 1_700_000_000, 1_700_000_000)
  }
  const [folder, secret] = [temporaryDirectory('prove-folder'), temporaryDirectory('prove-sealed')]
  for (const one of [folder, secret]) mkdirSync(path.join(one, '.holdfast'))
  mkdirSync(path.join(server.root, 'proven'))
  const { recipient } = await newEncryptionKey()
  const { port, user, hostKey, keyFile } = server
  const settings = {
    sources: [{ id: 's', path: source, name: 'data' }],
    destinations: [
      { id: 'f', kind: 'folder', name: 'disk', path: folder },
      { id: 'e', kind: 'folder', name: 'sealed', path: secret, recipient },
      {
        ...{ id: 't', kind: 'sftp', name: 'server', host: '127.0.0.1', port, user, hostKey, folder: 'pc' },
        ...{ login: 'file', keyFile, path: 'proven' },
      },
    ],
    send: { retrySeconds: 1 },
    check: { intervalSeconds: 1 },
  }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  const receiver = await startReceiver('prove-receiver')
  startHoldfast(['agent', '--data', data])
  await untilState(data, 'the agent', () => true, LONG_MS)
  await pairWith(receiver, data, 'station')
  const isAt = (count: 'sentFiles' | 'deletedFiles', files: number) =>
    untilState(
      data,
      `${files} ${count} everywhere`,
      ({ destinations }) =>
        destinations.length === 4 && destinations.every(({ totals }) => totals[count] === files),
      LONG_MS,
    )
  await isAt('sentFiles', FILES)
  for (const name of gone) rmSync(path.join(source, name))
  await isAt('deletedFiles', gone.length)
  const nas = (await readState(data)).destinations.find(({ kind }) => kind === 'receiver')?.name ?? ''

  const sound = await run(['verify', '--sample', nas, '--data', data])
  expect(sound.code, sound.out).toBe(0)
  expect(sound.out).toContain(`read ${FILES} files`)
  expect(sound.out).toContain('seen with 100%')

  // At the receiver: one that is still here, and one that is not.
  const copies: Record<string, string> = {
    [nas]: path.join(receiver.store, 'station', 'data'),
    disk: path.join(folder, hostname(), 'data'),
    sealed: path.join(secret, hostname(), 'data'),
    server: path.join(server.root, 'proven', 'pc', 'data'),
  }
  const at = (name: string, file: string | undefined) => path.join(copies[name] ?? '', file ?? '')
  flipBit(at(nas, names[1]))
  flipBit(at(nas, names[FILES - 1]))
  flipBit(at('disk', names[2]))
  flipBit(`${at('sealed', names[3])}.age`)
  rmSync(at('server', names[4]))
  flipBit(at('server', names[0]))
  const found = await run(['verify', '--sample', '--json', '--data', data])
  expect(found.code, found.out).toBe(1)
  const rounds = found.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const byName = Object.fromEntries(rounds.map((one) => [one.name, one]))
  expect(byName).toMatchObject({
    [nas]: { files: FILES, damaged: 2, missing: 0, unreadable: 0, unanswered: 0 },
    disk: { files: FILES, damaged: 1, missing: 0 },
    sealed: { files: FILES, damaged: 1, missing: 0 },
    server: { files: FILES, damaged: 1, missing: 1 },
  })
  await untilState(
    data,
    'all to be healed',
    ({ destinations }) =>
      destinations.every(({ damaged, totals }) => damaged === undefined && totals.waitingFiles === 0),
    LONG_MS,
  )
  const again = await run(['verify', '--sample', '--data', data])
  expect(again.code, again.out).toBe(0)

  // The limits hold, and the figures are the same everywhere.
  const limited = await run([
    'destinations',
    'samples',
    'disk',
    '--files-per-day',
    '7',
    '--json',
    '--data',
    data,
  ])
  expect(JSON.parse(limited.out)).toEqual({ name: 'disk', filesPerDay: 7, gibPerDay: 10 })
  const few = await run(['verify', '--sample', 'disk', '--json', '--data', data])
  expect(JSON.parse(few.out)).toMatchObject({ files: 7, damaged: 0 })
  const { destinations } = await readState(data)
  const disk = destinations.find(({ name }) => name === 'disk')?.samples
  expect(disk).toMatchObject({ files: 2 * FILES + 7, damaged: 1, confidence: 1 })
  const day = new Date().toLocaleDateString('sv-SE')
  const report = await run(['report', '--from', day, '--to', day, '--json', '--data', data])
  const { proofs } = JSON.parse(report.out)
  const inReport = proofs.find((one: { destination: { name: string } }) => one.destination.name === 'disk')
  expect(inReport).toMatchObject({
    samples: { files: 2 * FILES + 7, damaged: 1, missing: 0, unreadable: 0 },
    confidence: 1,
    healed: { files: 1 },
    verified: { files: 0 },
    lastAt: disk?.at,
  })
})
