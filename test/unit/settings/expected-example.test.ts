import { describe, expect, test } from 'vitest'
import { compilePattern, findPatternMistake } from '../../../core/settings/expected/pattern.ts'
import { openPeriods } from '../../../core/settings/expected/periods.ts'
import { completeRule, type KnownFile, previewRule } from '../../../core/settings/expected/propose.ts'
import { LONGEST_PATTERN } from '../../../core/settings/patterns.ts'

const at = Date.parse('2026-11-29T14:02Z')
const MINUTE_MS = 60_000
const [HOUR, DAY] = [60, 1_440]

const file = (path: string, modifiedAt: number | null = null): KnownFile => ({ path, size: 1, modifiedAt })
const propose = (pattern: string, files: readonly KnownFile[] = []) =>
  completeRule({ pattern }, files, at).rule

/** Files of a pattern that came `late` minutes after their period, the newest first. */
function series(pattern: string, { every = HOUR, count = 40, late = 3, zone = 'UTC' } = {}): KnownFile[] {
  const { format } = compilePattern(pattern, 1)
  const from = at - (count + 1) * every * MINUTE_MS
  const periods = openPeriods({ everyMinutes: every, zone }).from(from)
  return Array.from({ length: count }, () => periods.next().value)
    .map(({ wall, end }) => file(format(wall), end + late * MINUTE_MS))
    .reverse()
}

