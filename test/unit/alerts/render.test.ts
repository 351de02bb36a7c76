import { expect, test } from 'vitest'
import { channelTypes } from '../../../core/alerts/channels/catalog.ts'
import type { Notice } from '../../../core/alerts/incident.ts'
import { renderMessage } from '../../../core/alerts/render.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import { notice } from '../../support/alerts/channels.ts'

const writer = { words: englishWords, computer: 'lab-3', labels: { project: 'P', resource: 'R' } }
const cause = [
  message('cause.ext4Error', { device: 'sdb1', function: 'ext4_lookup' }),
  message('cause.stoppedWriting', { type: 'ext4' }),
]
const caused = (what: Notice['what']): Notice => {
  const told = notice(what)
  return { ...told, incident: { ...told.incident, cause } }
}
const render = (told: Notice, type: 'line-notify' | 'mail', template: string | null = null) =>
  renderMessage('id', told, writer, { type, template }, told.at).text
const BEGAN = englishWords(message('notify.time', { at: notice('failed').incident.startedAt }))
const TITLE = `[lab-3] /data/run_1: read-only since ${BEGAN}`
const CAUSE = cause.map(englishWords).join(' ')

test('rendered failure: the cause is its last line, and a recovery has none', () => {
  expect(render(caused('failed'), 'mail').split('\n').at(-1)).toBe(CAUSE)
  expect(render(caused('lasting'), 'mail').split('\n').at(-1)).toBe(CAUSE)
  expect(render(caused('recovered'), 'mail')).not.toContain(CAUSE)
})

test('rendered failure: the template of the read-only monitor gains a line only where a cause is known', () => {
  const known = '\n[PROJ_CODE] P, in R\n>>> touch failed'
  expect(render(notice('failed'), 'line-notify')).toBe(known)
  expect(render(caused('failed'), 'line-notify')).toBe(`${known}\n${CAUSE}`)
})

test.each([
  ['{event}\n{cause}\nEnd', `touch failed\n${CAUSE}\nEnd`, 'touch failed\nEnd'],
  ['{event}\\n{cause}', `touch failed\n${CAUSE}`, 'touch failed'],
  ['{title}\n{body}\n{cause}', `${TITLE}\n/data/run_1 is OK.\n${CAUSE}`, `${TITLE}\n/data/run_1 is OK.`],
  ['{cause}\n{event}', `${CAUSE}\ntouch failed`, 'touch failed'],
  ['{event}\n{cause}, call Ann', `touch failed\n${CAUSE}, call Ann`, 'touch failed\n, call Ann'],
  ['Why: {cause}', `Why: ${CAUSE}`, 'Why: '],
])('rendered failure: the template %j with a cause, and without', (template, with_, without) => {
  expect(render(caused('failed'), 'mail', template)).toBe(with_)
  expect(render(notice('failed'), 'mail', template)).toBe(without)
})

test('rendered failure: every channel but that of the read-only monitor names the computer and the folder', () => {
  const given = { ...writer, names: { a: 'data' } }
  const since = BEGAN
  const told = (what: Notice['what'], kind: Notice['incident']['kind'] = 'read-only') => {
    const one = notice(what)
    const known = {
      ...one.incident,
      kind,
      paths: { a: '/data/run_1' },
      failing: { a: one.incident.sentence },
    }
    return { ...one, incident: known }
  }
  for (const type of channelTypes) {
    const title = (one: Notice) => renderMessage('id', one, given, { type, template: null }, one.at).title
    const isMonitor = type === 'line-notify'
    expect(title(told('failed')), type).toBe(
      isMonitor ? 'Read-only: /data/run_1' : `[lab-3] data: read-only since ${since}`,
    )
    if (isMonitor) continue
    expect(title(told('lasting', 'io-error'))).toBe(`[lab-3] data: input/output error since ${since}`)
    expect(title(told('recovered'))).toBe('[lab-3] Recovered: data')
    expect(title(told('test'))).toBe('[lab-3] Test from Holdfast')
  }
  const event = renderMessage(
    'id',
    told('failed', 'parked'),
    given,
    { type: 'mail', template: '{title}\n{body}' },
    0,
  )
  expect(event.text.startsWith(event.title)).toBe(true)
})
