import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Where a run keeps its own things. A run ends when nothing has changed for its quiet period and three seconds. */
function dataDirectory(quietSeconds = 0.3) {
  const data = temporaryDirectory('once-data')
  const settings = openSettings(data)
  const { scan, ...others } = settings.get()
  settings.set({ ...others, scan: { ...scan, quietSeconds } })
  return data
}

/** A closed batch directory with one file in it, and where the run keeps its own things. */
function closedBatch(quietSeconds?: number) {
  const root = temporaryDirectory('once-root')
  const batch = path.join(root, 'DC1')
  mkdirSync(batch)
  writeFileSync(path.join(batch, 'good'), 'good', { mode: 0o644 })
  const data = dataDirectory(quietSeconds)
  return { root, batch, data, close: () => writeFileSync(path.join(batch, 'finished.parse'), '') }
}

describe('`send --once` exit code', () => {
  test('a file that cannot be sent in a closed batch directory gives 1', { tags: 'story' }, async () => {
    const { root, batch, data, close } = closedBatch()
    writeFileSync(Buffer.concat([Buffer.from(`${batch}/bad`), Buffer.from([0xff])]), 'bad')
    close()
    const once = startHoldfast(['send', '--once', '--batch', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(1)
    expect(once.err()).toContain('not valid UTF-8')
    expect(once.err()).toContain('1 file is not sent')
    expect(existsSync(path.join(batch, 'finished.watch'))).toBe(false)
  })

  test.skipIf(!canMount)(
    'a batch directory on a read-only file system gives 1 and the reason (needs root: mounts)',
    async () => {
      const disk = await mountTmpfs(onTestFinished)
      const batch = path.join(disk.point, 'DC1')
      mkdirSync(batch)
      for (const name of ['good', 'finished.parse'])
        writeFileSync(path.join(batch, name), name, { mode: 0o644 })
      await disk.remount('ro')
      const data = dataDirectory()
      const once = startHoldfast(['send', '--once', '--batch', '--data', data, disk.point])
      expect(await once.ended(), once.err()).toBe(1)
      expect(once.err()).toBe(
        `${batch}: every file is safe, but finished.watch could not be made: read-only file system. Holdfast must be able to write there.\n`,
      )
    },
  )

  test('1,002 files that cannot be sent give 1 and the names of the first 1,000', async () => {
    const { root, batch, data, close } = closedBatch()
    for (let number = 0; number < 1_002; number += 1)
      writeFileSync(Buffer.concat([Buffer.from(`${batch}/bad${number}`), Buffer.from([0xff])]), '')
    close()
    const once = startHoldfast(['send', '--once', '--batch', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(1)
    expect(once.err().match(/not valid UTF-8/g)).toHaveLength(1_000)
    expect(once.err()).toContain('… and 2 more files.\n1,002 files are not sent')
  })

  test('a file in a closed batch directory that the receiver refuses gives 1', async () => {
    const { root, data, close } = closedBatch()
    close()
    expect(await startHoldfast(['send', '--once', '--batch', '--data', data, root]).ended()).toBe(0)
    // A symbolic link has the place of the next one's file in the store.
    const store = path.join(data, 'store')
    const stored = readdirSync(store, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith('/DC1'),
    )
    const place = path.join(store, path.dirname(stored ?? expect.fail('nothing is stored')), 'DC2')
    mkdirSync(place)
    symlinkSync(root, path.join(place, 'bad'))
    mkdirSync(path.join(root, 'DC2'))
    for (const name of ['bad', 'finished.parse'])
      writeFileSync(path.join(root, 'DC2', name), '', { mode: 0o644 })
    const once = startHoldfast(['send', '--once', '--batch', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(1)
    expect(once.err()).toMatch(
      /^DC2\/bad: set aside after a failed transfer: .* a symbolic link stands in its way/m,
    )
    expect(existsSync(path.join(root, 'DC2/finished.watch'))).toBe(false)
  })

  test('a file that an earlier run set aside and that can be sent now gives 0', async () => {
    const { root, batch, data, close } = closedBatch()
    const source = createHash('sha256').update(root).digest('hex').slice(0, 16)
    const {
      size,
      mtimeNs,
      ctimeNs,
      ino: inode,
      dev: device,
    } = statSync(path.join(batch, 'good'), { bigint: true })
    const ledger = openLedger(path.join(data, 'ledger.db'))
    ledger.offer('embedded', [
      { source, path: 'DC1/good', size: Number(size), mtimeNs, ctimeNs, inode, device },
    ])
    const [due] = ledger.take('embedded', source, 1, Date.now(), new Set())
    if (due === undefined) throw new Error('not offered')
    ledger.park(due, message('problem.other', { reason: 'it was refused' }))
    ledger.close()
    close()
    const once = startHoldfast(['send', '--once', '--batch', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(0)
    expect(existsSync(path.join(batch, 'finished.watch'))).toBe(true)
  })

  test('a file in a closed batch directory that is too young gives 0', async () => {
    const { root, data, close } = closedBatch()
    close()
    const once = startHoldfast(['send', '--once', '--batch', '--min-age', '3600', '--data', data, root])
    expect(await once.ended(), once.err()).toBe(0)
    expect(once.err()).toContain('1 file changed too recently')
  })

  test('a batch directory that another program marked and did not close gives 0, and its files are reported', async () => {
    const { root, batch, data } = closedBatch()
    const run = async () => {
      const once = startHoldfast(['send', '--once', '--batch', '--data', data, root])
      expect(await once.ended(), once.err()).toBe(0)
      return once.err()
    }
    writeFileSync(path.join(batch, 'finished.watch'), '')
    const first = await run()
    expect(first).toContain('Batch folder DC1 was not closed properly')
    const undecided = /^1 file carries isocket's mark .* or the mark of another program in its batch folder/m
    expect(first).toMatch(undecided)
    expect(await run()).not.toContain('closed properly')
    mkdirSync(path.join(root, 'DC2'))
    writeFileSync(path.join(root, 'DC2/finished.watch'), '')
    const later = await run()
    expect(later).toMatch(/^2 batch folders were not closed properly: DC2, DC1/m)
    expect(later).toMatch(undecided)
  })

  test('a prefix that no directory has gives 0 and a message; a prefix that is impossible gives 2', async () => {
    const { root, data } = closedBatch()
    const none = startHoldfast(['send', '--once', '--prefix', 'QQ', '--data', data, root])
    expect(await none.ended(), none.err()).toBe(0)
    expect(none.err()).toBe(`No folder in ${root} has a name that begins with QQ.\n`)
    const never = startHoldfast(['send', '--once', '--prefix', 'a/b', '--data', data, root])
    expect(await never.ended(), never.err()).toBe(2)
    expect(never.err()).toContain('there is no / in it')
  })

  test('a file that cannot be sent gives 1, though its batch directory was marked before', async () => {
    const { root, batch, data, close } = closedBatch()
    close()
    expect(await startHoldfast(['send', '--once', '--batch', '--data', data, root]).ended()).toBe(0)
    writeFileSync(Buffer.concat([Buffer.from(`${batch}/bad`), Buffer.from([0xff])]), 'bad')
    expect(existsSync(path.join(batch, 'finished.watch'))).toBe(true)
    const again = startHoldfast(['send', '--once', '--batch', '--data', data, root])
    expect(await again.ended(), again.err()).toBe(1)
    expect(again.err()).toContain('name is not valid UTF-8')
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)(
    'a signal gives its own number, reports what was sent, and leaves no socket and no WAL file: %s',
    async (signal, code) => {
      const { root, data } = closedBatch(300)
      const once = startHoldfast(['send', '--once', '--batch', '--data', data, root])
      await untilState(data, 'the file to be sent', ({ totals }) => totals.sentFiles === 1)
      once.child.kill(signal)
      expect(await once.ended(), once.err()).toBe(code)
      expect(once.err()).toContain('Stopped before the end. Files sent: 1; known to wait: 0.')
      expect(readdirSync(data).filter((name) => /\.sock$|-(wal|shm)$/.test(name))).toEqual([])
    },
  )

  test('many batch directories give 0, and the oldest is marked although it was not closed', async () => {
    const root = temporaryDirectory('once-root')
    for (let number = 10; number < 32; number += 1) {
      const batch = path.join(root, `DC${number}`)
      mkdirSync(batch)
      writeFileSync(path.join(batch, 'file'), `${number}`, { mode: 0o644 })
      if (number > 10) writeFileSync(path.join(batch, 'finished.parse'), '')
      utimesSync(batch, 1_700_000_000 + number, 1_700_000_000 + number)
    }
    const data = dataDirectory()
    const once = startHoldfast(['send', '--once', '--batch', '--data', data, root])
    expect(await once.ended(60_000), once.err()).toBe(0)
    expect(existsSync(path.join(root, 'DC10/finished.watch'))).toBe(true)
  })

  test('a schedule that pauses all day gives 1 while a file waits, and 0 if no file waits', async () => {
    const { root, data } = closedBatch()
    const settings = openSettings(data)
    const { send } = settings.get()
    const free = settings.get()
    const days = [0, 1, 2, 3, 4, 5, 6]
    const schedule = [{ days, from: '00:00', to: '00:00', allow: 'pause' as const }]
    settings.set({ ...free, send: { ...send, schedule } })
    const words = ['send', '--once', '--data', data, root]
    const paused = startHoldfast(words)
    expect(await paused.ended(), paused.err()).toBe(1)
    expect(paused.err()).toMatch(/Not everything was sent: Paused by the schedule.* 1 file waits/)
    settings.set(free)
    expect(await startHoldfast(words).ended()).toBe(0)
    settings.set({ ...free, send: { ...send, schedule } })
    const again = startHoldfast(words)
    expect(await again.ended(), again.err()).toBe(0)
  })
})