describe('an example without other files', () => {
  test.each([
    // Seismology: SDS, SEISAN, daily files.
    [
      '2026/IV/ABCD/HHZ.D/IV.ABCD..HHZ.D.2026.332',
      '{YYYY}/IV/ABCD/HHZ.D/IV.ABCD..HHZ.D.{YYYY}.{DOY}',
      DAY,
      'UTC',
    ],
    ['TW.NACB.00.BHZ.D.2026.001', 'TW.NACB.00.BHZ.D.{YYYY}.{DOY}', DAY, 'UTC'],
    ['2026-11-29-1300-00S.ABCD__003', '{YYYY}-{MM}-{DD}-{HH}{mm}-00S.ABCD__003', HOUR, null],
    ['NACB.HHZ.2026.332.13.00.00.mseed', 'NACB.HHZ.{YYYY}.{DOY}.{HH}.{mm}.{ss}.mseed', HOUR, 'UTC'],
    ['R.2026.332.1300.msd', 'R.{YYYY}.{DOY}.{HH}{mm}.msd', HOUR, 'UTC'],
    // GNSS: RINEX 2 and 3.
    ['abcd331n.26o', 'abcd{DOY}{H}.{YY}o', HOUR, 'UTC'],
    ['ABCD3310.26o', 'ABCD{DOY}0.{YY}o', DAY, 'UTC'],
    ['abcd331n15.26d.Z', 'abcd{DOY}{H}{mm}.{YY}d.Z', HOUR, 'UTC'],
    ['brdc3310.26n', 'brdc{DOY}0.{YY}n', DAY, 'UTC'],
    ['2026/331/26o/abcd3310.26o.gz', '{YYYY}/{DOY}/{YY}o/abcd{DOY}0.{YY}o.gz', DAY, 'UTC'],
    [
      'ABCD00TWN_R_20263311300_01H_01S_MO.crx.gz',
      'ABCD00TWN_R_{YYYY}{DOY}{HH}{mm}_01H_01S_MO.crx.gz',
      HOUR,
      'UTC',
    ],
    ['ABCD00TWN_R_20263310000_01D_30S_MO.rnx', 'ABCD00TWN_R_{YYYY}{DOY}{HH}{mm}_01D_30S_MO.rnx', DAY, 'UTC'],
    [
      '2026/331/ABCD00TWN_R_20263311300_15M_01S_MO.crx.gz',
      '{YYYY}/{DOY}/ABCD00TWN_R_{YYYY}{DOY}{HH}{mm}_15M_01S_MO.crx.gz',
      15,
      'UTC',
    ],
    ['p4713310.26o', 'p471{DOY}0.{YY}o', DAY, 'UTC'],
    // Loggers.
    ['CR1000_Table1_2026_11_29_1300.dat', 'CR1000_Table1_{YYYY}_{MM}_{DD}_{HH}{mm}.dat', HOUR, null],
    ['TOA5_12345.Flux_2026_11_29_1300.dat', 'TOA5_12345.Flux_{YYYY}_{MM}_{DD}_{HH}{mm}.dat', HOUR, null],
    ['wind 2026-11-29 13.15.00 (raw).csv', 'wind {YYYY}-{MM}-{DD} {HH}.{mm}.{ss} (raw).csv', HOUR, null],
    ['20261129T130000Z_metar.txt', '{YYYY}{MM}{DD}T{HH}{mm}{ss}Z_metar.txt', HOUR, 'UTC'],
    ['2026/11/29/13.dat', '{YYYY}/{MM}/{DD}/{HH}.dat', HOUR, null],
    ['2026/11/11/met_20261111.csv', '{YYYY}/{MM}/{DD}/met_{YYYY}{MM}{DD}.csv', DAY, null],
    ['29.11.2026.txt', '{DD}.{MM}.{YYYY}.txt', DAY, null],
    ['29112026.csv', '{DD}{MM}{YYYY}.csv', DAY, null],
    ['data2026112913.csv', 'data{YYYY}{MM}{DD}{HH}.csv', HOUR, null],
    // Cameras.
    ['IMG_20261129_131500.jpg', 'IMG_{YYYY}{MM}{DD}_{HH}{mm}{ss}.jpg', HOUR, null],
    ['PXL_20261129_131500123.jpg', 'PXL_{YYYY}{MM}{DD}_{HH}{mm}{ss}*.jpg', HOUR, null],
    ['20261129/cam_131500.jpg', '{YYYY}{MM}{DD}/cam_{HH}{mm}{ss}.jpg', HOUR, null],
    ['Cam_01_20261129130000.mp4', 'Cam_01_{YYYY}{MM}{DD}{HH}{mm}{ss}.mp4', HOUR, null],
    ['DSC_0001.JPG', 'DSC_*.JPG', DAY, null],
    // Satellites.
    [
      'S2A_MSIL1C_20260101T103421_N0511_R108_T31TCJ_20260101T123456.SAFE',
      'S2A_MSIL1C_{YYYY}{MM}{DD}T{HH}{mm}{ss}_N0511_R108_T31TCJ_{YYYY}{MM}{DD}T*.SAFE',
      HOUR,
      null,
    ],
    ['MOD021KM.A2026332.1300.061.2026333010203.hdf', 'MOD021KM.A{YYYY}{DOY}.{HH}{mm}.061.*.hdf', HOUR, 'UTC'],
    [
      'OR_ABI-L1b-M6C01_G16_s20263321300205_e20263321309513_c20263321309562.nc',
      'OR_ABI-L1b-M6C01_G16_s{YYYY}{DOY}{HH}{mm}{ss}?_e??????????????_c??????????????.nc',
      HOUR,
      'UTC',
    ],
    [
      'HS_H09_20261129_1300_B01_FLDK_R10_S0110.DAT.bz2',
      'HS_H09_{YYYY}{MM}{DD}_{HH}{mm}_B01_FLDK_R10_S0110.DAT.bz2',
      HOUR,
      null,
    ],
    ['LC09_L1TP_118043_20261129_20261130_02_T1.tar', 'LC09_L1TP_*_{YYYY}{MM}{DD}_*_02_T1.tar', DAY, null],
    // Sequencing.
    [
      '20261129_1200_MN12345_FAX12345_abcdef12',
      '{YYYY}{MM}{DD}_{HH}{mm}_MN12345_FAX12345_abcdef12',
      HOUR,
      null,
    ],
    ['sample1_S1_L001_R1_001.fastq.gz', 'sample1_S1_L001_R1_001.fastq.gz', DAY, null],
    // No date, and digits that are none.
    ['latest.jpg', 'latest.jpg', DAY, null],
    ['20261399.dat', '*.dat', DAY, null],
    ['20260230.dat', '*.dat', DAY, null],
    ['10023456.dat', '*.dat', DAY, null],
    ['igs24421.sp3', 'igs*.sp3', DAY, null],
    ['99999999999999999999.bin', '*.bin', DAY, null],
    ['v1.2.3.tar', 'v1.2.3.tar', DAY, null],
    // A pattern has no other way to write these.
    ['backup (1) [final] + 20261129.zip', 'backup (1) [final] + {YYYY}{MM}{DD}.zip', DAY, null],
  ])('%s is a file of %s', (name, pattern, everyMinutes, zone) => {
    expect(propose(name)).toEqual({ pattern, everyMinutes, withinMinutes: 10, minimumBytes: 0, zone })
  })
})

