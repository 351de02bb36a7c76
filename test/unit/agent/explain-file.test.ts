import { describe, expect, test } from 'vitest'
import { commands } from '../../../core/agent/contract.ts'
import { explainFile, explainOutside, findSourceOf } from '../../../core/agent/parts/sources/explain-file.ts'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import type { Examined } from '../../../core/scan/scanner-messages.ts'
import type { Source } from '../../../core/settings/schema.ts'
import { checkedState, destinationState, emptyState, sourceState } from '../renderer/fake-state.ts'

type Row = Examined['rows'][number]

const SINCE = 1_700_000_000_000
const row = (destination: string, changes: Partial<Row> = {}): Row => ({
  ...{ id: 1, source: 's', destination, path: 'a', size: 5, modifiedAt: SINCE, state: 'sent', attempts: 0 },
  ...{ sentAt: SINCE, removedAt: null, reason: null, since: SINCE, isSame: true, ...changes },
})
const waiting = (destination: string, changes: Partial<Row> = {}) =>
  row(destination, { state: 'waiting', since: null, sentAt: null, ...changes })

/** Explains /data/a, which has two destinations on other computers. */
function explain(
  examined: Partial<Examined>,
  changes: Partial<AppState> = {},
  settings: Partial<Source> = {},
  folder: Partial<SourceState> = {},
) {
  const connected = { ...destinationState('x').connection, state: 'connected' as const }
  const state = emptyState({
    destinations: ['nas', 'usb'].map((id) =>
      destinationState(id, { name: id, kind: 'receiver', elsewhere: true, connection: connected }),
    ),
    ...changes,
  })
  const source = sourceState('data', '/data', { settings: { id: 's', ...settings } })
  const [own] = source.destinations
  const destinations = state.destinations.map(({ id }) => ({ ...own, id })) as typeof source.destinations
  const scanned = source.scanned && { ...source.scanned, phase: 'watching' as const }
  const here = { here: 'file', size: 5, modifiedAt: SINCE, target: null } as const
  const answer = explainFile(state, { ...source, scanned, destinations, ...folder }, 'a', {
    ...{ ...here, missing: null, why: null, rows: [], below: null, gone: null },
    ...examined,
  })
  return {
    verdict: answer.verdict,
    states: answer.places.map(({ destination, state: now }) => `${destination} ${now}`),
    waits: answer.places.flatMap(({ detail }) => (detail === null ? [] : [englishWords(detail)])),
    said: [answer.sentence, ...answer.details].map(englishWords).join(' '),
    commands: answer.steps.map(({ command }) => command),
    about: answer.steps.map(({ about }) => about),
  }
}

