// The faults of truth.spec.ts, with what each of them makes a person see, and their repairs.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import type { StatusLevel } from '../../core/agent/state/schema.ts'
import type { ReceiverProcess } from '../support/receiver-process.ts'
import { until } from '../support/until.ts'
import { type Desktop, expect } from './desktop.ts'
import { alertsTab } from './telling.ts'

const CHECK_SECONDS = 1
const RETRY_SECONDS = 1
/** Files that were given up are looked at this often (send/dispatch/dispatcher.ts). */
const PARKED_SECONDS = 5
const RECONCILE_SECONDS = 5
/** For so long a receiver may be away before anybody is bothered (agent/state/conditions.ts). */
const AWAY_SECONDS = 10
/** Changes are gathered for so long before it is decided that they are no accident (scan/compare/losses.ts). */
const DECIDED_SECONDS = 2
const FILES = 60

/** One fault, and what is said of it. */
export interface Row {
  fault: string
  /** How often what it is about is looked at. */
  everySeconds: number
  /** And after the repair, where that is another. */
  afterSeconds?: number
  level: StatusLevel
  source: string
  /** In the tooltip and the headline. */
  says: RegExp
  card: RegExp
  /** What the incident is called, and what it is about; null: there is something to do, and nothing has failed. */
  incident: { kind: string; where: string } | null
  /** false: a person is told only if it lasts. */
  isTold: boolean
  break(): Promise<unknown>
  repair(): Promise<unknown>
}

/** Writes zeros until there is no room. */
const fill = (file: string) =>
  promisify(execFile)('dd', ['if=/dev/zero', `of=${file}`, 'bs=1M']).catch(() => undefined)

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } finally {
    socket.destroy()
  }
}

