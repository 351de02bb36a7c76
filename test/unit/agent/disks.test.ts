import { describe, expect, test } from 'vitest'
import { describeDiskHealth, describeDiskTrouble, nameDevice } from '../../../core/agent/parts/disks/disks.ts'
import { findConditions } from '../../../core/agent/state/find-conditions.ts'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { createMetrics } from '../../../core/agent/web/metrics.ts'
import type { DiskFacts } from '../../../core/check/checker-messages.ts'
import { smartResults } from '../../../core/check/checker-messages.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { incident, NOW, receiver, stateWith, status, waiting, well } from '../../support/agent/status.ts'

const words = createWords('en')

const sda: DiskFacts = {
  ...{ id: 'd', kind: 'disk', name: 'sda', model: 'WDC WD40EFRX', serial: '4711', folders: ['a'] },
  ...{ smart: 'read', reason: null, readAt: NOW, counters: { pending: 12 }, isRebuilding: false },
}
const withDisk = (changes: Partial<DiskFacts> = {}, more: Partial<AppState> = {}) =>
  stateWith({ disks: { at: NOW, all: [{ ...sda, ...changes }] }, ...more })
const read = (state: AppState, language: 'en' | 'zh-TW' = 'en') => {
  const [facts] = state.disks.all
  const trouble = facts === undefined ? null : describeDiskTrouble(state, facts)
  return trouble === null ? null : createWords(language)(trouble.sentence)
}
const named = (id: string, changes: Partial<SourceState> = {}): SourceState => ({
  ...well,
  settings: { ...well.settings, id, name: id },
  ...changes,
})
const only = (id: string, totals = well.totals) => ({
  destinations: [{ ...well.destinations[1], id, totals, reported: true }] as SourceState['destinations'],
})

describe('findings about a disk', () => {
  test('the sentence names the folders, the disk, the safe places and the waiting files', () => {
    const sources = ['survey', 'b', 'c'].map((id) =>
      named(id, only('there', id === 'b' ? { ...waiting, waitingFiles: 14 } : undefined)),
    )
    const state = withDisk({ folders: ['survey', 'b', 'c'] }, { sources })
    expect(read(state)).toBe(
      'The disk of survey (+2) (WDC WD40EFRX …4711, sda) reports 12 pending sectors. Its 3 folders are safe at nas-2, except for 14 files that wait.',
    )
    expect(read(state, 'zh-TW')).toBe(
      '「survey (+2)」的磁碟（WDC WD40EFRX …4711, sda）回報：12 個待處理磁區。其中的 3 個資料夾已安全存放在 nas-2，只有 14 個檔案還在等待。',
    )
    expect(read(withDisk({ folders: ['survey'] }, { sources: [named('survey', only('there'))] }))).toMatch(
      / reports 12 pending sectors\. Its folder is safe at nas-2\.$/,
    )
  })

  test('a copy on the same disk, or in the folder on this computer, makes nothing safe', () => {
    const [one] = [named('one', only('there'))]
    expect(read(withDisk({ folders: ['one', 'there'] }, { sources: [one] }))).toMatch(
      /1 folder on it has no copy on another disk: add a destination\.$/,
    )
    const embedded = { ...receiver, id: 'embedded', kind: 'embedded' as const, elsewhere: false }
    const here = { sources: [named('one', only('embedded'))], destinations: [embedded] }
    expect(read(withDisk({ folders: ['one'] }, here))).toMatch(/has no copy on another disk/)
  })

  test('folders are not called safe before their files are counted', () => {
    const { destinations } = only('there')
    const sources = [named('one', { destinations: destinations.map((one) => ({ ...one, reported: false })) })]
    expect(read(withDisk({ folders: ['one'] }, { sources }))).toMatch(
      /Its folder is sent to nas-2; the waiting files are not counted yet\.$/,
    )
  })

  test('further findings are counted, and a folder destination is named', () => {
    const counters = { pending: 1, uncorrectable: 2, reallocated: 3 }
    expect(read(withDisk({ counters, folders: ['there'] }))).toBe(
      'The disk of nas-2 (WDC WD40EFRX …4711, sda) reports 1 pending sector and 2 more findings. Copies are stored on it: the files themselves are elsewhere.',
    )
  })

  test('a finding needs attention, and an accepted one does not', () => {
    const { level, sentence, detail } = status({ disks: { at: NOW, all: [sda] } })
    expect([level, sentence]).toEqual(['attention', 'The disk of data is at risk.'])
    expect(detail).toContain('12 pending sectors')
    const settings = { ...defaultSettings, acceptedDisks: { d: { pending: 12 } } }
    expect(status({ disks: { at: NOW, all: [sda] }, settings }).level).toBe('ok')
  })
})

