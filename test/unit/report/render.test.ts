import { describe, expect, test } from 'vitest'
import { formatPercent } from '../../../core/lib/i18n/formats.ts'
import { createWords, languages } from '../../../core/lib/i18n/words.ts'
import { describeReport } from '../../../core/report/document.ts'
import { renderCsv } from '../../../core/report/render-csv.ts'
import { renderHtml } from '../../../core/report/render-html.ts'
import { sampleReport } from '../../support/report/sample.ts'

/** Reads a table as RFC 4180 specifies it. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy
  for (const [, quoted, plain = '', end] of text.matchAll(pattern)) {
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end !== '\r\n') continue
    rows.push(row)
    row = []
  }
  return rows
}

describe('report as CSV', () => {
  const text = renderCsv(sampleReport(), createWords('en'))
  const [head = [], ...rows] = parseCsv(text)
  const read = (kind: string, at = 0) => {
    const row = rows.filter(([name]) => name === kind)[at] ?? expect.fail(kind)
    return Object.fromEntries(head.map((name, index) => [name, row[index]]))
  }

  test('the table has as many cells in each row, and ends with a line break', () => {
    expect(text.endsWith('\r\n')).toBe(true)
    expect(rows).toHaveLength(17)
    expect(new Set(rows.map(({ length }) => length))).toEqual(new Set([head.length]))
  })

  test('the figures and names are those of the report', () => {
    expect(read('report')).toMatchObject({
      ...{ from: '2026-09-30T16:00:00.000Z', to: '2026-10-31T16:00:00.000Z', zone: 'Asia/Taipei' },
    })
    // As all times of the table in UTC.
    expect(read('note').name).toMatch(/^The check history begins at 2026-09-30T17:30:00\.000Z\. /)
    expect(read('transfer')).toMatchObject({ files: '1234', p50_ms: '2000', max_ms: '10800000', parked: '1' })
    expect(read('samples')).toMatchObject({
      ...{ destination: "'+nas", files: '6930', damaged: '1', missing: '2', confidence: '0.99902' },
      to: '2026-09-30T21:00:00.000Z',
    })
    expect(read('verified')).toMatchObject({ files: '9000', unreadable: '4' })
    expect(read('healed')).toMatchObject({ files: '3', bytes: '3000' })
    expect(read('samples', 1)).toMatchObject({ files: '0', confidence: '', to: '' })
    expect(read('expected')).toMatchObject({
      ...{
        expected: '744',
        arrived: '742',
        late: '5',
        missing: '2',
        every_minutes: '60',
        within_minutes: '15',
      },
    })
    expect(read('late')).toMatchObject({ name: 'a,late.dat', length_ms: '7200000' })
    expect(read('missing')).toMatchObject({ name: 'a,"b".dat', to: '2026-09-30T17:00:00.000Z', bytes: '150' })
    expect(read('missing', 1)).toMatchObject({ bytes: '' })
    expect(read('availability')).toMatchObject({ checks: '3', percent: '66.6' })
    expect(read('incident missing')).toMatchObject({ name: '/data\n/other', to: '', length_ms: '3600000' })
  })

  test('no cell is a formula for a spreadsheet', () => {
    expect(read('transfer').source).toBe('\'=HYPERLINK("http://x")')
    expect(read('station').name).toBe("'@one")
    expect(rows.flat().filter((cell) => /^[=+@\t\r]/.test(cell))).toEqual([])
  })
})

describe.each(languages)('report in %s', (language) => {
  const document = describeReport(sampleReport(), createWords(language), language)
  const html = renderHtml(document, language)

  test('every part has a title, columns and cells, and no key without a text', () => {
    expect(document.sections.map(({ id }) => id)).toEqual([
      ...[
        'durable',
        'rest',
        'proofs',
        'expected',
        'missing',
        'late',
        'parked',
        'availability',
        'incidents',
        'causes',
        'stations',
      ],
    ])
    for (const { columns, rows, title } of document.sections) {
      expect(title).not.toBe('')
      for (const row of rows) expect(row).toHaveLength(columns.length)
    }
    expect(JSON.stringify(document)).not.toMatch(/report\.\w+\.\w+|\{\{/)
  })

  test('times are those of the zone of the report', () => {
    const [missing] = document.sections.filter(({ id }) => id === 'missing')
    expect(missing?.rows.map(([due]) => due)).toEqual(['2026-10-01 01:00', '2026-10-01 02:00'])
    expect(missing?.rows.map((row) => row.at(-1))).toEqual(['150 B', '–'])
    const late = document.sections.find(({ id }) => id === 'late')
    expect(late?.rows.map(([due]) => due)).toEqual(['2026-10-01 01:00'])
    expect(document.notes[0]).toContain('2026-10-01 01:30')
  })

  test('the page contains no markup of a name, no script, and no reference to another file', () => {
    expect(html).toContain(`<html lang="${language}">`)
    expect(html).toContain('&lt;script&gt;.dat')
    expect(html).toContain('lab &lt;3&gt;')
    expect(html).not.toMatch(/<script|<link|<img|\b(?:src|href)=|url\(|@import/i)
    for (const tag of ['html', 'body', 'section', 'table', 'tr'])
      expect(html.split(`<${tag}`).length, tag).toBe(html.split(`</${tag}>`).length)
  })

  test('the summary names the missing files and the silent stations', () => {
    const all = document.summary.join(' ')
    const folder = sampleReport().missing?.entries[0]?.source.name
    expect(all).toContain(`${folder}/a,"b".dat (2026-10-01 01:00)`)
    expect(all).toContain('@one')
    expect(all).toContain('1,234')
  })
})

test('report: missing files have a column of sizes only if one is there, but too small', () => {
  const report = sampleReport()
  const countColumns = () =>
    describeReport(report, createWords('en'), 'en').sections.find(({ id }) => id === 'missing')?.columns
      .length
  expect(countColumns()).toBe(4)
  for (const file of report.missing?.entries ?? []) file.tooSmall = null
  expect(countColumns()).toBe(3)
})

test('report: the summary counts a file at two destinations as two copies, in both languages', () => {
  const report = sampleReport()
  const [first = expect.fail()] = report.transfers ?? []
  const of = (files: number) => ({ ...first, durable: { files, bytes: 10 }, waiting: { files, bytes: 10 } })
  const both = { ...report, transfers: [of(100), of(100)] }
  const summary = (language: 'en' | 'zh-TW') => describeReport(both, createWords(language), language).summary
  const english = ['200 copies of files (20 B) became durable.', '200 copies wait.', '2 copies are parked.']
  expect(summary('en')).toEqual(expect.arrayContaining(english))
  const chinese = ['200 份副本（20 B）已確實存入目的地。', '200 份副本等待中。', '2 份副本被擱置。']
  expect(summary('zh-TW')).toEqual(expect.arrayContaining(chinese))
})

test('report: copies on this computer are not counted as durable', () => {
  const report = sampleReport()
  const [first] = report.transfers ?? []
  if (first === undefined) expect.fail()
  const of = (files: number) => ({ ...first, durable: { files, bytes: 10 * files } })
  const both = { ...report, transfers: [of(3), { ...of(2), isHere: true }] }
  expect(describeReport(both, createWords('en'), 'en').summary).toEqual(
    expect.arrayContaining([
      '3 copies of files (30 B) became durable.',
      '2 copies (20 B) are on this computer, where they are not safe.',
    ]),
  )
})

test('report: a short name is never broken within a word, and a long one may be', () => {
  const made = describeReport(sampleReport(), createWords('en'), 'en')
  const [section] = made.sections
  if (section === undefined) expect.fail()
  const rows = [['camera', 'a'.repeat(40)]]
  const html = renderHtml({ ...made, sections: [{ ...section, rows }] }, 'en')
  expect(html).toContain('<td>camera</td>')
  expect(html).toContain(`<td class="long">${'a'.repeat(40)}</td>`)
  expect(html).not.toMatch(/t[dh][^{}]*\{[^}]*overflow-wrap: anywhere/)
})

test('report: the summary counts damage that samples and verifications have found', () => {
  const { summary } = describeReport(sampleReport(), createWords('en'), 'en')
  expect(summary).toEqual(
    expect.arrayContaining([
      'Samples read again at the destinations: 6,930. Newly found to be damaged or missing: 3.',
      'Files read by verifications: 9,000. Newly found to be damaged or missing: 4.',
    ]),
  )
})

test('report: the summary counts samples without damage, and is silent where none were read', () => {
  const report = sampleReport()
  const [sampled, without] = report.proofs ?? []
  const whole = { samples: { ...sampled?.samples, damaged: 0, missing: 0 } }
  const read = (proofs: unknown) =>
    describeReport({ ...report, proofs } as typeof report, createWords('en'), 'en').summary.filter((line) =>
      line.startsWith('Samples'),
    )
  expect(read([{ ...sampled, ...whole }, without])).toEqual([
    expect.stringMatching(
      /^Samples read again at the destinations: 6,930. No new damage was found. .* 99\.9/,
    ),
  ])
  expect(read([without])).toEqual([])
})

test('report: a share is not rounded to all or nothing', () => {
  const all = [0, 0.001, 50, 99.999, 100].map((percent) => formatPercent(percent, 'en'))
  expect(all).toEqual(['0%', '0.01%', '50%', '99.99%', '100%'])
})
