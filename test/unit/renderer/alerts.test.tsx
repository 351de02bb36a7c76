import { describe, expect, test } from 'vitest'
import type { Incident } from '../../../core/alerts/incident.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import AlertsPage from '../../../renderer/features/alerts/alerts-page.tsx'
import { TimelineRow } from '../../../renderer/features/alerts/timeline-entry.tsx'
import { stopClock } from '../../support/time.ts'
import { alertsSettings, delivery, emptyState, incident, sourceState } from './fake-state.ts'
import { renderMarkup, renderWords } from './rendered.tsx'

const now = stopClock(new Date(2026, 10, 22, 14, 30))
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

describe('alerts page, ongoing incident', () => {
  test('an incident shows its severity, source, kind, explanation, one duration, one next step and one menu', () => {
    const words = pageWith({})
    expect(words).toMatch(
      /Failing now.*\[Photos · Read-only\] Critical Photos Read-only 12 min[^[]*\[Actions for Photos · Read-only\] \/mnt\/photos has been read-only since.*Acknowledge \[Events\]/,
    )
    expect(words.match(/\d+ min/g)).toHaveLength(1)
  })

  test('an incident of several paths lists each path', () => {
    const words = pageWith({ paths: both })
    expect(words).toContain('Photos and 1 more · Read-only')
    for (const path of ['/mnt/photos', '/mnt/films']) expect(words).toContain(`[Copy path ${path}]`)
  })

  test('a missing file has its name in the title, with the number of the others', () => {
    const pageOf = (sentence: Message) =>
      pageWith({ kind: 'expected', paths: { rule: 'src/a{DOY}{H}.26o' }, sentence })
    const lacks = { name: 'src', file: 'a331u.26o', files: 'a331u.26o, a331t.26o', pattern: 'a{DOY}{H}.26o' }
    expect(pageOf(message('condition.lacks', { ...lacks, count: 1, due: now }))).toContain(
      'src/a331u.26o · Expected file missing',
    )
    expect(pageOf(message('condition.lacks', { ...lacks, count: 2, due: now }))).toContain(
      'src/a331u.26o and 1 more · Expected file missing',
    )
    // A pattern without a date names no file, and is in no title.
    const any = { name: 'src', file: '*.26o', pattern: '*.26o' }
    const [title] = /\[[^\]]*Expected file missing\]/.exec(
      pageWith({
        ...{ kind: 'expected', paths: { rule: 'src' } },
        sentence: message('condition.lacksAny', { ...any, count: 1, due: now, missing: 1 }),
      }),
    ) ?? ['']
    expect(title).toBe('[src · Expected file missing]')
  })

  test('an unreachable destination has the mark and word of a warning', () => {
    const state = emptyState({
      incidents: [incident('i1', { kind: 'unreachable', paths: { nas: 'nas-2' } })],
    })
    expect(renderWords(<AlertsPage state={state} />)).toContain('Warning nas')
    expect(renderMarkup(<AlertsPage state={state} />)).toMatch(/class="health-mark" data-level="attention"/)
  })

  test("files with isocket's mark offer to send them in English and Chinese", () => {
    const changes: Partial<Incident> = { kind: 'marked', paths: { marked: 'Photos' } }
    const state = emptyState({ incidents: [incident('i1', changes)] })
    const words = renderWords(<AlertsPage state={state} />)
    expect(words).toContain('Send them')
    expect(words).not.toContain('Acknowledge')
    expect(renderWords(<AlertsPage state={state} />, 'zh-TW')).toContain('傳送檔案')
  })

  test('deleted files offer to put them back, in English and Chinese', () => {
    const changes: Partial<Incident> = { kind: 'deleted', paths: { deleted: 'Photos' } }
    const state = emptyState({ incidents: [incident('i1', changes)] })
    const words = renderWords(<AlertsPage state={state} />)
    for (const button of ['Files deleted', 'Put back']) expect(words).toContain(button)
    const chinese = renderWords(<AlertsPage state={state} />, 'zh-TW')
    for (const button of ['檔案被刪除', '還原檔案']) expect(chinese).toContain(button)
  })

  test('an acknowledged incident shows when and by whom, and offers to copy the details', () => {
    const words = pageWith({ acknowledged: { at: now - HOUR, by: 'ada' } })
    expect(words).toMatch(/Acknowledged at .* by ada\./)
    expect(words).not.toContain('Acknowledge ')
    expect(words).toContain('Copy details')
  })

  test('a snoozed incident shows the end of the snooze and "End snooze" until the snooze expires', () => {
    const words = pageWith({ snoozedUntil: now + HOUR })
    expect(words).toMatch(/Snoozed until .*\d\d:\d\d\. End snooze/)
    expect(pageWith({ snoozedUntil: now - HOUR })).not.toContain('Snoozed until')
  })

  test('an incident of a muted source shows the mute with Unmute, and the page lists the muted source', () => {
    const words = pageWith({}, { [photos.id]: now + HOUR })
    expect(words).toMatch(/Muted until .*\d\d:\d\d\. Unmute/)
    expect(words).not.toMatch(/\bMute\b(?! everything)/)
    expect(words).toMatch(/Muted Failures here.* Photos until .*\d\d:\d\d \[Unmute Photos\]/)
    const all = pageWith({}, { '*': now + HOUR })
    expect(all).toMatch(/Muted until .*\d\d:\d\d\. Unmute/)
    expect(all).toMatch(/ Everything until .*\[Unmute Everything\]/)
    expect(all).not.toContain('Mute everything')
    expect(pageWith({}, { [photos.id]: null })).toContain('Muted until you unmute it.')
    expect(pageWith({}, { [photos.id]: now - HOUR })).not.toContain('Muted')
  })

  test('an incident of two sources, one of them muted, names the muted one and is not unmuted as a whole', () => {
    const words = pageWith({ paths: both }, { [photos.id]: null })
    expect(words).toMatch(/Muted: Photos Acknowledge/)
  })

  test('the page lists a muted disk beside an incident of a destination', () => {
    const nas = {
      id: 'r-1',
      name: 'NAS',
      kind: 'receiver' as const,
      host: 'nas',
      port: 1,
      fingerprint: 'a'.repeat(64),
    }
    const settings = { ...alertsSettings({ muted: { d1: null } }), destinations: [nas] }
    const away = incident('i1', { kind: 'unreachable', paths: { 'destination:r-1': 'NAS' }, sources: [] })
    const disk = {
      ...{
        id: 'd1',
        kind: 'disk' as const,
        name: 'sda',
        model: '',
        serial: '',
        folders: [],
        smart: 'read' as const,
      },
      ...{ reason: null, readAt: now, counters: {}, isRebuilding: false },
    }
    const disks = { at: now, all: [disk] }
    const words = renderWords(<AlertsPage state={emptyState({ settings, disks, incidents: [away] })} />)
    expect(words).toContain('[Actions for NAS · Unreachable]')
    expect(words).toContain('[Unmute sda]')
  })

  test('a more severe incident is listed above a newer one', () => {
    const unwatched = incident('i2', { kind: 'unwatched', startedAt: now })
    const state = emptyState({ incidents: [unwatched, incident('i1')] })
    expect(renderWords(<AlertsPage state={state} />)).toMatch(/· Read-only.*· Not watched/)
  })

  test('the details of the gravest incident and of the marked one open by themselves', () => {
    const incidents = [0, 1, 2].map((index) => incident(`i${index}`, { startedAt: now - index * HOUR }))
    const opened = (id: string | null) => {
      const markup = renderMarkup(
        <AlertsPage
          state={emptyState({ incidents })}
          place={id === null ? null : { kind: 'incident', id }}
        />,
      )
      const [ongoing = ''] = markup.split('aria-label="Events"')
      return [...ongoing.matchAll(/thing-open[^>]* aria-expanded="(\w+)"/g)].map(([, isOpen]) => isOpen)
    }
    expect(opened(null)).toEqual(['true', 'false', 'false'])
    expect(opened('i2')).toEqual(['true', 'false', 'true'])
  })
})