describe('health of a disk', () => {
  test.each(smartResults.filter((one) => one !== 'read'))(
    'a disk with the result "%s" is never shown as OK',
    (smart) => {
      const facts = { ...sda, smart, readAt: null, counters: {} }
      for (const language of ['en', 'zh-TW'] as const) {
        const [said] = describeDiskHealth(facts, defaultSettings).map(createWords(language))
        expect(said).toMatch(/^(Not read|無法讀取|尚未讀取)/)
      }
    },
  )

  test('a rebuilt array is named as such', () => {
    const array = { ...sda, kind: 'array' as const, name: 'md0', model: 'raid1', isRebuilding: true }
    const counters = { 'missing-disks': 1 }
    expect(describeDiskHealth({ ...array, counters }, defaultSettings).map(words)).toEqual([
      '1 missing disk',
      'being rebuilt',
    ])
    expect(nameDevice(array)).toBe('raid1 md0')
  })
})

test('metrics: a disk without a finding is 1, one with a finding is 0, and an unknown one is no number', async () => {
  const disks = { at: NOW, all: [sda, { ...sda, id: 'e', name: 'sdb', counters: {} }] }
  const silent = { ...sda, id: 'f', name: 'sdc', counters: {}, readAt: null, smart: 'not-permitted' as const }
  const page = await createMetrics().page(stateWith({ disks: { ...disks, all: [...disks.all, silent] } }), {})
  expect(page.match(/disk_sound\{.*/g)).toEqual([
    ...['disk_sound{disk="sda"} 0', 'disk_sound{disk="sdb"} 1', 'disk_sound{disk="sdc"} Nan'],
  ])
})

describe('incident of a disk', () => {
  const open = {
    ...{ ...incident, kind: 'disk-health' as const, paths: { 'disk:d': 'data' } },
    failing: { 'disk:d': message('condition.diskFinding', { finding: 'disk.finding.pending' }) },
  }
  const kinds = (state: AppState) =>
    findConditions(state, NOW).flatMap(({ id, kind }) => (id === 'disk:d' ? [kind] : []))

  test('its source is the first one on the disk', () => {
    const sources = ['elsewhere', 'a', 'b'].map((id) => named(id))
    const settings = { ...defaultSettings, sources: sources.map((one) => one.settings) }
    const found = findConditions(withDisk({ folders: ['a', 'b'] }, { sources, settings }), NOW)
    expect(found.find(({ id }) => id === 'disk:d')).toMatchObject({ source: 'a' })
  })

  test('it ends once the disk is read without a finding', () => {
    expect(kinds(withDisk())).toEqual(['disk-health'])
    expect(kinds(withDisk({ counters: {} }, { incidents: [open] }))).toEqual(['ok'])
  })

  test('it stays open after a restart until the disk is read again', () => {
    expect(kinds(stateWith({ incidents: [open] }))).toEqual(['unknown'])
    const asleep = withDisk({ smart: 'asleep', readAt: null, counters: {} }, { incidents: [open] })
    expect(kinds(asleep)).toEqual(['unknown'])
  })

  test('it is over if this is switched off', () => {
    const settings = { ...defaultSettings, check: { ...defaultSettings.check, diskHealth: false } }
    expect(kinds(stateWith({ incidents: [open], settings }))).toEqual([])
  })
})
