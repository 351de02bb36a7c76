// The faults of truth.spec.ts, with what each of them makes a person see, and their repairs.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import type { StatusLevel } from '../../core/agent/state/schema.ts'
import { limitWatches } from '../support/desktop/launch.ts'
import { until } from '../support/until.ts'
import { expect } from './desktop.ts'
import { alertsTab } from './telling.ts'
import { CHECK_SECONDS, RECONCILE_SECONDS, RETRY_SECONDS, type World } from './truth-world.ts'

/** Files that were given up are looked at this often (send/queue/dispatcher.ts). */
const PARKED_SECONDS = 5
/** For so long a receiver may be away before anybody is bothered (agent/state/find-conditions.ts). */
const AWAY_SECONDS = 10
/** Changes are gathered for so long before it is decided that they are no accident (scan/reconcile/mass-change-guard.ts). */
const DECIDED_SECONDS = 2
/** The contents are searched for so long before a person is asked: rotated logs have them under other names. */
const SEARCHED_SECONDS = 10
/** Deleted paths are gathered for so long (watch/inotify-thread.ts), and then as long as DECIDED_SECONDS. */
const GONE_SECONDS = 1
/** What is not a check's verdict is looked over for alerts this often (agent/agent.ts). */
const LOOK_SECONDS = 1

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
  /** What goes on while it lasts. */
  meanwhile?(): Promise<unknown>
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

const runCommand = promisify(execFile)

/** Faults of the disk that a source is on. */
function checks({ disk, small, running }: World): Row[] {
  const of = { everySeconds: CHECK_SECONDS, level: 'failing' as const, source: 'lane', isTold: true }
  const filler = path.join(small.point, 'filler')
  const waitForChecks = async (source: string, count: number) => {
    const { sources } = await running.state()
    const findLastCheck = (all: typeof sources) =>
      all.find(({ settings }) => settings.id === source)?.checked?.at ?? 0
    const from = findLastCheck(sources)
    const wanted = from + (count - 0.5) * CHECK_SECONDS * 1000
    await until(
      `${count} checks of ${source}`,
      async () => findLastCheck((await running.state()).sources) > wanted,
      (count + 1) * CHECK_SECONDS * 1000 + 2_000,
    )
  }
  return [
    {
      ...of,
      fault: 'check: read-only',
      says: /lane is read-only/,
      card: /read-only/,
      incident: { kind: 'Read-only', where: 'lane' },
      break: disk.remountAbort,
      repair: disk.remountFresh,
    },
    {
      ...of,
      fault: 'check: full',
      source: 'narrow',
      says: /narrow is full/,
      card: /full/,
      incident: { kind: 'Full', where: 'narrow' },
      break: () => fill(filler),
      repair: () => rm(filler),
    },
    {
      ...of,
      fault: 'check: missing',
      says: /lane is missing/,
      card: /missing/,
      incident: { kind: 'Missing', where: 'lane' },
      break: disk.unmount,
      repair: disk.mountAgain,
    },
    {
      ...of,
      fault: 'check: hang',
      says: /lane does not respond/,
      card: /not responding/,
      incident: { kind: 'Not responding', where: 'lane' },
      break: disk.freeze,
      // A disk that hangs holds up no other.
      meanwhile: () => waitForChecks('narrow', 3),
      repair: disk.thaw,
    },
  ]
}

