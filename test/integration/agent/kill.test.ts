import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { sendCommand } from '../../../core/agent/control-socket.ts'
import { type AppState, stateSnapshotSchema } from '../../../core/agent/state/schema.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { chooseLength } from '../../support/long.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { readTree } from '../../support/trees.ts'
import { until } from '../../support/until.ts'

const FILES = 2_000
const GROUP_WRITE = 0o020

/** Kills of a sender that progresses, and the files that are stored between two of them. */
const KILLS = chooseLength(3, 40)
const STEP = 10

async function readState(data: string): Promise<AppState> {
  return stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state
}

/** The directory in the embedded receiver's store that holds what this computer sent. */
function findStore(data: string, source: string): string | null {
  const store = path.join(data, 'store')
  if (!existsSync(store)) return null
  const sender = readdirSync(store).find((name) => !name.startsWith('.'))
  return sender === undefined ? null : path.join(store, sender, source)
}

describe('killed sender', () => {
  it('three kills during 2,000 files lose no file, and no file is marked before it is stored', async () => {
    const root = path.join(temporaryDirectory('kill'), 'datas')
    const batch = path.join(root, 'DC1')
    const data = temporaryDirectory('kill-data')
    mkdirSync(batch, { recursive: true })
    for (let index = 0; index < FILES; index += 1) {
      const file = path.join(batch, `file${index}`)
      writeFileSync(file, Buffer.alloc(3000 + index, String(index)))
      chmodSync(file, 0o644)
    }
    writeFileSync(path.join(batch, 'finished.parse'), '')
    startHoldfast(['agent', '--data', data, '--batch', root])

    const early: string[] = []
    const seen = new Set<string>()
    /** Looks at each mark once, when it is new: the store must have those very bytes by then. */
    const checkMarks = () => {
      const store = path.join(findStore(data, 'datas') ?? '', 'DC1')
      for (const name of readdirSync(batch)) {
        if (seen.has(name) || !name.startsWith('file')) continue
        const file = path.join(batch, name)
        if ((statSync(file).mode & GROUP_WRITE) === 0) continue
        seen.add(name)
        const copy = path.join(store, name)
        if (!existsSync(copy) || !readFileSync(copy).equals(readFileSync(file))) early.push(name)
      }
      return seen.size
    }

    const killed = new Set<number>()
    for (const share of [0.1, 0.4, 0.7]) {
      await until(`${share * FILES} files to be marked`, () => checkMarks() >= share * FILES)
      const { pid } = (await readState(data)).workers.sender
      if (pid === null) throw new Error('the sender has no process')
      killed.add(pid)
      process.kill(pid, 'SIGKILL')
      await until('another sender', async () => {
        checkMarks()
        const { condition, pid: now } = (await readState(data)).workers.sender
        return condition === 'running' && now !== pid
      })
    }
    await until(
      'the batch to be marked as sent',
      () => {
        checkMarks()
        return existsSync(path.join(batch, 'finished.watch'))
      },
      90_000,
    )

    expect(killed.size).toBe(3)
    expect(early).toEqual([])
    const marks = /finished\.(parse|watch)$/
    expect(readTree(findStore(data, 'datas') ?? '', marks)).toEqual(readTree(root, marks))
    // The state hears of it with the sender's next report.
    const { totals, workers } = await until('the state to know it', async () => {
      const state = await readState(data)
      return state.totals.sentFiles === FILES ? state : null
    })
    expect(totals).toMatchObject({ waitingFiles: 0, parkedFiles: 0 })
    expect(workers.sender.restarts).toBe(3)
  })

  test(`${KILLS} kills, each after ${STEP} more files, do not make the next process wait until all are sent`, {
    timeout: 90_000 + KILLS * 30_000,
  }, async () => {
    const base = temporaryDirectory('kill-again')
    const [root, data, disk] = ['files', 'data', 'disk'].map((name) => path.join(base, name)) as [
      string,
      string,
      string,
    ]
    for (const directory of [root, disk]) mkdirSync(directory)
    const files = 100 * KILLS
    for (let index = 0; index < files; index += 1)
      writeFileSync(path.join(root, `file${index}`), Buffer.alloc(4_000 + index))
    for (const words of [
      ['destinations', 'add', 'folder', disk, '--name', 'disk'],
      // So slow that a process cannot send all files in one round.
      ['settings', 'limit', '100K'],
    ])
      expect(await startHoldfast([...words, '--data', data]).ended()).toBe(0)
    startHoldfast(['agent', '--data', data, root])

    const readSender = async () => {
      const { destinations, totals } = await readState(data)
      return { ...destinations.find(({ name }) => name === 'disk')?.worker, sent: totals.sentFiles }
    }
    let sent = 0
    for (let kill = 0; kill < KILLS; kill += 1) {
      const pid = await until(`${STEP} more than ${sent} files to be sent`, async () => {
        const now = await readSender()
        return now.sent >= sent + STEP && now.condition === 'running' ? now.pid : null
      })
      sent = (await readSender()).sent
      process.kill(pid, 'SIGKILL')
    }
    expect(sent).toBeLessThan(files)
    await startHoldfast(['settings', 'limit', 'none', '--data', data]).ended()
    await until('all to be sent', async () => (await readSender()).sent === files)
    const computer = readdirSync(disk).find((name) => !name.startsWith('.')) ?? ''
    expect(readTree(path.join(disk, computer, 'files'))).toEqual(readTree(root))
  })
})
