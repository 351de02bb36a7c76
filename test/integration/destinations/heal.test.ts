import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { commands } from '../../../core/agent/contract.ts'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import {
  holdfast,
  pairWith,
  readState,
  startReceiver,
  untilState,
} from '../../support/agent/two-receivers.ts'
import { type RunningCommand, startHoldfast } from '../../support/cli/processes.ts'
import { chooseLength } from '../../support/long.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'

const FILES = chooseLength(300, 10_000)
const FLIPS = FILES / 10
const KILLS = chooseLength(1, 3)
const LONG_MS = chooseLength(90_000, 900_000)
/** It is sent in chunks. */
const LARGE = 'd0/large'

vi.setConfig({ testTimeout: LONG_MS * 4 })

/** A source whose files are at two destinations, and gone here. */
interface Sent {
  data: string
  agent: RunningCommand
  /** Directories with the copies of the source. */
  copies: [first: string, second: string]
  names: string[]
  before: Record<string, unknown>
}

const start = (data: string): RunningCommand => startHoldfast(['agent', '--data', data])

const makeFolder = (name: string): string => {
  const folder = temporaryDirectory(name)
  mkdirSync(path.join(folder, '.holdfast'))
  return folder
}

/** @param first settings of the first destination; null: it is paired. */
async function sendToTwo(
  first: object | null,
  connect: (data: string) => Promise<string>,
  files = FILES,
): Promise<Sent> {
  const [data, source] = [temporaryDirectory('heal-data'), temporaryDirectory('heal-source')]
  const names = Array.from({ length: files }, (_, index) => `d${index % 7}/file-${index}`)
  for (const [index, name] of [...names, LARGE].entries()) {
    const file = path.join(source, name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, Buffer.alloc(name === LARGE ? 3_000_000 : 200 + index, `${index} `), {
      mode: index % 2 === 0 ? 0o640 : 0o600,
    })
    utimesSync(file, 1_700_000_000 + index, 1_700_000_000 + index)
  }
  const second = makeFolder('heal-second')
  const folders = [...(first === null ? [] : [first]), { id: 'b', kind: 'folder', name: 'bee', path: second }]
  const settings = {
    sources: [{ id: 's', path: source, name: 'data' }],
    destinations: folders,
    send: { retrySeconds: 1 },
    check: { intervalSeconds: 1 },
  }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  const agent = start(data)
  await untilState(data, 'the agent', () => true, LONG_MS)
  const copy = await connect(data)
  const isAt = (count: 'sentFiles' | 'deletedFiles') =>
    untilState(
      data,
      `${count} at both`,
      ({ destinations }) =>
        destinations.length === 2 && destinations.every(({ totals }) => totals[count] === files + 1),
      LONG_MS,
    )
  await isAt('sentFiles')
  const before = readTree(source)
  for (const name of [...names, LARGE]) rmSync(path.join(source, name))
  await isAt('deletedFiles')
  return { data, agent, copies: [copy, path.join(second, hostname(), 'data')], names, before }
}

/** Flips one bit of a file, and leaves its times. */
function flipBit(directory: string, name: string, at = 5): void {
  const file = path.join(directory, name)
  const { atime, mtime } = statSync(file)
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
  writeFileSync(file, bytes)
  utimesSync(file, atime, mtime)
}

async function run(words: string[]): Promise<{ code: number | string; out: string }> {
  const command = startHoldfast(words)
  return { code: await command.ended(LONG_MS), out: command.out() + command.err() }
}

const verify = (data: string, name: string) => run(['verify', name, '--data', data])

const toFolder = (folder: string) => ({ id: 'a', kind: 'folder', name: 'first', path: folder })

/** Waits until healing has ended with so many files that are left. */
const untilHealed = (data: string, left: number) =>
  untilState(
    data,
    `${left} damaged files to be left`,
    ({ destinations: [first] }) =>
      first !== undefined && first.healing?.isRunning === false && (first.damaged?.files ?? 0) === left,
    LONG_MS,
  )