describe('explained file', () => {
  test('a file that every destination has is safe, with the command that lists its versions', () => {
    const { verdict, states, commands } = explain({ rows: [row('nas'), row('usb')] })
    expect([verdict, ...states]).toEqual(['safe', 'nas durable', 'usb durable'])
    expect(commands).toEqual(['holdfast restore --from nas data/a --list'])
  })

  test('a step names the folder, destination, setting or path that it concerns, for the buttons of the window', () => {
    const failing = { state: 'unreachable' as const, since: SINCE, problem: null }
    const away = [destinationState('nas', { kind: 'receiver', connection: failing })]
    expect(explain({ rows: [row('nas'), row('usb')] }).about).toEqual(['nas'])
    expect(explain({ rows: [waiting('nas')] }, { destinations: away }).about).toEqual(['nas'])
    expect(explain({ rows: [] }, {}, { paused: true }).about).toEqual(['s'])
    expect(explain({ target: '/elsewhere/a' }).about).toEqual(['/elsewhere/a'])
    const { settings } = emptyState()
    const send = { ...settings.send, pauseOnBattery: true }
    const onBattery = {
      settings: { ...settings, send },
      surroundings: { battery: 'yes', metered: 'no' } as const,
    }
    expect(explain({ rows: [] }, onBattery).about).toEqual(['send.pauseOnBattery'])
    expect(explainOutside('/other/a').steps.map(({ about }) => about)).toEqual(['/other'])
  })

  test('a file that only destinations on this computer have is copied, not safe', () => {
    const destinations = [destinationState('disk', { elsewhere: false })]
    const { verdict, commands } = explain({ rows: [row('disk')] }, { destinations })
    expect(verdict).toBe('copied')
    expect(commands[0]).toBe('holdfast destinations add --help')
  })

  test('a command names a destination as people do', () => {
    const connected = { ...destinationState('x').connection, state: 'connected' as const }
    const nas = destinationState('r-1', { name: 'NAS', elsewhere: true, connection: connected })
    const { commands } = explain({ rows: [row('r-1')] }, { destinations: [nas] })
    expect(commands).toEqual(['holdfast restore --from NAS data/a --list'])
    const gone = explain({ here: 'gone', size: null, rows: [row('r-1')] }, { destinations: [nas] })
    expect(gone.commands).toEqual(['holdfast restore --from NAS data/a --in-place --missing-only'])
  })

  test('a file that one destination lacks is not safe, and that destination names the reason', () => {
    const reason = message('transfer.storedInUse', { path: '/data/a', name: 'usb' })
    const { verdict, states, waits, said } = explain({ rows: [row('nas'), waiting('usb', { reason })] })
    expect([verdict, ...states]).toEqual(['waiting', 'nas durable', 'usb waiting'])
    expect(said).toContain('Not at every destination yet.')
    expect(waits).toEqual([englishWords(reason)])
  })

  test('a changed file has its earlier version at a destination', () => {
    const { said, states } = explain({
      rows: [row('nas', { isSame: false }), waiting('usb', { since: SINCE })],
    })
    expect(said).toContain('Changed since it was sent')
    expect(states).toEqual(['nas older', 'usb older'])
  })

  test('a file without a row waits until the comparison or the watch finds it', () => {
    expect(explain({}).waits[0]).toBe('It will be noticed within seconds.')
    expect(explain({ rows: [waiting('nas', { isSame: false })] }).waits[0]).toContain('noticed')
  })

  test.each([
    ['--no-ignore', message('scan.why.ignored', { pattern: '*.log' }), { ignore: ['*.log'] }],
    ["--ignore 'b c'", message('scan.why.ignored', { pattern: '*.log' }), { ignore: ['*.log', 'b c'] }],
    ['--hidden send', message('scan.why.hidden'), {}],
    ['--temporary send', message('scan.why.temporary'), {}],
    ['--min-size none', message('scan.why.tooSmall', { least: 9 }), {}],
    ['--max-size none', message('scan.why.tooLarge', { most: 9 }), {}],
    ['--no-one-file-system', message('scan.why.otherFileSystem'), {}],
  ])('a file that the rules leave out has the command %s', (options, why, settings) => {
    const { verdict, said, commands, states } = explain({ why }, {}, settings)
    expect([verdict, states]).toEqual(['left-out', []])
    expect(said).toContain(englishWords(why))
    expect(said).toContain('set in the rules of data')
    expect(commands).toEqual([`holdfast folders change /data ${options}`])
  })

  test('a mark is left out by a fixed rule, which no command changes', () => {
    const { said, commands } = explain({ why: message('scan.why.mark') })
    expect(said).toContain('a fixed rule of Holdfast')
    expect(commands).toEqual([])
  })

  test.each([message('scan.why.transferred'), message('scan.why.batchSent', { mark: 'finished.watch' })])(
    'a file that another program marked as sent waits for a decision: $key',
    (why) => {
      const { verdict, said, waits, commands } = explain({ why })
      expect([verdict, waits]).toEqual(['left-out', []])
      expect(said).toContain(englishWords(why))
      expect(said).not.toContain('a fixed rule')
      expect(commands).toEqual(['holdfast folders confirm /data', 'holdfast folders send /data'])
    },
  )

  test('a file of a name that is not UTF-8 has a command that shows it', () => {
    const { verdict, commands } = explain({ here: 'other', why: message('scan.why.name') })
    expect([verdict, ...commands]).toEqual(['left-out', 'ls -lab /data'])
  })

  test.each([true, false])('a sent file (same: %s) is left out only now, and its copy stays', (isSame) => {
    const { verdict, said, states } = explain({
      why: message('scan.why.hidden'),
      rows: [row('nas', { isSame })],
    })
    expect([verdict, ...states]).toEqual(['left-out', isSame ? 'nas durable' : 'nas older'])
    expect(said).toMatch(/^Left out now\. What was sent stays at its destination\./)
    expect(explain({ why: message('scan.why.hidden') }).said).toMatch(/^Not sent: it is left out\./)
  })

  test('a file that cannot be read has its error, and the copy of a sent one stays', () => {
    const unreadable = {
      here: 'unreadable' as const,
      size: null,
      why: message('scan.why.unreadable', { reason: 'EACCES' }),
    }
    const { verdict, said, commands } = explain(unreadable)
    expect([verdict, said]).toEqual(['left-out', 'Not sent: it cannot be read (permission denied).'])
    expect(commands).toEqual(['ls -lab /data'])
    const sent = explain({ ...unreadable, rows: [row('nas')] })
    expect(sent.said).toBe(
      'It cannot be read now (permission denied). What was sent stays at its destination.',
    )
    expect(sent.states).toEqual(['nas durable'])
  })

  test('a young file waits for its age, and the command sends it at once', () => {
    const why = message('scan.why.tooYoung', { age: 60_000 })
    const { verdict, waits, commands } = explain({ why, rows: [waiting('nas')] })
    expect([verdict, waits, commands]).toEqual(['waiting', [], ['holdfast folders change /data --min-age 0']])
  })

  test('an open file waits for its program, which a command shows on Linux', () => {
    const { verdict, said, commands } = explain({ why: message('scan.why.writing') })
    expect(verdict).toBe('waiting')
    expect(commands).toEqual(process.platform === 'linux' ? ['fuser -v /data/a'] : [])
    expect(said).toContain('open for writing')
  })

  test('a parked file has its reason and the command that retries it, once for two destinations', () => {
    const reason = message('scan.why.nameLong')
    const parked = { state: 'parked', since: null, sentAt: null, reason } as const
    const { verdict, states, waits, commands } = explain({
      why: message('scan.why.parked'),
      rows: [row('nas', parked), row('usb', parked)],
    })
    expect([verdict, ...states]).toEqual(['parked', 'nas parked', 'usb parked'])
    expect(waits[0]).toBe(englishWords(reason))
    expect(commands).toEqual(['holdfast folders retry /data'])
  })

  test('a file that is gone here has the command that puts it back', () => {
    const { verdict, said, states, commands } = explain({ here: 'gone', size: null, rows: [row('usb')] })
    expect([verdict, ...states]).toEqual(['gone', 'usb durable'])
    expect(said).toBe('No longer here. It is kept at its destination.')
    expect(commands).toEqual(['holdfast restore --from usb data/a --in-place --missing-only'])
    const both = explain({ here: 'gone', size: null, rows: [row('nas'), row('usb')] })
    expect(both).toMatchObject({ said, states: ['nas durable', 'usb durable'] })
    const removed = explain({ here: 'gone', size: null, rows: [row('usb', { removedAt: SINCE })] })
    expect(removed.said).toContain('Removed here by Holdfast')
  })

  test('a folder that is gone here counts its files at a destination', () => {
    const { verdict, said, commands } = explain({
      ...{ here: 'gone', size: null, gone: { destination: 'nas', files: 12 } },
    })
    expect(verdict).toBe('gone')
    expect(said).toContain('12 sent files')
    expect(commands).toEqual(['holdfast restore --from nas data/a --in-place --missing-only'])
  })

  const away = message('check.unmounted', { path: '/data', point: '/data' })
  const lost = message('scan.diskMissing', { path: '/data', mount: '/data' })
  const inner = message('scan.innerDiskMissing', { path: '/data/a' })
  const { overall } = checkedState('s', '/data')
  const missing = { ...overall, kind: 'missing' as const, sentence: away }
  test.each([
    ['its check', away, { checked: checkedState('s', '/data', { overall: missing }) }, null],
    ['its mount', lost, {}, lost],
    ['a disk in it', inner, {}, inner],
  ])(
    'a disk that is away, by %s, leaves its files unknown: nothing is put below its mount point',
    (_, why, folder, missing) => {
      const below = { sent: 0, waiting: 0, others: [], isPart: false }
      for (const examined of [{ here: 'gone' as const }, { here: 'directory' as const, below }]) {
        const rows = [row('nas')]
        const { verdict, said, states, commands } = explain(
          { ...examined, missing, size: null, rows },
          {},
          {},
          folder,
        )
        expect([verdict, said, ...states]).toEqual(['unknown', englishWords(why), 'nas durable'])
        expect(commands).toEqual(['holdfast failures --lasting'])
      }
    },
  )

  test('without an agent a waiting file waits for its start; a safe one and one left out do not', () => {
    const host = 'command' as const
    const waits = explain({ rows: [row('nas'), waiting('usb')] }, { host })
    expect(waits.said).toContain('Holdfast is not running: nothing is sent now.')
    expect(waits.commands).toEqual(['holdfast agent'])
    expect(waits.waits).toEqual([])
    const unseen = explain({}, { host }, {}, { scanned: null })
    expect([unseen.verdict, ...unseen.commands, ...unseen.waits]).toEqual(['waiting', 'holdfast agent'])
    const safe = explain({ rows: [row('nas'), row('usb')] }, { host })
    expect(safe.said).not.toContain('not running')
    const leftOut = explain({ why: message('scan.why.hidden') }, { host })
    expect(leftOut.said).not.toContain('not running')
  })

  test('a full disk shows which files are gone', () => {
    const full = { ...overall, kind: 'full' as const }
    const folder = { checked: checkedState('s', '/data', { overall: full }) }
    expect(explain({ here: 'gone', size: null, rows: [row('nas')] }, {}, {}, folder).verdict).toBe('gone')
  })

  test('a file that is neither here nor there is nowhere', () => {
    expect(explain({ here: 'gone', size: null }).verdict).toBe('nowhere')
  })

  test('a link is not sent, and its target can be asked about', () => {
    const { verdict, commands } = explain({ here: 'link', target: '/b c', size: null })
    expect([verdict, ...commands]).toEqual(['left-out', "holdfast why '/b c'"])
  })

  test('a disk that does not answer leaves the file unknown', () => {
    expect(explain({ here: 'unanswered', size: null })).toMatchObject({
      ...{ verdict: 'unknown', commands: ['holdfast failures --lasting'] },
    })
  })

  test('a directory sums its files up, with the command that lists those that are not sent', () => {
    const below = { sent: 3, waiting: 1, others: [], isPart: false }
    const answer = explain({ here: 'directory', size: null, below, gone: { destination: 'nas', files: 2 } })
    expect(answer.verdict).toBe('folder')
    expect(answer.said).toBe(
      '3 sent, 1 to be sent 2 sent files are no longer here, and are kept at their destination.',
    )
    expect(answer.commands).toEqual(['holdfast send /data --list --why'])
    expect(explain({ here: 'directory', below: { ...below, waiting: 0 } }).commands).toEqual([])
  })
})

