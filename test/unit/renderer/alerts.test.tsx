import { describe, expect, test } from 'vitest'
import type { Incident } from '../../../core/alerts/incident.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import AlertsPage from '../../../renderer/features/alerts/alerts-page.tsx'
import { TimelineRow } from '../../../renderer/features/alerts/timeline-entry.tsx'
import { alertsSettings, delivery, emptyState, incident, sourceState } from './fake-state.ts'
import { renderMarkup, renderWords } from './rendered.tsx'

const now = Date.now()
const HOUR = 3_600_000
const said = (reason: string) => message('problem.other', { reason })
const photos = sourceState('Photos', '/mnt/photos').settings
const films = sourceState('Films', '/mnt/films').settings
const both = { [photos.id]: photos.path, [films.id]: films.path }

/** The page with one incident that lasts, of these two sources. */
function pageWith(changes: Partial<Incident>, muted: Record<string, number | null> = {}) {
  const settings = { ...alertsSettings({ muted }), sources: [photos, films] }
  return renderWords(<AlertsPage state={emptyState({ settings, incidents: [incident('i1', changes)] })} />)
}

describe('a failure that lasts', () => {
  test('says where and what it is, how long and how grave, since when, and what can be done', () => {
    const words = pageWith({})
    expect(words).toMatch(
      /Failing now.*Photos · Read-only · 12 min.*Critical · Since .*\[Copy path \/mnt\/photos\].*What to do.*has been read-only since/,
    )
    for (const button of ['Acknowledge', 'Snooze', 'Mute']) expect(words).toContain(button)
  })

  test('of several paths it names each', () => {
    const words = pageWith({ paths: both })
    expect(words).toContain('Photos and 1 more · Read-only')
    for (const path of ['/mnt/photos', '/mnt/films']) expect(words).toContain(`[Copy path ${path}]`)
  })

  test('that only weakens the promise has another mark and word', () => {
    const state = emptyState({
      incidents: [incident('i1', { kind: 'unreachable', paths: { nas: 'nas-2' } })],
    })
    expect(renderWords(<AlertsPage state={state} />)).toContain('Warning · Since')
    expect(renderMarkup(<AlertsPage state={state} />)).toMatch(/class="health-mark" data-level="attention"/)
  })

  test("files that carry isocket's mark: both decisions are offered, in both languages", () => {
    const changes: Partial<Incident> = { kind: 'marked', paths: { marked: 'Photos' } }
    const state = emptyState({ incidents: [incident('i1', changes)] })
    const words = renderWords(<AlertsPage state={state} />)
    for (const button of ['Send them', 'They are at the destination']) expect(words).toContain(button)
    const chinese = renderWords(<AlertsPage state={state} />, 'zh-TW')
    for (const button of ['傳送檔案', '檔案已在目的地']) expect(chinese).toContain(button)
  })

  test('acknowledged it says when and by whom, and nothing is left to snooze', () => {
    const words = pageWith({ acknowledged: { at: now - HOUR, by: 'ada' } })
    expect(words).toMatch(/Acknowledged at .* by ada\./)
    expect(words).not.toContain('Acknowledge ')
    expect(words).not.toContain('Snooze')
    expect(pageWith({ acknowledged: { at: now, by: 'window' } })).toContain('by someone at this computer.')
  })

  test('snoozed it says until when, with the way back; a snooze that is over is none', () => {
    const words = pageWith({ snoozedUntil: now + HOUR })
    expect(words).toMatch(/Snoozed until .*\d\d:\d\d\. End snooze/)
    expect(pageWith({ snoozedUntil: now - HOUR })).not.toContain('Snoozed until')
  })

  test('of a muted source it says so, with the way back, and the page lists it', () => {
    const words = pageWith({}, { [photos.id]: now + HOUR })
    expect(words).toMatch(/Muted until .*\d\d:\d\d\. Unmute/)
    expect(words).not.toMatch(/\bMute\b/)
    expect(words).toMatch(/Muted Failures here.* Photos until .*\d\d:\d\d \[Unmute Photos\]/)
    expect(pageWith({}, { [photos.id]: null })).toContain('Muted until you unmute it.')
    expect(pageWith({}, { [photos.id]: now - HOUR })).not.toContain('Muted')
  })

  test('of several sources of which one is muted the other can be muted, too', () => {
    const words = pageWith({ paths: both }, { [photos.id]: null })
    expect(words).toContain('Muted: Photos')
    expect(words).toMatch(/\bMute\b/)
  })

  test('that is graver stands above one that is newer', () => {
    const unwatched = incident('i2', { kind: 'unwatched', startedAt: now })
    const state = emptyState({ incidents: [unwatched, incident('i1')] })
    expect(renderWords(<AlertsPage state={state} />)).toMatch(/· Read-only.*· Not watched/)
  })
})