test('alerts page: past incidents of the state are listed without delivery results until the timeline loads', () => {
  const over = incident('i2', { startedAt: now - HOUR, endedAt: now - HOUR + 5 * 60_000 })
  const words = renderWords(<AlertsPage state={emptyState({ incidents: [over] })} />)
  expect(words).not.toContain('Failing now')
  expect(words).toMatch(/Events.*\[\/mnt\/photos · Read-only\] \/mnt\/photos Read-only 5 min/)
  expect(words).not.toContain('No notifications were sent')
})

test('alerts page: an empty page describes notifications, or warns that every channel is off', () => {
  expect(renderWords(<AlertsPage state={emptyState()} />)).toMatch(/No failures.*You are notified at once/)
  const silent = emptyState({ settings: { ...alertsSettings({}), notifications: false } })
  expect(renderWords(<AlertsPage state={silent} />)).toContain('every channel is off')
})

test('alerts page: a channel that refuses is among the failures, with a button to the channels', () => {
  const sentence = message('condition.channelRefuses', { name: 'There', id: 'c' })
  const refused = incident('i5', {
    kind: 'notice',
    group: 'delivery:c',
    paths: { 'delivery:c': 'There' },
    sentence,
  })
  const words = renderWords(<AlertsPage state={emptyState({ incidents: [refused] })} />)
  expect(words).toMatch(
    /Failing now.*There.*There refused the last message.*test it\. Set up notification channels \[Events\]/,
  )
})