/** Faults of the way, and of the other end. */
function transfers({ shelf, plain, running, receiver }: World): Row[] {
  const filler = path.join(shelf.point, 'filler')
  // By which a folder is known: what is underneath a disk that is away has none.
  const [own, away] = [path.join(shelf.point, 'copies/.holdfast'), path.join(shelf.point, 'away')]
  const deep = path.join(plain, ...Array.from({ length: 257 }, () => 'd'))
  const of = { source: 'plain', isTold: true }
  let port = 0
  const pairAgain = async () => {
    const code = await receiver.code()
    const call = (given: string) => window.holdfast.call('pair', { code: given })
    expect(await running.page.evaluate(call, code)).toEqual({})
  }
  return [
    {
      ...of,
      fault: 'transfer: a destination is full',
      everySeconds: CHECK_SECONDS + RETRY_SECONDS,
      level: 'failing',
      says: /shelf is full/,
      card: /shelf · Full: nothing can be sent/,
      incident: { kind: 'Full', where: 'shelf' },
      break: async () => {
        await fill(filler)
        await writeFile(path.join(plain, 'large'), Buffer.alloc(1 << 20, 7))
      },
      repair: () => rm(filler),
    },
    {
      ...of,
      fault: 'transfer: the disk of a destination is away',
      everySeconds: CHECK_SECONDS + RETRY_SECONDS,
      afterSeconds: CHECK_SECONDS + 2 * RETRY_SECONDS,
      level: 'failing',
      says: /shelf is missing/,
      card: /shelf · Missing: nothing can be sent/,
      incident: { kind: 'Missing', where: 'shelf' },
      break: () => rename(own, away),
      repair: () => rename(away, own),
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
      says: /cellar is unreachable/,
      card: /cellar · Unreachable: nothing can be sent/,
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
    {
      ...of,
      fault: 'receiver: revoked',
      everySeconds: 2 * RETRY_SECONDS,
      level: 'attention',
      says: /cellar at .* no longer accepts this computer.* pair again/,
      card: /cellar · Cannot be used: nothing can be sent/,
      incident: { kind: 'Cannot be used', where: 'cellar' },
      isTold: false,
      break: receiver.revoke,
      repair: pairAgain,
    },
  ]
}

/** What is found, or not, in the sources. */
function finds({ running, plain, datas, files }: World): Row[] {
  const odd = Buffer.concat([Buffer.from(`${plain}/odd`), Buffer.from([0xff])])
  const batch = path.join(datas, 'DC1')
  const pid = running.holdfast.pid
  const [left, lost] = [/1 file in it was not sent/, /40 of 6\d files in plain were emptied/]
  return [
    {
      fault: 'watcher: a directory that nobody can look at',
      source: 'plain',
      everySeconds: RECONCILE_SECONDS,
      level: 'attention',
      says: /is not sent: its name/,
      card: /is not sent: its name/,
      incident: { kind: 'Incomplete', where: 'plain' },
      isTold: false,
      break: () => mkdir(odd),
      repair: () => rm(odd, { recursive: true }),
    },
    {
      fault: 'watcher: no watches left',
      source: 'plain',
      everySeconds: RECONCILE_SECONDS,
      level: 'attention',
      says: /is polled instead of watched.* Raise the limit/,
      card: /is polled instead of watched/,
      incident: { kind: 'Not watched', where: 'plain' },
      isTold: false,
      break: async () => {
        await limitWatches(pid, 0)
        await mkdir(path.join(plain, 'unwatched'))
      },
      repair: () => limitWatches(pid, 1_000),
    },
    {
      fault: 'batch: closed, with files that never go',
      source: 'datas',
      everySeconds: RECONCILE_SECONDS,
      level: 'partial',
      says: /1 file left out in a batch of datas/,
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
      everySeconds: DECIDED_SECONDS + SEARCHED_SECONDS + LOOK_SECONDS,
      // The restorer has to start, and to bring them back.
      afterSeconds: 2 * DECIDED_SECONDS + LOOK_SECONDS,
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

/** Files that are deleted in the sources, and put back as they were. */
function deletions({ plain, narrow, files, desktopDirectory }: World): Row[] {
  const aside = path.join(desktopDirectory, 'aside')
  const seconds = GONE_SECONDS + DECIDED_SECONDS + LOOK_SECONDS
  const of = { level: 'attention' as const, everySeconds: seconds, isTold: true }
  const row = (
    fault: string,
    source: string,
    count: string,
    directory: string,
    remove: () => unknown,
  ): Row => ({
    ...of,
    fault: `deleted files: ${fault}`,
    source,
    says: new RegExp(`${count} files in ${source} were deleted`),
    card: / deleted here/,
    incident: { kind: 'Files deleted', where: source },
    break: async () => {
      // Without the files of checks, which come and go.
      const filter = (from: string) => !path.basename(from).startsWith('.holdfast')
      await cp(directory, aside, {
        ...{ recursive: true, preserveTimestamps: true, verbatimSymlinks: true },
        filter,
      })
      await remove()
    },
    repair: async () => {
      await runCommand('cp', ['-a', '-n', `${aside}/.`, directory])
      await rm(aside, { recursive: true })
    },
  })
  const removeAll = (directory: string) =>
    runCommand('find', [directory, '-mindepth', '1', '-not', '-name', '.holdfast*', '-delete'])
  return [
    row('40 of them', 'plain', '40 of 6\\d', plain, () =>
      Promise.all(files.slice(0, 40).map((file) => rm(file))),
    ),
    row('all of them', 'plain', '6\\d of 6\\d', plain, () => removeAll(plain)),
    row('a directory', 'narrow', '12 of 12', narrow, () =>
      rm(path.join(narrow, 'album'), { recursive: true }),
    ),
  ]
}

export const buildRows = (world: World): Row[] => [
  ...checks(world),
  ...transfers(world),
  ...finds(world),
  ...deletions(world),
]