describe('explained file that waits', () => {
  const rows = [waiting('nas'), row('usb')]

  test('a pause of all sending, with the command that ends it', () => {
    const settings = { ...emptyState().settings, pause: { since: SINCE, until: null } }
    const { waits, commands } = explain({ rows }, { settings })
    expect([waits, commands]).toEqual([['Sending is paused.'], ['holdfast folders resume']])
    const until = { ...settings, pause: { since: SINCE, until: SINCE } }
    const limited = explain({ rows }, { settings: until })
    expect(limited.waits[0]).toMatch(/^Sending is paused until /)
    expect(limited.commands).toEqual(commands)
  })

  test('a paused folder, with the command that resumes it', () => {
    const { waits, commands } = explain({ rows }, {}, { paused: true })
    expect([waits, commands]).toEqual([['Its folder is paused.'], ['holdfast folders resume /data']])
  })

  test.each([
    ['an ejected disk', { ejectedAt: SINCE }, 'Its disk is ejected.', 'holdfast destinations use nas'],
    [
      'an unreachable destination',
      { connection: { ...destinationState('nas').connection, state: 'unreachable' as const } },
      'nas',
      'holdfast destinations test nas',
    ],
  ])('%s, with its command', (_, changes, words, command) => {
    const destinations = [
      destinationState('nas', { name: 'nas', elsewhere: true, ...changes }),
      destinationState('usb', { name: 'usb', elsewhere: true }),
    ]
    const { waits, commands } = explain({ rows }, { destinations })
    expect(waits[0]).toContain(words)
    expect(commands).toEqual([command])
  })

  test('a transfer in progress shows its share', () => {
    const transfer = { id: 1, destination: 'nas', source: 's', path: 'a', size: 8, sentBytes: 2 }
    expect(explain({ rows }, { transfers: [transfer as never] }).waits).toEqual(['It is being sent: 25 %.'])
  })

  test('without a cause the file waits for its turn', () => {
    expect(explain({ rows }).waits).toEqual(['It is next.'])
  })
})