describe('the other files of the folder', () => {
  test.each([
    ['a month and a day, of which the others have 13 to 30', '{MM}{DD}{YYYY}.csv', DAY],
    ['a day and a month', '{DD}-{MM}-{YYYY}.csv', DAY],
    ['a short year', 'a{YY}{MM}{DD}.csv', DAY],
    ['a short year and the day of the year', 'a{YY}{DOY}.dat', DAY],
    ['no year', 'ABCD{DOY}{HH}00.rnx', HOUR],
    ['no year, but a month', 'x{MM}{DD}.csv', DAY],
    ['an hour', 'ABC_{YYYY}{MM}{DD}_{HH}.nc', HOUR],
    ['six hours', 'ABC_{YYYY}{MM}{DD}_{HH}00.grib', 360],
    ['15 minutes', 'ABC_{YYYY}{MM}{DD}T{HH}{mm}00.nc', 15],
    ['an hour as a letter', 'abcd{DOY}{H}.{YY}o', HOUR],
    ['an hour of a RINEX 3 name', 'A00TWN_R_{YYYY}{DOY}{HH}00_01H_01S_MO.rnx', HOUR],
    ['a station with a number', 'P471_{YYYY}{MM}{DD}.dat', DAY],
    ['a folder for each day', '{YYYY}/{MM}/{DD}/s_{YYYY}{MM}{DD}{HH}.csv', HOUR],
    ['a folder for each month', '{YYYY}-{MM}/s_{YYYY}-{MM}-{DD}.csv', DAY],
  ])('show %s', (_, pattern, every) => {
    const files = series(pattern, { every })
    expect(propose(files[0]?.path ?? '', files)).toMatchObject({ pattern, everyMinutes: every })
  })

  test('an ambiguous day and month is decided by a name that is later in its month', () => {
    const files = [file('02012026.csv'), file('03012026.csv'), file('13012026.csv')]
    expect(propose('02012026.csv', files).pattern).toBe('{DD}{MM}{YYYY}.csv')
    const american = [file('01022026.csv'), file('01032026.csv'), file('01132026.csv')]
    expect(propose('01022026.csv', american).pattern).toBe('{MM}{DD}{YYYY}.csv')
  })

  test('an ambiguous day and month is decided by the time at which the file was modified', () => {
    const january = Date.parse('2026-01-02T12:00Z')
    const february = Date.parse('2026-02-01T12:00Z')
    expect(propose('01022026.csv', [file('01022026.csv', january)]).pattern).toBe('{MM}{DD}{YYYY}.csv')
    expect(propose('01022026.csv', [file('01022026.csv', february)]).pattern).toBe('{DD}{MM}{YYYY}.csv')
  })

  test('serial numbers, some of which look like a date, are none', () => {
    const files = Array.from({ length: 200 }, (_, index) => file(`${20_261_050 + index}.dat`, at - index))
    expect(propose('20261129.dat', files).pattern).toBe('*.dat')
    expect(propose('20261129.dat', series('{YYYY}{MM}{DD}.dat', { every: DAY })).pattern).toBe(
      '{YYYY}{MM}{DD}.dat',
    )
  })

  test('a number that differs in each file is a count, and one that stays is part of the name', () => {
    const files = series('DC12_{YYYY}{MM}{DD}', { every: DAY }).map((one, index) =>
      file(`${one.path}_${String(417 + 3 * index).padStart(5, '0')}.csv`, one.modifiedAt),
    )
    expect(propose(files[0]?.path ?? '', files).pattern).toBe('DC12_{YYYY}{MM}{DD}_*.csv')
    const two = [...files, ...files.map((one) => file(one.path.replace('DC12', 'DC13'), one.modifiedAt))]
    expect(propose(files[0]?.path ?? '', two).pattern).toBe('DC12_{YYYY}{MM}{DD}_*.csv')
  })

  test('a number up to 59 behind the date is a count if others are larger', () => {
    const files = Array.from({ length: 90 }, (_, index) =>
      file(`IMG_20261129_${String(index).padStart(4, '0')}.JPG`),
    )
    expect(propose('IMG_20261129_0042.JPG', files).pattern).toBe('IMG_{YYYY}{MM}{DD}_*.JPG')
  })

  test('the folder is part of the pattern if others have the same names, and not if it changes', () => {
    const daily = series('{YYYY}{MM}{DD}.csv', { every: DAY })
    const stations = daily.flatMap((one) => ['A', 'B'].map((name) => file(`${name}/${one.path}`)))
    expect(propose('A/20261128.csv', stations).pattern).toBe('A/{YYYY}{MM}{DD}.csv')
    const deliveries = daily.map((one, index) => file(`delivery ${'abcdefghijk'[index % 11]}/${one.path}`))
    expect(propose(deliveries[0]?.path ?? '', deliveries).pattern).toBe('{YYYY}{MM}{DD}.csv')
  })

  test('the time zone and the delay follow from the times of modification', () => {
    const local = new Date(at).getTimezoneOffset() === 0 ? 'Asia/Taipei' : 'UTC'
    const files = series('x{YYYY}{MM}{DD}{HH}.csv', { late: 25, zone: local })
    const { everyMinutes, withinMinutes, zone } = propose(files[0]?.path ?? '', files)
    expect([everyMinutes, withinMinutes]).toEqual([HOUR, local === 'UTC' ? 30 : 10])
    expect(zone).toBe(local === 'UTC' ? 'UTC' : null)
  })

  test('missing files do not change the period, nor times of modification that are those of a copy', () => {
    const files = series('x{YYYY}{MM}{DD}{HH}.csv', { count: 100 })
      .filter((_, index) => index % 9 !== 5)
      .map(({ path }) => file(path, at))
    expect(propose(files[0]?.path ?? '', files)).toMatchObject({ everyMinutes: HOUR, withinMinutes: 10 })
  })

  test('a name without its folder is that of a known file, and a pattern without a period gets one', () => {
    const files = series('{YYYY}/{DOY}/abcd{DOY}{H}.{YY}o')
    const name = files[3]?.path.split('/').at(-1) ?? ''
    expect(propose(name, files).pattern).toBe('{YYYY}/{DOY}/abcd{DOY}{H}.{YY}o')
    const daily = series('x%Y%m%d.csv'.replace('%Y%m%d', '{YYYY}{MM}{DD}'), { every: DAY })
    expect(propose('x%Y%m%d.csv', daily)).toMatchObject({ pattern: 'x%Y%m%d.csv', everyMinutes: DAY })
    expect(propose('*', files)).toMatchObject({ pattern: '*', everyMinutes: HOUR, zone: null })
  })

  test.each([
    ['a week', 7 * DAY, 'w_{YYYY}-{MM}-{DD}.csv', true],
    ['30 days', 30 * DAY, 'm_{YYYY}{MM}{DD}.csv', true],
    ['a day', DAY, 'd_{YYYY}-{MM}-{DD}.csv', false],
    ['an hour', HOUR, 'h_{YYYY}{MM}{DD}{HH}.csv', false],
  ])('files %s apart: a period that they do not show is a guess', (_, every, pattern, isGuess) => {
    const { format } = compilePattern(pattern, 1)
    const files = Array.from({ length: 8 }, (__, index) => file(format(at - index * every * MINUTE_MS)))
    expect(completeRule({ pattern: files[0]?.path ?? '' }, files, at)).toMatchObject({
      isGuess,
      rule: { pattern },
    })
    expect(completeRule({ pattern, everyMinutes: DAY }, files, at).isGuess).toBe(false)
  })

  test('the number of a week is no date, and the period a guess', () => {
    const files = Array.from({ length: 8 }, (_, index) => file(`r_2026-W${48 - index}.csv`))
    expect(completeRule({ pattern: 'r_2026-W48.csv' }, files, at).isGuess).toBe(true)
  })

  test.each([
    ['29-Nov-2026.csv', '*-*-*.csv'],
    ['cam_2026_000158.jpg', 'cam_*_*.jpg'],
  ])('the year and the name of a month are no fixed part of a name without a date: %s', (name, pattern) => {
    const day = (index: number) => name.replace(/29|158/, (digits) => String(Number(digits) - index))
    const files = Array.from({ length: 8 }, (_, index) => file(day(index), at - index * DAY * MINUTE_MS))
    expect(propose(name, files)).toMatchObject({ pattern, everyMinutes: DAY })
  })

  test.each([
    ['a_2026-11-29_01-00_PM.txt', 'a_{YYYY}-{MM}-{DD}_*.txt'],
    ['a 20261129 0100pm.txt', 'a {YYYY}{MM}{DD} *.txt'],
    ['a_2026-11-29_01-00_PMT.txt', 'a_{YYYY}-{MM}-{DD}_{HH}-{mm}_PMT.txt'],
  ])('a time of 12 hours is not read: %s', (name, pattern) => {
    expect(propose(name).pattern).toBe(pattern)
  })

  test('numbers of files that came at once are no days of a month long ago', () => {
    const list = (from: number, month: string) =>
      Array.from({ length: 20 }, (_, index) => `IMG_${month}${String(from + index).padStart(2, '0')}.jpg`)
    const copied = (names: string[]) => names.map((name, index) => file(name, at - index * 1_000))
    const numbers = copied(list(1, '202401'))
    expect(propose('IMG_20240120.jpg', numbers).pattern).toBe('IMG_*.jpg')
    const twoMonths = copied([...list(1, '202401'), ...list(1, '202402')])
    expect(propose('IMG_20240120.jpg', twoMonths).pattern).toBe('IMG_{YYYY}{MM}{DD}.jpg')
    const separated = copied(list(1, '2024-01-'))
    expect(propose('IMG_2024-01-20.jpg', separated).pattern).toBe('IMG_{YYYY}-{MM}-{DD}.jpg')
  })

  test('what the person has set stays', () => {
    const draft = { pattern: '20261129.csv', withinMinutes: 90, minimumBytes: 7, zone: 'Asia/Taipei' }
    expect(completeRule(draft, [], at).rule).toEqual({
      ...draft,
      pattern: '{YYYY}{MM}{DD}.csv',
      everyMinutes: DAY,
    })
  })
})

