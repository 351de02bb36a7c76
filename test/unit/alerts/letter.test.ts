import { describe, expect, it } from 'vitest'
import { buildPayload } from '../../../core/alerts/channels/webhook.ts'
import type { Notice } from '../../../core/alerts/incident.ts'
import { fillTemplate, renderMessage } from '../../../core/alerts/render.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords, englishWords } from '../../../core/lib/i18n/words.ts'
import { incident } from '../../support/agent/status.ts'

const MINUTE = 60_000
// In the morning of some day, in this computer's zone: sentences name its clock.
const BEGUN = new Date(2026, 10, 22, 9, 30).getTime()
const labels = { project: '', resource: '' }
const writer = { words: englishWords, computer: 'lab-3', labels }

/** A notice about a path that has been read-only for 20 minutes. */
function notice(what: Notice['what'], changes: Partial<Notice['incident']> = {}): Notice {
  const isOver = what === 'recovered' || what === 'over' || what === 'summary'
  const sentence = message('check.readOnly', { path: '/data', step: 'create', code: 'EROFS' })
  return {
    id: 'n',
    what,
    about: 'i',
    times: 4,
    at: BEGUN + 20 * MINUTE,
    incident: {
      ...incident,
      failing: isOver ? {} : { a: sentence },
      sentence,
      step: 'touch',
      startedAt: BEGUN,
      endedAt: isOver ? BEGUN + 20 * MINUTE : null,
      ...changes,
    },
  }
}

/** What a channel of no type is sent, some time after it was decided. */
function letter(told: Notice, { template = null as string | null, late = 0, given = writer } = {}) {
  return renderMessage('l', told, given, { type: null, template }, told.at + late)
}

describe('notification text', () => {
  it('uses the name of a path’s source without a system call, except for LINE Notify', () => {
    const given = { ...writer, names: { a: 'Photos' } }
    const made = letter(notice('failed'), { given })
    expect(made.title).toBe('Read-only: Photos')
    expect(made.body).toMatch(
      /^Photos has been read-only since .*09:30\. New files cannot be written\.\n\/data$/,
    )
    expect(letter(notice('recovered'), { given }).title).toBe('Recovered: Photos')
    const line = renderMessage('l', notice('failed'), given, { type: 'line-notify', template: null }, BEGUN)
    expect(line.title).toBe('Read-only: /data')
  })

  it.each([
    ['failed', 'Read-only: /data', /^\/data cannot be written to: .*EROFS/],
    ['lasting', 'Read-only: /data', /^It has lasted for 20 min, since .*09:30\.$/],
    ['unstable', 'Unstable: /data (Read-only)', /^It has failed 4 times since .*09:30\./],
    ['recovered', 'Recovered: /data', /^“Read-only” has ended\. It began at .*09:30 and lasted 20 min\.$/],
    ['over', 'Recovered: /data', /lasted 20 min\.$/],
    [
      'summary',
      'Failed and recovered: /data (Read-only)',
      /lasted 20 min\. No notification could be delivered/,
    ],
    ['test', 'Test from Holdfast', /lab-3/],
  ] as const)('has the title and body of a notification of type %s', (what, title, body) => {
    const made = letter(notice(what))
    expect(made.title).toBe(title)
    expect(made.body).toMatch(body)
    expect(made.text).toBe(`${made.title}\n${made.body}`)
  })

  it('names the failing paths, and all affected paths after the recovery', () => {
    const paths = { a: '/mnt/a', b: '/mnt/b', c: '/mnt/c' }
    const sentence = message('problem.other', { reason: '' })
    const failing = { c: sentence, b: sentence }
    expect(letter(notice('failed', { paths, failing })).title).toBe('Read-only: /mnt/c and 1 more')
    expect(letter(notice('recovered', { paths })).title).toBe('Recovered: /mnt/a and 2 more')
  })

  it('states the due time of a failure that is sent 6 minutes late, not of a recovery', () => {
    const late = 6 * MINUTE
    expect(letter(notice('failed'), { late }).body).toMatch(/ \(Delayed: this was due at .*09:50\.\)$/)
    expect(letter(notice('lasting'), { late }).body).toMatch(/09:50\.\)$/)
    expect(letter(notice('recovered'), { late }).body).not.toMatch(/09:50/)
    expect(letter(notice('failed'), { late: 4 * MINUTE }).body).not.toMatch(/09:50/)
  })

  it('states how a deletion of many files has ended', () => {
    const sentence = message('condition.deleted', { name: 'x', count: 40, known: 46, destinations: 'nas-2' })
    const deleted = { kind: 'deleted' as const, sentence }
    const ended = letter(notice('recovered', deleted))
    expect(ended.body).toMatch(/^“Files deleted” has ended\./)
    const back = letter(notice('recovered', { ...deleted, outcome: 'returned' }))
    expect(back.text).toBe('Recovered: /data\nThe deleted files are back.')
    const accepted = letter(notice('recovered', { ...deleted, outcome: 'accepted' }))
    expect(accepted.text).toBe('Accepted: /data\nThe deletion of 40 files was accepted as intended.')
  })

  it('names the missing files in each notification of an expected file, and those that are missing after it', () => {
    const params = {
      count: 4,
      name: 'data',
      files: 'A, B, C',
      file: 'A',
      more: 1,
      due: BEGUN,
      pattern: '{DOY}',
    }
    const missing = {
      ...{ kind: 'expected' as const, paths: { a: 'data/{DOY}' } },
      sentence: message('condition.lacksMany', params),
    }
    const names =
      /^4 expected files in a row have not come to data: A, B, C and 1 more\. .* expected --missing/
    for (const what of ['failed', 'lasting', 'unstable'] as const)
      expect(letter(notice(what, missing)).body).toMatch(names)
    expect(letter(notice('lasting', missing)).body).toMatch(/ It has lasted for 20 min/)
    expect(letter(notice('unstable', missing)).title).toBe('Unstable: data/{DOY} (Expected file missing)')
    const end = message('condition.gaps', params)
    expect(letter(notice('recovered', { ...missing, end })).body).toMatch(
      /^Files of \{DOY\} come to data again\. 4 files are still missing: A, B, C\./,
    )
    const inWindow = { ...writer, words: createWords('en', 'window') }
    expect(letter(notice('failed', missing), { given: inWindow }).body).toContain(
      'All gaps are in the details of “',
    )
  })

  it('is urgent while data is at risk, not after the recovery', () => {
    expect(letter(notice('failed')).urgent).toBe(true)
    expect(letter(notice('recovered')).urgent).toBe(false)
    expect(letter(notice('failed', { kind: 'unreachable' })).urgent).toBe(false)
  })

  it('reports a refusing destination as unusable, also in Chinese', () => {
    const words = createWords('zh-TW')
    const refused = notice('failed', { kind: 'refused' })
    expect(letter(refused).title).toBe('Cannot be used: /data')
    expect(letter(refused, { given: { ...writer, words } }).title).toBe('無法使用：/data')
  })

  it('is translated into the configured language', () => {
    const words = createWords('zh-TW')
    const { title } = letter(notice('failed'), { given: { ...writer, words } })
    expect(title).not.toBe('Read-only: /data')
    expect(title).toContain('/data')
  })
})