/** Starts with four sources, a folder on a disk of its own and a receiver; returns when everything is sent to both. */
export async function startWorld(desktop: Desktop, receiver: ReceiverProcess) {
  const [disk, small, shelf] = [await desktop.ext4(), await desktop.tmpfs(), await desktop.tmpfs()]
  const plain = path.join(desktop.dataDirectory, 'plain')
  const datas = path.join(desktop.dataDirectory, 'datas')
  const [lane, narrow] = [path.join(disk.point, 'lane'), path.join(small.point, 'narrow')]
  const files = Array.from({ length: FILES }, (_, index) => path.join(plain, `run-${index}`))
  const copies = path.join(shelf.point, 'copies')
  for (const one of [plain, datas, lane, narrow, copies]) await mkdir(one)
  for (const file of files) await writeFile(file, `what ${file} has measured`)
  const batch = { kind: 'batch', ignore: ['*.log'], batch: { prefix: 'DC' } }
  const running = await desktop.start({
    settings: {
      check: { intervalSeconds: CHECK_SECONDS },
      scan: { reconcileSeconds: RECONCILE_SECONDS, quietSeconds: 0.3 },
      send: { retrySeconds: RETRY_SECONDS },
      alerts: { unreachableMinutes: 0.05 },
      sources: [
        { id: 'lane', name: 'lane', path: lane },
        { id: 'narrow', name: 'narrow', path: narrow },
        { id: 'plain', name: 'plain', path: plain },
        { id: 'datas', name: 'datas', path: datas, ...batch },
      ],
    },
  })
  const folder = { kind: 'folder' as const, name: 'shelf', path: copies }
  const code = await receiver.code()
  const added = await running.page.evaluate(
    async (given) => [
      await window.holdfast.call('addDestination', { destination: given.folder, secrets: {} }),
      await window.holdfast.call('pair', { code: given.code }),
    ],
    { folder, code },
  )
  expect(added).toEqual([{ done: true }, { done: true }])
  /** Nothing waits, and nothing fails; all of it is on this one computer. */
  const isWell = async () => {
    const { status, totals, destinations } = await running.state()
    const isConnected = destinations.every(({ connection }) => connection.state === 'connected')
    return isConnected && status.level === 'partial' && totals.sentFiles >= FILES && totals.waitingFiles === 0
  }
  await until('all to be well', isWell, 40_000)
  return { running, disk, small, shelf, plain, datas, files, isWell, receiver }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** Faults of the disk that a source is on. */
function checks({ disk, small }: World): Row[] {
  const of = { everySeconds: CHECK_SECONDS, level: 'failing' as const, source: 'lane', isTold: true }
  const filler = path.join(small.point, 'filler')
  return [
    {
      ...of,
      fault: 'check: read-only',
      says: /lane has been read-only/,
      card: /read-only/,
      incident: { kind: 'Read-only', where: 'lane' },
      break: disk.remountAbort,
      repair: disk.remountFresh,
    },
    {
      ...of,
      fault: 'check: full',
      source: 'narrow',
      says: /narrow has been full/,
      card: /full/,
      incident: { kind: 'Full', where: 'narrow' },
      break: () => fill(filler),
      repair: () => rm(filler),
    },
    {
      ...of,
      fault: 'check: missing',
      says: /lane has been missing/,
      card: /missing/,
      incident: { kind: 'Missing', where: 'lane' },
      break: disk.unmount,
      repair: disk.mountAgain,
    },
    {
      ...of,
      fault: 'check: hang',
      says: /lane has not responded/,
      card: /not responding/,
      incident: { kind: 'Not responding', where: 'lane' },
      break: disk.freeze,
      repair: disk.thaw,
    },
  ]
}

/** Faults of the way, and of the other end. */
function transfers({ shelf, plain, running, receiver }: World): Row[] {
  const filler = path.join(shelf.point, 'filler')
  const deep = path.join(plain, ...Array.from({ length: 257 }, () => 'd'))
  const of = { source: 'plain', isTold: true }
  let port = 0
  return [
    {
      ...of,
      fault: 'transfer: a destination is full',
      everySeconds: CHECK_SECONDS + RETRY_SECONDS,
      level: 'failing',
      says: /shelf has been full/,
      card: /shelf: nothing can be sent/,
      incident: { kind: 'Full', where: 'shelf' },
      break: async () => {
        await fill(filler)
        await writeFile(path.join(plain, 'large'), Buffer.alloc(1 << 20, 7))
      },
      repair: () => rm(filler),
    },
    {
      ...of,
      fault: 'transfer: a parked file',
      everySeconds: PARKED_SECONDS,
      level: 'failing',
      says: /1 file of plain could not be sent/,
      card: /1 parked/,
      incident: { kind: 'Files parked', where: 'plain' },
      break: async () => {
        await mkdir(deep, { recursive: true })
        await writeFile(path.join(deep, 'file'), 'too deep')
      },
      repair: () => rm(path.join(plain, 'd'), { recursive: true }),
    },
    {
      ...of,
      fault: 'receiver: unreachable',
      everySeconds: AWAY_SECONDS,
      afterSeconds: 2 * RETRY_SECONDS,
      level: 'attention',
      says: /cellar has been unreachable/,
      card: /cellar: nothing can be sent/,
      incident: { kind: 'Unreachable', where: 'cellar' },
      break: async () => {
        const { destinations } = await running.state()
        port = Number(
          destinations
            .find(({ name }) => name === 'cellar')
            ?.address.split(':')
            .at(-1),
        )
        await receiver.stop()
      },
      repair: async () => {
        receiver.start(port)
        await until('it to listen', () => isListening(port))
      },
    },
  ]
}

/** What is found, or not, in the sources. */
function finds({ running, plain, datas, files }: World): Row[] {
  const odd = Buffer.concat([Buffer.from(`${plain}/odd`), Buffer.from([0xff])])
  const batch = path.join(datas, 'DC1')
  const [left, lost] = [
    /1 file in it was not sent/,
    /40 of 6\d files of plain that were sent have been emptied/,
  ]
  return [
    {
      fault: 'watcher: a directory that nobody can look at',
      source: 'plain',
      everySeconds: RECONCILE_SECONDS,
      level: 'attention',
      says: /is not sent: its name/,
      card: /is not sent: its name/,
      incident: { kind: 'Not watched', where: 'plain' },
      isTold: false,
      break: () => mkdir(odd),
      repair: () => rm(odd, { recursive: true }),
    },
    {
      fault: 'batch: closed, with files that never go',
      source: 'datas',
      everySeconds: RECONCILE_SECONDS,
      level: 'partial',
      says: left,
      card: left,
      incident: null,
      isTold: false,
      break: async () => {
        await mkdir(batch)
        for (const name of ['data', 'a.log', 'finished.parse']) await writeFile(path.join(batch, name), name)
      },
      repair: () => rm(batch, { recursive: true }),
    },
    {
      fault: 'emptied files',
      source: 'plain',
      everySeconds: DECIDED_SECONDS,
      afterSeconds: 2 * DECIDED_SECONDS,
      level: 'failing',
      says: lost,
      card: lost,
      incident: { kind: 'Files emptied or changed', where: 'plain' },
      isTold: true,
      break: () => Promise.all(files.slice(0, 40).map((file) => truncate(file, 0))),
      repair: async () => {
        await alertsTab(running.page).click()
        await running.page.getByRole('button', { name: 'Restore earlier contents' }).click()
        await running.page.getByRole('tab', { name: /Overview/ }).click()
      },
    },
  ]
}

export const rowsOf = (world: World): Row[] => [...checks(world), ...transfers(world), ...finds(world)]