describe('a preview', () => {
  test('has the last five files and the next three', () => {
    const files = series('x{YYYY}{MM}{DD}{HH}.csv')
    const rule = { ...propose(files[0]?.path ?? '', files), zone: 'UTC' }
    const { last, next, matching, known, otherCase } = previewRule(rule, [...files, file('other.txt')], at)
    expect([matching, known, otherCase.count]).toEqual([40, 41, 0])
    expect(last.map(({ path }) => path)).toEqual(files.slice(0, 5).map(({ path }) => path))
    expect(next).toEqual([
      { path: 'x2026112913.csv', due: Date.parse('2026-11-29T14:10Z') },
      { path: 'x2026112914.csv', due: Date.parse('2026-11-29T15:10Z') },
      { path: 'x2026112915.csv', due: Date.parse('2026-11-29T16:10Z') },
    ])
  })

  test('does not expect a file that has come before its time', () => {
    const files = series('x{YYYY}{MM}{DD}{HH}.csv')
    const rule = { ...propose(files[0]?.path ?? '', files), zone: 'UTC' }
    const { next } = previewRule(rule, [...files, file('x2026112913.csv')], at)
    expect(next.map(({ path }) => path)).toEqual(['x2026112914.csv', 'x2026112915.csv', 'x2026112916.csv'])
    const open = previewRule({ ...rule, pattern: 'x{YYYY}{MM}{DD}{HH}*' }, [file('x2026112913.csv')], at)
    expect(open.next[0]?.path).toBe('x2026112914*')
  })

  test('names the files that differ from the pattern in upper and lower case only if none matches', () => {
    const files = [file('ABCD331N.26O'), file('ABCD331M.26O'), file('ABCD331L.26O'), file('ABCD331K.26O')]
    const rule = { ...propose('abcd331n.26o'), zone: 'UTC' }
    const { matching, otherCase } = previewRule(rule, files, at)
    expect(matching).toBe(0)
    expect(otherCase).toEqual({ count: 4, paths: ['ABCD331N.26O', 'ABCD331M.26O', 'ABCD331L.26O'] })
    expect(previewRule(rule, [...files, file('abcd331n.26o')], at)).toMatchObject({
      matching: 1,
      otherCase: { count: 0 },
    })
  })

  test('leaves out files that are too small to count', () => {
    const rule = { ...propose('20261129.csv'), minimumBytes: 2 }
    expect(previewRule(rule, [file('20261129.csv')], at).matching).toBe(0)
  })
})