test(`healing: ${FLIPS} flipped bits among ${FILES} files at one of two folders are healed by themselves, and nothing wrong is written`, async () => {
  const folder = makeFolder('heal-first')
  const sent = await sendToTwo(toFolder(folder), async () => path.join(folder, hostname(), 'data'))
  const { data, copies, names, before } = sent
  const then = new Date().toISOString()
  const flipped = names.slice(0, FLIPS)
  for (const [index, name] of flipped.entries()) flipBit(copies[0], name, index % 150)
  flipBit(copies[0], LARGE, 2_000_001)
  const missing = names[FLIPS + 1] ?? ''
  rmSync(path.join(copies[0], missing))
  // The other copy of this one is damaged, too, which no verification has found.
  const both = names[FLIPS + 2] ?? ''
  for (const copy of copies) flipBit(copy, both, 9)

  const found = await verify(data, 'first')
  expect(found.code, found.out).toBe(1)
  const state = await untilHealed(data, 1)
  const healing = state.destinations[0]?.healing
  expect(healing).toMatchObject({ failed: 1, resent: 0 })
  expect(healing?.failures[0]).toMatchObject({
    key: 'heal.damagedThere',
    params: { path: `data/${both}`, name: 'bee' },
  })
  const after = readTree(copies[0])
  const differing = Object.keys(before).filter(
    (name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]),
  )
  expect(differing).toEqual([both])
  const rotten = readFileSync(path.join(copies[0], both))
  const inLedger = state.destinations[0]?.totals
  expect(inLedger).toMatchObject({ waitingFiles: 0, deletedFiles: FILES + 1 })

  // An incident names it until the content is back.
  const told = await untilState(data, 'an incident', ({ incidents }) =>
    incidents.some(({ kind, endedAt }) => kind === 'damaged' && endedAt === null),
  )
  expect(told.status).toMatchObject({ level: 'failing', sentence: { key: 'status.damaged' } })
  const again = await run(['verify', '--repair', 'first', '--json', '--data', data])
  expect(again.code).toBe(1)
  expect(JSON.parse(again.out)).toMatchObject({ name: 'first', healed: 0, failed: 1, damaged: 1 })
  expect(readFileSync(path.join(copies[0], both))).toEqual(rotten)

  flipBit(copies[1], both, 9)
  const healed = await run(['verify', '--repair', 'first', '--data', data])
  expect(healed.code, healed.out).toBe(0)
  expect(healed.out).toContain('first: repaired 1, sent again from here 0, not repaired 0')
  expect(readTree(copies[0])).toEqual(before)
  // The store replaces a damaged content, and the file counts as stored when it first was.
  const to = temporaryDirectory('heal-then')
  const restored = await run(['restore', '--from', 'first', 'data', '--at', then, '--to', to, '--data', data])
  expect(restored.code, restored.out).toBe(0)
  expect(readTree(to)).toEqual(before)
  const sound = await verify(data, 'first')
  expect(sound.code, sound.out).toBe(0)
  await untilState(data, 'the incident to end', ({ incidents }) =>
    incidents.every(({ kind, endedAt }) => kind !== 'damaged' || endedAt !== null),
  )
  const none = await run(['verify', '--repair', '--data', data])
  expect([none.code, none.out]).toEqual([0, expect.stringContaining('no damaged or missing files are known')])
})

