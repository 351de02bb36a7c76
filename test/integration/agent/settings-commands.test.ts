import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { holdfast, readState, untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** The exit code of a command, and what it complained of. */
async function refused(words: string[]): Promise<{ code: number | string; said: string }> {
  const command = startHoldfast(words)
  const code = await command.ended()
  return { code, said: command.err() }
}

/** A directory that an agent protects, called "datas". */
async function protectedDirectory() {
  const root = path.join(temporaryDirectory('settings-commands'), 'datas')
  const data = temporaryDirectory('settings-commands-data')
  mkdirSync(root)
  const agent = startHoldfast(['agent', '--data', data, root])
  await untilState(data, 'the agent to watch', ({ sources }) => sources[0]?.scanned?.phase === 'watching')
  return { root, data, agent }
}

describe('settings commands', () => {
  test('a running agent applies filters, priority, pauses, the limit, and paths that are only checked', async () => {
    const { root, data } = await protectedDirectory()
    const about = ['--data', data]
    const only = temporaryDirectory('only-checked')

    const changed = await holdfast([
      ...['folders', 'change', root, '--ignore', '*.log', '--ignore', 'tmp/', '--hidden', 'leave-out'],
      ...['--min-size', '2', '--max-size', '10K', '--priority', 'high', '--delete-after', '719.2h', ...about],
    ])
    for (const line of [
      'left out: *.log',
      'left out: tmp/',
      'larger than 10 KiB',
      'priority: high',
      '30 days',
      'nothing is removed until files go to another one',
    ])
      expect(changed).toContain(line)
    const back = ['--min-size', 'none', '--max-size', 'none', '--delete-after', 'never', ...about]
    expect(await holdfast(['folders', 'change', root, ...back])).not.toMatch(/larger|smaller|removed/)
    await holdfast(['folders', 'change', root, '--min-size', '2', '--delete-after', '30d', ...about])
    writeFileSync(path.join(root, 'a.log'), 'left out')
    writeFileSync(path.join(root, 'a.dat'), 'sent')
    const sent = await untilState(data, 'the one file', ({ totals }) => totals.sentFiles > 0)
    expect(sent.totals).toMatchObject({ sentFiles: 1, waitingFiles: 0 })
    expect(sent.sources[0]?.settings).toMatchObject({
      ignore: ['*.log', 'tmp/'],
      minimumBytes: 2,
      deleteAfter: { hours: 720 },
    })

    expect(await holdfast(['folders', 'pause', '--for', '2h', ...about])).toContain('Sending is paused until')
    writeFileSync(path.join(root, 'b.dat'), 'held back')
    const paused = await untilState(data, 'the pause', ({ totals }) => totals.waitingFiles === 1)
    expect(paused.status.level).toBe('paused')
    await holdfast(['folders', 'resume', ...about])
    await untilState(data, 'the file that was held back', ({ totals }) => totals.sentFiles === 2)

    const named = await holdfast(['folders', 'change', 'datas', '--name', 'station', ...about])
    expect(named).toContain(`station  ${root}`)
    expect(named).toContain('left out: *.log')
    await holdfast(['folders', 'change', 'station', '--name', 'datas', ...about])

    expect(await holdfast(['folders', 'pause', 'datas', ...about])).toContain('paused')
    await untilState(data, 'the source to be paused', ({ sources }) => sources[0]?.settings.paused === true)
    expect(await holdfast(['folders', 'resume', root, ...about])).not.toContain('paused')

    const rule = 'mon-fri 08:00-18:00 1M'
    expect(await holdfast(['settings', 'limit', '10M', '--rule', rule, ...about])).toBe(
      '10M/s\n  mon,tue,wed,thu,fri 08:00-18:00 1M/s\n',
    )
    const limited = await untilState(data, 'the limit', ({ settings }) => settings.send.schedule.length === 1)
    expect(limited.settings.send.bytesPerSecond).toBe(10 * 1024 ** 2)
    expect(await holdfast(['settings', 'limit', 'none', '--no-rules', ...about])).toBe('none\n')

    expect(await holdfast(['destinations', 'keep', '--within', '7d', '--yearly', '0', ...about])).toBe(
      [
        'All older versions stay for 7 days instead of 30.',
        'Yearly versions stay for 0 years instead of 100.',
        'Versions beyond these numbers are removed for good: from folders now, elsewhere when the file changes next.',
        ...['all for 7 days', '  then one a day, of the latest 60 that have any'],
        ...['  then one a week, of the latest 52 that have any'],
        ...['  then one a month, of the latest 60 that have any', '  then one a year: none', ''],
      ].join('\n'),
    )
    const kept = await untilState(data, 'what is kept', ({ settings }) => settings.keep.yearly === 0)
    expect(JSON.parse(await holdfast(['destinations', 'keep', '--json', ...about]))).toEqual(
      kept.settings.keep,
    )

    await holdfast(['folders', 'check', only, ...about])
    expect(await holdfast(['folders', ...about])).toContain(`${only}  (only checked)`)
    await untilState(
      data,
      'its verdict',
      ({ checkedPaths }) => checkedPaths[0]?.checked?.overall.kind === 'ok',
    )
    await holdfast(['folders', 'remove', only, ...about])
    expect(await holdfast(['folders', 'remove', root, ...about])).toContain('no longer protected')
    expect(await holdfast(['folders', ...about])).toContain('No folder is protected')
    expect(existsSync(path.join(root, 'a.dat'))).toBe(true)
  })

  test('a setting is listed, shown, changed and reset, with and without a running agent', async () => {
    const { data, agent } = await protectedDirectory()
    const about = ['--data', data]
    const key = 'check.intervalSeconds'
    expect(await holdfast(['settings', key, '5m', ...about])).toBe(`${key}: 300 s\n`)
    await untilState(data, 'the interval', ({ settings }) => settings.check.intervalSeconds === 300)
    expect(await holdfast(['settings', ...about])).toMatch(
      /^ {2}check\.intervalSeconds +300 s +Check every \(default: 10 s\)$/m,
    )
    expect(await holdfast(['changes', ...about])).toContain('check.intervalSeconds')
    const wrong = await refused(['settings', key, '2h', ...about])
    expect(wrong).toMatchObject({ code: 2, said: expect.stringContaining('from 1 to 3600 (s)') })
    agent.child.kill('SIGTERM')
    await agent.ended()

    expect(await holdfast(['settings', 'keep.yearly', '1', ...about])).toContain('are removed for good')
    await holdfast(['settings', 'send.bytesPerSecond', '10M', ...about])
    await holdfast(['settings', key, 'default', ...about])
    expect(openSettings(data).get()).toMatchObject({
      check: { intervalSeconds: 10 },
      keep: { yearly: 1 },
      send: { bytesPerSecond: 10 * 1024 ** 2 },
    })
    expect(await holdfast(['settings', key, ...about])).toBe(
      [
        'check.intervalSeconds: 10 s',
        'Check every: Each path is checked this often. Failures are found within this time.',
        'Possible: a whole number from 1 to 3600 (s). Default: 10 s.\n',
      ].join('\n'),
    )
    const { settings } = JSON.parse(await holdfast(['settings', '--json', ...about]))
    expect(settings).toContainEqual(
      expect.objectContaining({ key: 'send.bytesPerSecond', value: 10 * 1024 ** 2, default: null }),
    )
    expect(await refused(['settings', 'chek.interval', '5', ...about])).toMatchObject({
      code: 2,
      said: expect.stringContaining('Did you mean check.intervalSeconds?'),
    })
    expect((await refused(['settings', 'exprt', ...about])).said).toContain('Did you mean export?')
    expect((await refused(['settings', 'proxy.user', 'me', ...about])).said).toContain('settings proxy')
  })

  test('settings are exported and imported, with and without a running agent', async () => {
    const { root, data, agent } = await protectedDirectory()
    const about = ['--data', data]
    const file = path.join(temporaryDirectory('exported'), 'settings.json')
    await holdfast(['settings', 'limit', '10M', ...about])
    expect(await holdfast(['settings', 'export', file, ...about])).toContain(file)
    await holdfast(['settings', 'limit', 'none', ...about])
    await holdfast(['folders', 'remove', root, ...about])

    const said = await holdfast(['settings', 'import', file, ...about])
    expect(said.split('\n').slice(0, 2)).toEqual([
      '+ folder datas',
      '~ send.bytesPerSecond: null -> 10485760',
    ])
    expect(said).toContain('--yes')
    expect((await readState(data)).settings.sources).toEqual([])
    await holdfast(['settings', 'import', file, '--yes', ...about])
    await untilState(data, 'the source again', ({ sources }) => sources[0]?.scanned?.phase === 'watching')
    expect((await readState(data)).settings.send.bytesPerSecond).toBe(10_485_760)

    // A source around the store would send its own copies: an agent refuses it, and so does the command alone.
    const around = JSON.parse(await holdfast(['settings', 'export', ...about]))
    around.sources[0].path = path.dirname(data)
    writeFileSync(file, JSON.stringify(around))
    const whole = ['settings', 'import', file, '--yes', ...about]
    expect((await refused(whole)).said).toContain('contains')
    agent.child.kill('SIGTERM')
    await agent.ended()
    expect((await refused(whole)).said).toContain('contains')
    around.sources = []
    writeFileSync(file, JSON.stringify(around))
    const json = JSON.parse(await holdfast(['settings', 'import', file, '--yes', '--json', ...about]))
    expect(json).toMatchObject({
      imported: true,
      changes: [{ kind: 'source', change: 'removed', name: 'datas' }],
    })
    expect(openSettings(data).get().sources).toEqual([])
  })

  test('a path that is only checked can be protected, and so can a directory with the longest name', async () => {
    const { root, data } = await protectedDirectory()
    const about = ['--data', data]
    const only = temporaryDirectory('only-checked')
    const long = path.join(temporaryDirectory('long'), 'a'.repeat(255))
    mkdirSync(long)
    writeFileSync(path.join(long, 'file'), 'file')
    await holdfast(['folders', 'check', only, ...about])
    await holdfast(['agent', only, long, ...about])
    const { sources, checkedPaths } = JSON.parse(await holdfast(['folders', '--json', ...about]))
    expect(sources.map((one: { path: string }) => one.path)).toEqual([root, only, long])
    expect(checkedPaths).toEqual([])
    await untilState(
      data,
      'its check',
      (state) => state.sources[1]?.checked?.overall.kind === 'ok' && state.totals.sentFiles === 1,
    )
    expect(await holdfast(['send', '--list', long])).toBe('file\n')
  })

  test('`--one-file-system` applies from the start or later, until it is reverted', async () => {
    const { root, data } = await protectedDirectory()
    const about = ['--data', data]
    const other = temporaryDirectory('other')
    await holdfast(['agent', '--one-file-system', other, ...about])
    const stays = 'left out: what is mounted inside'
    const isOne = async () =>
      (await readState(data)).settings.sources.map(({ path: at, oneFileSystem }) => [at, oneFileSystem])
    expect(await isOne()).toEqual([
      [root, false],
      [other, true],
    ])
    // Named again without the option it is as it is; with it, one that is otherwise is refused.
    await holdfast(['agent', other, ...about])
    const { code, said } = await refused(['agent', '--one-file-system', root, ...about])
    expect([code, said]).toEqual([1, expect.stringContaining('with other settings')])
    expect(await holdfast(['folders', 'change', root, '--one-file-system', ...about])).toContain(stays)
    expect(await holdfast(['folders', 'change', other, '--no-one-file-system', ...about])).not.toContain(
      stays,
    )
    expect(await isOne()).toEqual([
      [root, true],
      [other, false],
    ])
    // Nothing is said of it by a change of something else.
    expect(await holdfast(['folders', 'change', root, '--min-age', '2m', ...about])).toContain(stays)
  })

  test('changes without an agent are saved in the file for the next agent', async () => {
    const { root, data, agent } = await protectedDirectory()
    agent.child.kill('SIGTERM')
    await agent.ended()
    const link = path.join(temporaryDirectory('link'), 'datas')
    symlinkSync(root, link)
    await holdfast(['folders', 'change', link, '--ignore', '*.log', '--min-age', '2m', '--data', data])
    await holdfast(['folders', 'change', root, '--no-ignore', '--max-size', '1G', '--data', data])
    await holdfast(['folders', 'pause', '--data', data])
    await holdfast(['settings', 'limit', '500K', '--data', data])
    const settings = openSettings(data).get()
    expect(settings.sources[0]).toMatchObject({ ignore: [], minimumAgeSeconds: 120, maximumBytes: 1024 ** 3 })
    expect(settings.pause).toMatchObject({ until: null })
    expect(settings.send.bytesPerSecond).toBe(500 * 1024)
    startHoldfast(['agent', '--data', data])
    await until('the agent to be paused', async () => {
      const status = startHoldfast(['status', '--data', data])
      await status.ended()
      return /paused/i.test(status.out())
    })
  })

  test('a directory removed without an agent is deleted from the ledger with its sent files', async () => {
    const { root, data, agent } = await protectedDirectory()
    writeFileSync(path.join(root, 'file'), 'file')
    const { sources } = await untilState(data, 'the file', ({ totals }) => totals.sentFiles === 1)
    agent.child.kill('SIGTERM')
    await agent.ended()
    const ledger = openLedger(path.join(data, 'ledger.db'))
    onTestFinished(() => ledger.close())
    const known = () =>
      ledger.files(['embedded'], { source: null, state: null, before: null, limit: 10 }).files
    expect(known()).toHaveLength(1)
    await holdfast(['folders', 'remove', root, '--data', data])
    expect(known()).toEqual([])
    expect(ledger.home(sources[0]?.settings.id ?? '')).toBeNull()
  })

  test('invalid arguments are refused with exit code 2, and no setting is changed', async () => {
    const { root, data } = await protectedDirectory()
    const wrong = [
      ['folders', 'change', root],
      ['folders', 'change', root, '--min-size', 'much'],
      ['folders', 'change', root, '--delete-after', '10m'],
      ['folders', 'change', root, '--delete-after', '59m'],
      ['folders', 'change', root, '--ignore', 'x'.repeat(1_001)],
      ['folders', 'change', root, '--hidden', 'maybe'],
      ['folders', 'change', ''],
      ['folders', 'change', root, '--ignore', ''],
      ['destinations', 'rename', 'nas', ' '],
      ['pair', 'nonsense'],
      ['folders', 'pause', '--for', '8d'],
      ['folders', 'pause', '--for', '5'],
      ['channels', 'rules', '--unreachable', '5'],
      ['failures', 'snooze', 'x', '30'],
      ['folders', 'pause', '--for', '2h', '--until-tomorrow'],
      ['settings', 'limit', '0'],
      ['destinations', 'keep', '--daily', '-1'],
      ['settings', 'limit', '--rule', 'mon-fri 1M'],
      ['settings', 'limit', '--rule', 'daily 08:00-18:00 1M', '--no-rules'],
      ['settings', 'limit', ...Array.from({ length: 51 }, () => ['--rule', 'daily 08:00-18:00 1M']).flat()],
    ]
    for (const words of wrong)
      expect(await refused([...words, '--data', data]), words.join(' ')).toEqual({
        code: 2,
        said: expect.not.stringContaining('too_big'),
      })
    const empty = await refused([
      'folders',
      'change',
      root,
      '--min-size',
      '2M',
      '--max-size',
      '1M',
      '--data',
      data,
    ])
    expect(empty).toMatchObject({ code: 1, said: expect.stringContaining('no file can be at least 2 MiB') })
    const unknown = await refused(['folders', 'remove', '/nowhere', '--data', data])
    expect(unknown).toMatchObject({
      code: 1,
      said: expect.stringContaining('/nowhere is not a protected folder'),
    })
    expect(openSettings(data).get()).toMatchObject({
      sources: [{ path: root, minimumBytes: null, deleteAfter: null }],
      pause: null,
      send: { bytesPerSecond: null, schedule: [] },
    })
  })
})
