import { message } from '../../../core/lib/i18n/message.ts'
import { parsePeriod } from '../../../core/report/period.ts'
import { type Report, reportSchema } from '../../../core/report/report-schema.ts'

const HOUR_MS = 3_600_000

/** A report that has an entry of each kind, with names that are dangerous in HTML, in a spreadsheet and in a terminal. */
export function sampleReport(): Report {
  const period = parsePeriod('2026-10', 'Asia/Taipei')
  if (period === null) throw new Error('no period')
  const { from } = period
  const source = { id: 's', name: '=HYPERLINK("http://x")' }
  const destination = { id: 'embedded', name: 'embedded' }
  return reportSchema.parse({
    ...{
      version: 1,
      scope: 'computer',
      computer: 'lab <3>',
      holdfast: '1.2.3',
      madeAt: period.to + HOUR_MS,
      period,
    },
    notes: [message('report.note.checksSince', { at: from + 90 * 60_000 })],
    transfers: [
      {
        ...{ source, destination, durable: { files: 1_234, bytes: 5_000_000 } },
        delay: { files: 1_200, p50: 2_000, p99: 65_000, max: 3 * HOUR_MS },
        ...{
          proven: 12,
          deletedByHoldfast: { files: 3, bytes: 30 },
          deletedByOthers: { files: 0, bytes: 0 },
        },
        ...{ waiting: { files: 2, bytes: 20 }, parked: 1, since: from },
      },
    ],
    proofs: [
      {
        destination: { id: 'nas', name: '+nas' },
        samples: { files: 6_930, bytes: 7e9, damaged: 1, missing: 2, unreadable: 0 },
        confidence: 0.99902,
        verified: { files: 9_000, bytes: 9e9, damaged: 0, missing: 0, unreadable: 4 },
        healed: { files: 3, bytes: 3_000 },
        lastAt: from + 5 * HOUR_MS,
      },
      {
        destination: { id: 'usb', name: 'usb' },
        samples: { files: 0, bytes: 0, damaged: 0, missing: 0, unreadable: 0 },
        confidence: null,
        verified: { files: 0, bytes: 0, damaged: 0, missing: 0, unreadable: 0 },
        healed: { files: 0, bytes: 0 },
        lastAt: null,
      },
    ],
    expected: [
      {
        source,
        pattern: '{HH}.dat',
        expected: 744,
        arrived: 742,
        late: 5,
        missing: 2,
        since: null,
        everyMinutes: 60,
        withinMinutes: 15,
      },
    ],
    missing: {
      entries: [
        { source, path: 'a,"b".dat', due: from + HOUR_MS, tooSmall: 150 },
        { source, path: '<script>.dat', due: from + 2 * HOUR_MS, tooSmall: null },
      ],
      more: 7,
    },
    late: {
      entries: [{ source, path: 'a,late.dat', due: from + HOUR_MS, arrivedAt: from + 3 * HOUR_MS }],
      more: 4,
    },
    parked: {
      entries: [
        {
          source,
          destination,
          path: 'p\u001b[31m',
          size: 5,
          reason: message('problem.other', { reason: 'x' }),
        },
      ],
      more: 0,
    },
    availability: [
      { path: { id: 's', name: '/data' }, checks: 3, good: 2, percent: 66.6, measuredPercent: 99.999 },
    ],
    incidents: {
      entries: [
        {
          ...{
            kind: 'missing',
            subjects: ['/data', '/other'],
            sentence: message('problem.other', { reason: 'y' }),
          },
          ...{ startedAt: from, endedAt: null, lengthMs: HOUR_MS },
        },
      ],
      more: 0,
    },
    causes: [
      {
        ...{ kind: 'read-only', cause: message('cause.stoppedWriting', { type: 'ext4' }) },
        ...{ count: 1_204, of: 1_205, computers: 7 },
        hours: Array.from({ length: 24 }, (_, hour) => [0, 1, 1_000, 2, 200][hour] ?? 0),
      },
      {
        ...{ kind: 'read-only', cause: null, count: 1, of: 1_205, computers: 1 },
        hours: Array.from({ length: 24 }, (_, hour) => Number(hour === 23)),
      },
    ],
    stations: {
      entries: [
        {
          ...{ folder: 'one', name: '@one', arrived: { files: 0, bytes: 0 }, firstAt: null, lastAt: null },
          ...{ gaps: 2, gapMs: HOUR_MS },
        },
      ],
      more: 0,
    },
  })
}