describe('explained path outside', () => {
  const source = sourceState('data', '/data', { settings: { id: 's', link: '/link' } }).settings
  const inner = sourceState('inner', '/data/in', { settings: { id: 'i' } }).settings

  test('a path belongs to the innermost folder, also by the link that it was given by', () => {
    expect(findSourceOf([source, inner], '/data/in/a')).toMatchObject({ source: inner, path: 'a' })
    expect(findSourceOf([source, inner], '/link/b/c')).toMatchObject({ source, path: 'b/c' })
    expect(findSourceOf([source], '/data')).toMatchObject({ source, path: '' })
    expect(findSourceOf([source], '/database')).toBeNull()
  })

  test.each([
    ...['data/a', '../a', '', '/data/../etc/passwd', '/data/..', '/data/./a', '/data//a', '/data/'],
    ...['C:\\data\\..\\a', 'C:\\data/..\\..\\a', 'C:\\data\\'],
  ])('the path %j is refused: only a path without detours stays in its folder', (path) => {
    expect(commands.explainFile.input.safeParse({ path, folder: 's' }).success).toBe(false)
  })

  test.each([
    '/',
    '/data',
    '/data/...',
    '/data/.a/b..',
    '/data/a\\..\\b',
    'C:\\',
    'C:\\data\\a',
    '\\\\nas\\data',
  ])('the path %j is accepted', (path) => {
    expect(commands.explainFile.input.safeParse({ path }).success).toBe(true)
  })

  test('a path in no folder has the command that protects it', () => {
    expect(explainOutside('/other/a').steps.map(({ command }) => command)).toEqual([
      'holdfast folders add /other',
    ])
    expect(explainOutside('/other', true).steps[0]?.command).toBe('holdfast folders add /other')
  })
})