/** Numbers from 0 to 1 that are the same in each run. */
function createRandom(seed: number) {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

test('a proposal matches its example, and the next names are of their periods, whatever the name', () => {
  const random = createRandom(7)
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] ?? ''
  const parts = [
    ...[
      '2026',
      '11',
      '29',
      '332',
      '26',
      '20261129',
      '2026332',
      '291126',
      '1300',
      '13',
      '00',
      '0042',
      'T',
      'Z',
    ],
    ...['ABCD', 'a', 'n', '.26o', '_', '-', '.', '/', ' ', '%Y', '%', '{YYYY}', '{', '}', '*', '?', '**/'],
    ...[
      '\n',
      '\t',
      '\u202E',
      '\u0000',
      '\uFEFF',
      '測站',
      'é',
      '😀',
      '~',
      '\\',
      '[',
      '(',
      '+',
      '$',
      '^',
      '1',
      '9',
    ],
  ]
  for (let round = 0; round < 1_500; round += 1) {
    const text = Array.from({ length: 1 + Math.floor(random() * 12) }, () => pick(parts)).join('')
    const path = text
      .split('/')
      .filter((part) => !['', '.', '..'].includes(part))
      .join('/')
    if (path === '') continue
    const files = [file(path, at)]
    const { rule } = completeRule({ pattern: path }, files, at)
    const shown = JSON.stringify([path, rule.pattern])
    expect(findPatternMistake(rule.pattern), shown).toBeNull()
    expect(rule.pattern.length, shown).toBeLessThanOrEqual(LONGEST_PATTERN)
    const preview = previewRule({ ...rule, zone: 'UTC' }, files, at)
    expect(preview.matching, shown).toBe(1)
    const { match, isDated } = compilePattern(rule.pattern, rule.everyMinutes)
    if (!isDated) continue
    for (const { path: next, due } of preview.next) {
      const start = due - (rule.everyMinutes + rule.withinMinutes) * MINUTE_MS
      const wall = match(next, due) ?? match(nameAt(rule.pattern, start), due)
      expect(wall === null ? null : Math.floor(wall / (rule.everyMinutes * MINUTE_MS)), shown).toBe(
        start / (rule.everyMinutes * MINUTE_MS),
      )
    }
  }
})

/** Returns the name of a file of a period, whose time in the period a name of a preview leaves open. */
const nameAt = (pattern: string, start: number): string =>
  compilePattern(pattern.replaceAll('{ss}', '00'), 1).format(start)

test.each([
  ['numbers', '1a'.repeat(125)],
  ['dates', '20261129_'.repeat(28)],
  ['digits', '2'.repeat(255)],
  ['short numbers', '20_'.repeat(85)],
  ['folders of days', '2026/11/29/'.repeat(300)],
  ['characters that mean something', '*?{}%'.repeat(51)],
])('an example of 255 bytes or more of %s takes a bounded time, as do 1,000 files like it', (_, text) => {
  const files = Array.from({ length: 1_000 }, (__, index) =>
    file(`${text.slice(0, 250)}${String(index).padStart(5, '0')}`, at - index * 3_600_000),
  )
  const begun = performance.now()
  const { rule } = completeRule({ pattern: files[0]?.path ?? '' }, files, at)
  expect(previewRule(rule, files, at).matching).toBeGreaterThan(0)
  expect(performance.now() - begun).toBeLessThan(10_000)
})