test('until the timeline has answered, what the window knows is shown, and no more said of it', () => {
  const over = incident('i2', { startedAt: now - HOUR, endedAt: now - HOUR + 5 * 60_000 })
  const words = renderWords(<AlertsPage state={emptyState({ incidents: [over] })} />)
  expect(words).not.toContain('Failing now')
  expect(words).toMatch(/Events.*\/mnt\/photos · Read-only .*5 min/)
  expect(words).not.toContain('No notifications were sent')
})

test('an empty page teaches, and does not promise what nobody would be told', () => {
  expect(renderWords(<AlertsPage state={emptyState()} />)).toMatch(/No failures.*You are notified at once/)
  const silent = emptyState({ settings: { ...alertsSettings({}), notifications: false } })
  expect(renderWords(<AlertsPage state={silent} />)).toContain('every channel is off')
})

test('a notice can be dismissed', () => {
  const notices = [{ id: 'n', sentence: said('The settings file was set aside.') }]
  const words = renderWords(<AlertsPage state={emptyState({ notices })} />)
  expect(words).toContain('The settings file was set aside.')
  expect(words).toContain('[Dismiss]')
})

describe('an entry of the timeline that is opened', () => {
  const over = incident('i3', {
    startedAt: now - HOUR,
    endedAt: now - HOUR + 5 * 60_000,
    acknowledged: { at: now - HOUR + 60_000, by: 'ada' },
  })
  const deliveries = [
    delivery('Notifications'),
    delivery('Mail', { state: 'refused', reason: said('mail.example.org answered 401'), attempts: 3 }),
    delivery('Mail', { notice: 'n2', what: 'recovered', state: 'waiting', at: now, decidedAt: null }),
  ]

  test.each([
    [
      'en',
      /5 min · .*Critical.*Began.*Noticed.*Acknowledged.*by ada.*Ended/,
      /Failure Notifications: delivered at .* Mail: not delivered · 3 attempts mail\.example\.org answered 401 Recovery Mail: not delivered yet/,
    ],
    [
      'zh-TW',
      /5 分鐘 · .*開始.*察覺.*確認.*ada.*結束/,
      /發生故障 Notifications：已於 .* 通知 Mail：未能通知 · 已嘗試 3 次 mail\.example\.org answered 401 恢復正常 Mail：尚未通知/,
    ],
  ] as const)('tells its times and who was told what, or why not, in %s', (language, facts, told) => {
    const words = renderWords(
      <TimelineRow incident={over} deliveries={deliveries} settings={alertsSettings({})} isMarked />,
      language,
    )
    expect(words).toMatch(facts)
    expect(words).toMatch(told)
  })

  test('of which nobody was told says that', () => {
    const words = renderWords(
      <TimelineRow incident={over} deliveries={[]} settings={alertsSettings({})} isMarked />,
    )
    expect(words).toContain('No notifications were sent.')
  })

  test('is closed unless somebody asked for it', () => {
    const words = renderWords(
      <TimelineRow incident={over} deliveries={deliveries} settings={alertsSettings({})} isMarked={false} />,
    )
    expect(words).not.toContain('Began')
  })
})