test('alerts page: a notice is shown with a Dismiss button', () => {
  const notices = [{ id: 'n', sentence: said('The settings file was set aside.') }]
  const words = renderWords(<AlertsPage state={emptyState({ notices })} />)
  expect(words).toContain('The settings file was set aside.')
  expect(words).toContain('[Dismiss]')
})

describe('timeline entry', () => {
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

  test('a link that leads elsewhere has a button for each of its two places', () => {
    const sentence = message('condition.linkMoved', { link: '/data', now: '/new', path: '/old' })
    const moved = incident('i4', { kind: 'notice', paths: { 'link:a': 'Photos' }, sentence })
    const words = renderWords(
      <TimelineRow incident={moved} deliveries={null} settings={emptyState().settings} isMarked />,
    )
    expect(words).toContain('Choose which of the two to use. Use /new Keep /old')
  })

  test.each([
    [
      'en',
      /5 min · .*When it began: .*Critical.*Began.*Noticed.*Acknowledged.*by ada.*Ended/,
      /Failure Notifications: delivered at .* Mail: not delivered · 3 attempts mail\.example\.org answered 401 Recovery Mail: not delivered yet/,
    ],
    [
      'zh-TW',
      /5 分鐘 · .*開始時：.*開始.*察覺.*已知悉.*ada.*結束/,
      /發生故障 Notifications：已於 .* 通知 Mail：未能通知 · 已嘗試 3 次 mail\.example\.org answered 401 恢復正常 Mail：尚未通知/,
    ],
  ] as const)(
    'an open entry shows its times and the result of each delivery in %s',
    (language, facts, told) => {
      const words = renderWords(
        <TimelineRow incident={over} deliveries={deliveries} settings={alertsSettings({})} isMarked />,
        language,
      )
      expect(words).toMatch(facts)
      expect(words).toMatch(told)
    },
  )

  test.each([
    [{}, 'no channel was on for this failure'],
    [{ isSilent: true }, 'the failure kept returning'],
    [{ told: false }, 'the failure ended, or was acknowledged or muted, before one was due'],
    [{ told: false, endedAt: null }, 'none is due yet'],
  ])('an open entry without deliveries shows why: %o', (changes, why) => {
    const one = { ...over, told: true, ...changes }
    const words = renderWords(
      <TimelineRow incident={one} deliveries={[]} settings={alertsSettings({})} isMarked />,
    )
    expect(words).toContain(`No notifications were sent: ${why}`)
  })

  test('an entry that was not requested is collapsed', () => {
    const words = renderWords(
      <TimelineRow incident={over} deliveries={deliveries} settings={alertsSettings({})} isMarked={false} />,
    )
    expect(words).not.toContain('Began')
  })
})