describe('channel test notification', () => {
  it('is marked as a test, whatever the template', () => {
    const template = 'Read-only: {path}'
    expect(letter(notice('test'), { template }).text).toBe('Test from Holdfast\nRead-only: /data')
    expect(letter(notice('test'), { template: '>> {title}' }).text).toBe('>> Test from Holdfast')
  })

  it('has the kind test and the severity info in its payload', () => {
    const { what, urgent, incident: told } = buildPayload(letter(notice('test')))
    expect({ what, urgent, ...told }).toMatchObject({
      what: 'test',
      urgent: false,
      kind: 'test',
      severity: 'info',
      paths: [],
      endedAt: expect.any(String),
      sentence: 'This is a test from lab-3. Nothing is wrong.',
    })
  })
})

describe('payload for another program', () => {
  it('has the cause of the incident in English, and no field without one', () => {
    const cause = [
      message('cause.ataReset', { device: 'ata3' }),
      message('cause.stoppedWriting', { type: 'ext4' }),
    ]
    const given = { ...writer, words: createWords('zh-TW') }
    for (const what of ['failed', 'recovered'] as const)
      expect(buildPayload(letter(notice(what, { cause }), { given })).incident.cause).toBe(
        `${englishWords(cause[0] ?? expect.fail())} Then ext4 stopped writing to protect the data.`,
      )
    for (const unknown of [{}, { cause: [] }])
      expect(buildPayload(letter(notice('failed', unknown))).incident).not.toHaveProperty('cause')
  })
})

describe('channel template', () => {
  it('fills known placeholders, and leaves unknown ones as they are', () => {
    expect(fillTemplate('{a}{b}{c} {toString} {a}\\n{', { a: '1', b: '{a}' })).toBe('1{a}{c} {toString} 1\n{')
    const template = '{computer}|{path}|{step}|{duration}|{resource}|{event}'
    expect(letter(notice('failed'), { template }).text).toBe('lab-3|/data|touch|20 min|/data|touch failed')
  })

  it.each([
    ['failed', 'touch', 'touch failed'],
    ['lasting', 'ls', 'ls failed'],
    ['unstable', 'touch', 'touch failed'],
    ['recovered', 'touch', 'touch works again, after 20 min'],
    ['over', 'touch', 'touch works again, after 20 min'],
    ['summary', 'touch', 'touch works again, after 20 min'],
    ['failed', null, 'Read-only: /data'],
    ['test', 'touch', 'Test from Holdfast'],
  ] as const)('of LINE Notify matches the read-only monitor: %s with step %s', (what, step, event) => {
    const given = { ...writer, labels: { project: 'P', resource: 'R' } }
    const made = renderMessage(
      'l',
      notice(what, { step }),
      given,
      { type: 'line-notify', template: null },
      BEGUN,
    )
    expect(made.text).toBe(`\n[PROJ_CODE] P, in R\n>>> ${event}`)
  })

  it('of LINE Notify uses the path if no resource is set', () => {
    const { text } = renderMessage(
      'l',
      notice('failed'),
      writer,
      { type: 'line-notify', template: null },
      BEGUN,
    )
    expect(text).toBe('\n[PROJ_CODE] , in /data\n>>> touch failed')
  })
})