test('healing: what a receiver lost comes back from a folder, and what is still here is sent again', async () => {
  const receiver = await startReceiver('heal-receiver')
  const sent = await sendToTwo(
    null,
    async (data) => {
      await pairWith(receiver, data, 'station')
      return path.join(receiver.store, 'station', 'data')
    },
    60,
  )
  const { data, copies, names, before } = sent
  const { destinations, settings } = await readState(data)
  const name = destinations.find(({ kind }) => kind === 'receiver')?.name ?? ''
  const source = settings.sources[0]?.path ?? ''
  const back = names[3] ?? ''
  mkdirSync(path.dirname(path.join(source, back)), { recursive: true })
  writeFileSync(path.join(source, back), readFileSync(path.join(copies[1], back)))
  await untilState(data, 'one to be here again', (state) =>
    state.destinations.every(({ totals }) => totals.sentFiles === 1 && totals.waitingFiles === 0),
  )
  for (const one of names.slice(0, 20)) flipBit(copies[0], one)
  expect((await verify(data, name)).code).toBe(1)
  await untilState(
    data,
    'nothing to be damaged',
    (state) =>
      state.destinations.every(({ damaged }) => damaged === undefined) &&
      state.destinations.some(({ healing }) => healing?.isRunning === false),
    LONG_MS,
  )
  const after = readTree(copies[0])
  expect(Object.keys(after).length).toBe(Object.keys(before).length)
  for (const one of names)
    expect(readFileSync(path.join(copies[0], one))).toEqual(readFileSync(path.join(copies[1], one)))
  expect((await verify(data, name)).code).toBe(0)
})

test('healing: a kill of the agent in the middle loses no finding and writes nothing wrong', async () => {
  const folder = makeFolder('heal-killed')
  const sent = await sendToTwo(toFolder(folder), async () => path.join(folder, hostname(), 'data'))
  const { data, copies, names, before } = sent
  for (const name of names) flipBit(copies[0], name)
  expect((await verify(data, 'first')).code).toBe(1)
  let agent = sent.agent
  for (let round = 0; round < KILLS; round += 1) {
    await untilState(
      data,
      'healing',
      ({ destinations: [first] }) =>
        first?.connection.state === 'connected' &&
        (first.healing?.isRunning === true || first.damaged === undefined),
      LONG_MS,
    )
    agent.child.kill('SIGKILL')
    await agent.ended()
    agent = start(data)
    await untilState(data, 'the agent', () => true, LONG_MS)
  }
  await untilState(
    data,
    'all to be healed',
    ({ destinations: [first] }) =>
      first?.connection.state === 'connected' && first.damaged === undefined && first.totals.deletedFiles > 0,
    LONG_MS,
  )
  const sound = await verify(data, 'first')
  expect(sound.code, sound.out).toBe(0)
  expect(readTree(copies[0])).toEqual(before)
})

test('healing: an encrypted destination is healed without its identity, and gives contents back only with it', async () => {
  const folder = makeFolder('heal-plain')
  const secret = temporaryDirectory('heal-sealed')
  const key = path.join(temporaryDirectory('heal-key'), 'key.txt')
  const sent = await sendToTwo(
    toFolder(folder),
    async (data) => {
      const made = await sendCommand(data, 'newEncryptionKey', {})
      const { identity, recipient } = commands.newEncryptionKey.output.parse(made)
      writeFileSync(key, identity)
      await holdfast(['destinations', 'remove', 'bee', '--data', data])
      await holdfast([
        ...['destinations', 'add', 'folder', secret, '--name', 'sealed', '--recipient', recipient],
        ...['--data', data],
      ])
      return path.join(folder, hostname(), 'data')
    },
    20,
  )
  const { data, copies, names, before } = sent
  const sealed = path.join(secret, hostname(), 'data')
  const rotten = names[2] ?? ''
  flipBit(sealed, `${rotten}.age`, 150)
  const verifySealed = (file = key) => run(['verify', 'sealed', '--identity-file', file, '--data', data])
  expect((await verifySealed()).code).toBe(1)
  const lost = await verifySealed(`${key}.lost`)
  expect(lost).toMatchObject({ code: 2, out: expect.stringMatching(/lost cannot be read .*encrypted files/) })
  await untilState(
    data,
    'the encrypted one to be healed',
    ({ destinations: [, second] }) => second?.healing?.healed === 1 && second.damaged === undefined,
    LONG_MS,
  )
  const sound = await verifySealed()
  expect(sound.code, sound.out).toBe(0)

  flipBit(copies[0], rotten)
  expect((await verify(data, 'first')).code).toBe(1)
  await untilHealed(data, 1)
  const opened = await run(['verify', '--repair', 'first', '--identity-file', key, '--data', data])
  expect(opened.code, opened.out).toBe(0)
  expect(readTree(copies[0])).toEqual(before)
})
