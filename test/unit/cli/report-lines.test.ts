import { expect, test } from 'vitest'
import { toLines } from '../../../cli/alerts/report.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'
import { describeReport } from '../../../core/report/document.ts'
import { sampleReport } from '../../support/report/sample.ts'

test('report in a terminal: a long name of a missing or parked file is not cut', () => {
  const report = sampleReport()
  const name = `${'measurements/'.repeat(12)}tide.dat`
  const lines = toLines(
    describeReport(
      {
        ...report,
        missing: { entries: (report.missing?.entries ?? []).map((one) => ({ ...one, path: name })), more: 0 },
        parked: { entries: (report.parked?.entries ?? []).map((one) => ({ ...one, path: name })), more: 0 },
      },
      createWords('en'),
      'en',
    ),
  )
  const below = (title: string) => lines.slice(lines.indexOf(title)).find((line) => line.includes('tide.dat'))
  expect(below('Missing files')).toContain(name)
  expect(below('Parked files')).toContain(name)
})
