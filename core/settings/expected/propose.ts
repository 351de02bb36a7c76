import { LONGEST_PATTERN } from '../patterns.ts'
import type { ExpectedFiles } from '../schema.ts'
import { findFirstExpected, type NextExpected } from './first.ts'
import { compilePattern, convertPercent, findPatternMistake, findPatternProblem } from './pattern.ts'
import { openPeriods } from './periods.ts'

// Proposes a rule for expected files from the name of one of them, and finds the files that a rule matches. Pure.

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const DAY_MINUTES = 24 * 60

/** A file of the folder. `path`: relative to it, with "/"; `modifiedAt`: milliseconds since 1970; null: unknown. */
export interface KnownFile {
  path: string
  size: number
  modifiedAt: number | null
}

/** A date in a name, as a regular expression whose groups are parts of a date. */
interface Reading {
  source: string
  /** Lower ones are preferred. 2: other numbers may look like that; 3: it has no year. */
  rank: 0 | 1 | 2 | 3
  /** `source` has the time, too. */
  isWhole?: true
}

const YEAR = '(?<YYYY>19[7-9]\\d|20\\d\\d)'
const ALONE = '(?<!\\d)'
const [MONTH, DAY, SHORT, DOY] = [
  '(?<MM>\\d\\d)',
  '(?<DD>\\d\\d)',
  '(?<YY>\\d\\d)',
  '(?<DOY>\\d{3})',
] as const
const triple = (one: string, two: string, three: string) =>
  `${ALONE}${one}(?<gap>[-_. /]?)${two}\\k<gap>${three}`

/** RINEX 2.11, 3: ssssdddf.yyt, ssssdddfmm.yyt. */
const RINEX = `(?<=(?:^|/)\\w{4})${DOY}(?:0|(?<H>[a-xA-X])(?<mm>\\d\\d)?)\\.${SHORT}(?=[a-zA-Z](?:\\.|$))`

const READINGS: readonly Reading[] = [
  { source: RINEX, rank: 0, isWhole: true },
  { source: triple(YEAR, MONTH, DAY), rank: 0 },
  { source: `${ALONE}${YEAR}[-_. /]?${DOY}`, rank: 0 },
  { source: triple(DAY, MONTH, YEAR), rank: 1 },
  { source: triple(MONTH, DAY, YEAR), rank: 1 },
  { source: triple(SHORT, MONTH, DAY), rank: 2 },
  { source: `${ALONE}${SHORT}${DOY}`, rank: 2 },
  { source: triple(DAY, MONTH, SHORT), rank: 2 },
  { source: triple(MONTH, DAY, SHORT), rank: 2 },
  { source: `${ALONE}${DOY}`, rank: 3 },
  { source: `${ALONE}${MONTH}[-_]?${DAY}`, rank: 3 },
]

/** A time of 12 hours, which no part of a date in a pattern matches. */
const HALF_DAY = '\\d\\d?(?:[-_.:h]?\\d\\d){0,2}[ _-]?[AaPp][Mm](?![a-zA-Z])'
/** The time may follow in the name of a file that is in the folder of its day. */
const HOUR = `(?:[-_. Tt]{0,2}|/(?:[^/]*?[^/\\d])?)(?!${HALF_DAY})(?<HH>\\d\\d)`
const BEHIND_DATE = new RegExp(`(?<=^[-_. Tt]{0,2})${HALF_DAY}`)
/** Times after a date, the most exact first. A fraction of a second may follow. */
const TIMES: readonly string[] = [
  `${HOUR}(?<pause>[-_.:]?)(?<mm>\\d\\d)\\k<pause>(?<ss>\\d\\d)(?=(?:\\d|\\d{3}|\\d{6})?(?!\\d))`,
  `${HOUR}[-_.:h]?(?<mm>\\d\\d)(?!\\d)`,
  `${HOUR}(?!\\d)`,
  '(?!\\d)',
]

/** The date of the name may occur again: in the path, and as the name of a folder below that of its year. */
const ECHOES = [
  ...['{YYYY}{MM}{DD}', '{YYYY}-{MM}-{DD}', '{YYYY}_{MM}_{DD}', '{YYYY}.{MM}.{DD}', '{YYYY}{DOY}'],
  ...['{YYYY}-{DOY}', '{YYYY}.{DOY}', '{YYYY}{MM}', '{YYYY}-{MM}', '{YYYY}_{MM}', '{YYYY}'],
]
const ECHOES_BELOW = ['{MM}', '{DD}', '{DOY}', '{HH}', ...[...'odnglmh'].map((type) => `{YY}${type}`)]

/** A part of a pattern. digits: it may count the files. */
interface Piece {
  kind: 'date' | 'fixed' | 'digits'
  text: string
}

interface Candidate {
  pieces: Piece[]
  /** As of its reading; 4: the only sign of it is that many names have such a date. */
  rank: number
  reading: Reading
  isInName: boolean
  /** Where the date begins. */
  from: number
  /** All names of this form have the same day here: it is not that of the file. */
  isConstant: boolean
  /** Between the date and the modification of half of the files. */
  distance: number
}

type Found = Omit<Candidate, 'rank' | 'distance' | 'isConstant'>

/** The share of names in the form of the example that have a real date, if the digits are a date. */
const DATED = 0.9
/** The share of distances that are one period, if the files come regularly. */
const REGULAR = 0.8
/** Periods that are proposed, without a day, which is proposed if no other fits. */
const PERIODS = [5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720]
const DEFAULTS = { withinMinutes: 10, zone: null }
/** Delays that are proposed. */
const DELAYS = [10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 4_320]
/** Without another file to compare, this many digits are taken for a count. */
const LONG = { dated: 6, undated: 4 }
/** Limit of a path; of a longer one only the name is read. */
const LONGEST_PATH = 300
/** Places of a path, the last ones, where a date is looked for. */
const MOST_PLACES = 6
/** Numbers in a name that may have any number of digits. */
const MOST_STARS = 2
/** Files that a preview names. */
const SHOWN = { last: 5, next: 3, otherCase: 3 }

/** A rule, some of which is to be proposed. */
export type RuleDraft = { [Field in keyof ExpectedFiles]?: ExpectedFiles[Field] | undefined } & {
  pattern: string
}

/**
 * Completes a rule. Without its period, it is proposed; the pattern may then be the path or the name of an example.
 * `isGuess`: the files do not show the period.
 * @param files the newest files of the folder, which decide what is ambiguous
 * @param at the present
 */
export function completeRule(draft: RuleDraft, files: readonly KnownFile[], at: number) {
  const { pattern, everyMinutes, withinMinutes, minimumBytes, zone } = draft
  const proposed =
    everyMinutes === undefined
      ? proposeRule(pattern, files, at)
      : { ...DEFAULTS, ...draft, everyMinutes, isGuess: false }
  const rule: ExpectedFiles = {
    pattern: proposed.pattern,
    everyMinutes: proposed.everyMinutes,
    withinMinutes: withinMinutes ?? proposed.withinMinutes ?? DEFAULTS.withinMinutes,
    minimumBytes: minimumBytes ?? 0,
    zone: zone === undefined ? (proposed.zone ?? null) : zone,
  }
  return { rule, isGuess: proposed.isGuess }
}

function proposeRule(asked: string, files: readonly KnownFile[], at: number) {
  const known =
    files.find(({ path }) => path === asked) ?? files.find(({ path }) => withoutFolder(path) === asked)
  const isPattern = /[*?{}]|%[A-Za-z]/.test(asked) || findPatternMistake(asked) !== null
  if (known === undefined && isPattern)
    return { pattern: asked, ...proposeTimes(convertPercent(asked), files, at) }
  const { path } = known ?? { path: asked }
  const own = known ?? { path, size: 0, modifiedAt: null }
  const all = [own, ...files.filter((one) => one !== own)]
  const found = findPattern(path.length > LONGEST_PATH ? withoutFolder(path) : path, all, at)
  const pattern = found.length <= LONGEST_PATTERN ? found : '*'
  return { pattern, ...proposeTimes(pattern, all, at) }
}

/** Proposes the period, the delay and the time zone for a pattern, by the files that match it. */
function proposeTimes(pattern: string, files: readonly KnownFile[], at: number) {
  const { isDated } = compilePattern(pattern, DAY_MINUTES)
  const found = findMatches(pattern, files, at)
  const walls = found.flatMap(({ wall, modifiedAt }) => (isDated ? [wall] : (modifiedAt ?? [])))
  const period = findPeriod(pattern, walls)
  const { everyMinutes } = period
  if (!isDated) return { ...DEFAULTS, ...period }
  const utc = { zone: 'UTC', ...measure(found, { everyMinutes, zone: 'UTC' }) }
  const local = { zone: null, ...measure(found, { everyMinutes, zone: null }) }
  const { zone, withinMinutes } = isUtc(pattern) || utc.distance < local.distance ? utc : local
  return { ...period, withinMinutes, zone }
}

/**
 * Returns which of these files a rule matches, the newest first, and the next ones that it expects. If none matches:
 * those that match without regard to upper and lower case.
 */
export function previewRule(rule: ExpectedFiles, files: readonly KnownFile[], at: number) {
  const large = files.filter(({ size }) => size >= rule.minimumBytes)
  const found = findMatches(rule.pattern, large, at)
  const otherCase = found.length === 0 ? findMatches(rule.pattern, large, at, 'ui') : []
  return {
    matching: found.length,
    known: files.length,
    last: found.slice(0, SHOWN.last).map(({ path, modifiedAt }) => ({ path, modifiedAt })),
    otherCase: {
      count: otherCase.length,
      paths: otherCase.slice(0, SHOWN.otherCase).map(({ path }) => path),
    },
    next: listNext(rule, at, new Set(found.map(({ wall }) => wall))),
  }
}

/** Periods that are looked at for the next files: an undated name is the same in all of them. */
const LOOKED_AT = 100

/** @param there wall times in the names of the files that have come: they are not expected any more. */
function listNext(rule: ExpectedFiles, at: number, there: ReadonlySet<number>): NextExpected[] {
  const { format, isDated } = compilePattern(rule.pattern, rule.everyMinutes)
  const within = rule.withinMinutes * MINUTE_MS
  const { until } = findFirstExpected(rule, at)
  const periods = openPeriods(rule).from(until - within)
  const files = Array.from({ length: LOOKED_AT }, () => {
    const { wall, end } = periods.next().value
    return { wall, path: format(wall), due: end + within }
  })
  return files
    .filter(({ wall }) => !isDated || !there.has(wall))
    .slice(0, SHOWN.next)
    .map(({ path, due }) => ({ path, due }))
}

/** Returns the files that a pattern matches with the wall times in their names, the newest first. */
function findMatches(pattern: string, files: readonly KnownFile[], at: number, flags: 'u' | 'ui' = 'u') {
  const { match } = compilePattern(pattern, DAY_MINUTES, flags)
  const found = files.flatMap((file) => {
    const wall = match(file.path, at)
    return wall === null ? [] : [{ ...file, wall }]
  })
  return found.sort((a, b) => b.wall - a.wall || (b.modifiedAt ?? 0) - (a.modifiedAt ?? 0))
}

function findPattern(path: string, files: readonly KnownFile[], at: number): string {
  const alike = files.filter((one) => toForm(one.path) === toForm(path))
  const candidates = READINGS.flatMap((reading) =>
    (reading.isWhole ? [''] : TIMES).flatMap((time) => readDates(path, reading, time)),
  ).flatMap((one) => judge(one, path, alike, at))
  const [first] = candidates.sort(
    (a, b) =>
      a.rank - b.rank ||
      Number(b.isInName) - Number(a.isInName) ||
      Number(a.isConstant) - Number(b.isConstant) ||
      a.from - b.from,
  )
  const equal = candidates.filter(({ rank, from }) => rank === first?.rank && from === first.from)
  const nearest = Math.min(...equal.map(({ distance }) => distance))
  // The readings of one date differ in their time: the most exact comes first.
  const best = equal.find(({ distance }) => distance <= nearest + DAY_MS)
  const count = (pattern: string) => countPeriods(pattern, files, at)
  // Names with numbers of other lengths do not show which digits count.
  const sized = files.filter((one) => one.path.length === path.length)
  const countSized = (pattern: string) => countPeriods(pattern, sized, at)
  if (best === undefined) {
    const pieces = withoutDateParts(split(path), at)
    return write(settle(pieces, countSized, { long: LONG.undated, isOne: true }))
  }
  const pieces = settle(best.pieces, countSized, { long: LONG.dated, isOne: alike.length < 2 })
  const name = withoutFolders(pieces)
  // The same files in folders that change: only their name is the pattern.
  const isMoving = best.isInName && count(write(name)) > count(write(pieces))
  return withConstants(write(isMoving ? name : pieces), findMatches(write(pieces), files, at))
}

const MONTH_NAME = /((?<![A-Za-z])(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}(?![A-Za-z]))/i

/** Replaces what changes, although no date was found: the present year, and names of months. */
function withoutDateParts(pieces: readonly Piece[], at: number): Piece[] {
  const year = String(new Date(at).getUTCFullYear())
  const any: Piece = { kind: 'date', text: '*' }
  return pieces.flatMap((piece) => {
    if (piece.kind === 'digits') return piece.text === year ? any : piece
    return piece.text
      .split(MONTH_NAME)
      .flatMap((text, index) => (index % 2 === 1 ? any : text === '' ? [] : { ...piece, text }))
  })
}

/** Returns a path with one of its dates as such, once for each place where it may be. */
function readDates(path: string, reading: Reading, time: string): Found[] {
  const expression = new RegExp(`${reading.source}${time}`, 'dg')
  return [...path.matchAll(expression)].slice(-MOST_PLACES).map((found) => {
    const parts = Object.entries(found.indices?.groups ?? {}).filter(
      (one): one is [string, [number, number]] =>
        one[0] !== 'gap' && one[0] !== 'pause' && one[1] !== undefined,
    )
    parts.sort(([, [a]], [, [b]]) => a - b)
    let behind = 0
    const pieces = parts.flatMap(([name, [from, to]]): Piece[] => {
      const before = path.slice(behind, from)
      behind = to
      return [...split(before), { kind: 'date', text: `{${name}}` }]
    })
    const isInName = found.index > path.lastIndexOf('/')
    const rest = path.slice(behind)
    const [before, ...after] = rest.split(BEHIND_DATE)
    const last: Piece[] =
      after.length === 0
        ? split(rest)
        : [...split(before ?? ''), { kind: 'date', text: '*' }, ...split(after.join(''))]
    return { pieces: [...pieces, ...last], reading, isInName, from: found.index }
  })
}

/** Returns a candidate with the date that occurs again and its distance, or nothing if its digits are hardly a date. */
function judge(
  { pieces, ...rest }: Found,
  path: string,
  alike: readonly KnownFile[],
  at: number,
): Candidate[] {
  const wall = compilePattern(write(pieces), DAY_MINUTES).match(path, at)
  if (wall === null) return []
  const dated = withEchoes(pieces, wall)
  const { match } = compilePattern(write(withCounts(dated)), DAY_MINUTES)
  const walls = alike.map((one) => ({ ...one, wall: match(one.path, at) }))
  const real = walls.filter((one): one is typeof one & { wall: number } => one.wall !== null)
  if (real.length < walls.length * DATED) return []
  const distances = real.flatMap(({ wall: one, modifiedAt }) =>
    modifiedAt === null ? [] : [Math.abs(one - modifiedAt)],
  )
  const distance = median(distances) ?? 0
  const periods = new Set(real.map((one) => one.wall)).size
  const isNear = (limit: number) => distances.length > 0 && distance <= limit * DAY_MS
  const isPast = real.every((one) => one.wall <= at + DAY_MS)
  // Numbers that count the files leave the days of a month at its end.
  const months = new Set(real.map((one) => new Date(one.wall).toISOString().slice(0, 7)))
  const times = real.flatMap(({ modifiedAt }) => modifiedAt ?? [])
  const isOnce = times.length >= 3 && Math.max(...times) - Math.min(...times) <= DAY_MS
  const isFar = Math.min(...distances) > 31 * DAY_MS
  const isOneNumber = /^[^{]*(?:\{\w+\})+[^{]*$/.test(write(pieces))
  if (isOneNumber && periods >= 3 && months.size === 1 && isOnce && isFar) return []
  const { rank } = rest.reading
  const isLikely = [true, true, isNear(31), periods >= 3 && isNear(3)][rank]
  // Many names with such a date are a weaker sign: the files may have been copied.
  const isFrequent = rank === 2 && periods >= 5 && isPast
  if (!isLikely && !isFrequent) return []
  const days = new Set(real.map((one) => Math.floor(one.wall / DAY_MS))).size
  const isConstant = days === 1 && real.length > 2
  return [{ ...rest, pieces: dated, rank: isLikely ? rank : 4, distance, isConstant }]
}

const withoutFolder = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

const toForm = (path: string): string => path.replace(/\d/g, '0')

/** Replaces other occurrences of the date. */
function withEchoes(pieces: readonly Piece[], wall: number): Piece[] {
  const shown = (parts: string) => compilePattern(parts, 1).format(wall)
  const echoes = ECHOES.map((parts) => ({ parts, text: shown(parts) }))
  const below = ECHOES_BELOW.map((parts) => ({ parts, text: shown(parts) }))
  // Joined first, as an occurrence has digits and other characters.
  const whole = join(pieces)
  const folders = new Set<string>()
  /** True if a folder may have this part of the date: below that of the year, each part once. */
  const isNext = (parts: string) =>
    folders.size > 0 && !folders.has(parts) && !(folders.has('{DOY}') && ['{MM}', '{DD}'].includes(parts))
  return whole.flatMap((piece, index) => {
    if (piece.kind === 'date') {
      folders.add(piece.text)
      return [piece]
    }
    const rows = piece.text.split(/(?<=\/)|(?=\/)/)
    const readText = (text: string): Piece[] => {
      const [found] = echoes.flatMap((one) => {
        const from = findAlone(text, one.text)
        return from === -1 ? [] : [{ ...one, from }]
      })
      if (found === undefined) return split(text)
      folders.add(found.parts)
      const rest = readText(text.slice(found.from + found.text.length))
      return [...split(text.slice(0, found.from)), { kind: 'date', text: found.parts }, ...rest]
    }
    return rows.flatMap((text, row): Piece[] => {
      const isFolder =
        text !== '/' && rows[row + 1] === '/' && (row > 0 ? rows[row - 1] === '/' : index === 0)
      const same = below.find((one) => isFolder && one.text === text && isNext(one.parts))
      if (same !== undefined) {
        folders.add(same.parts)
        return [{ kind: 'date', text: same.parts }]
      }
      return readText(text)
    })
  })
}

/** Returns where `wanted` is in a text without another digit beside it; -1: nowhere. */
function findAlone(text: string, wanted: string): number {
  const escaped = wanted.replace(/\./g, '\\.')
  return text.search(new RegExp(`(?<!\\d)${escaped}(?!\\d)`))
}

/** Joins neighbours that are no date. */
function join(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    if (piece.kind === 'date' || last === undefined || last.kind === 'date') joined.push({ ...piece })
    else last.text += piece.text
  }
  return joined.map((one) => (one.kind === 'digits' ? { ...one, kind: 'fixed' } : one))
}

const split = (text: string): Piece[] =>
  (text.match(/\d+|\D+/g) ?? []).map((part) => ({
    kind: /^\d/.test(part) ? 'digits' : 'fixed',
    text: part,
  }))

/** Replaces digits that may be a count by as many "?". With "*", a name with many numbers would take too long. */
const withCounts = (pieces: readonly Piece[]): Piece[] =>
  pieces.map((one) => (one.kind === 'digits' ? { kind: 'date', text: '?'.repeat(one.text.length) } : one))

/**
 * Decides which digits count the files: the digits of a file that comes regularly are the same in several periods.
 * @param count returns the number of periods, or files, of a pattern
 * @param isOne no other name has this form
 */
function settle(
  pieces: readonly Piece[],
  count: (pattern: string) => number,
  { long, isOne }: { long: number; isOne: boolean },
): Piece[] {
  const date = pieces.findIndex(({ kind }) => kind === 'date')
  let settled = [...pieces]
  const most = count(write(withCounts(pieces)))
  for (const [index, { kind, text }] of pieces.entries()) {
    if (kind !== 'digits') continue
    const kept = settled.with(index, { kind: 'fixed', text })
    const isAlone = text.length < long && pieces[index - 1]?.text !== '{ss}' && (isOne || index < date)
    const isConstant = most > 1 ? count(write(withCounts(kept))) >= Math.min(3, most) : isAlone
    if (isConstant) settled = kept
  }
  const counts = settled.filter(({ kind }) => kind === 'digits').length
  return counts > MOST_STARS
    ? withCounts(settled)
    : settled.map((one) => (one.kind === 'digits' ? { kind: 'date', text: '*' } : one))
}

/** Counts the periods of the files that a pattern matches; without a date, the files. */
function countPeriods(pattern: string, files: readonly KnownFile[], at: number): number {
  const { isDated, match } = compilePattern(pattern, DAY_MINUTES)
  const found = files.flatMap(({ path }) => {
    const wall = match(path, at)
    return wall === null ? [] : [isDated ? wall : path]
  })
  return new Set(found).size
}

function withoutFolders(pieces: readonly Piece[]): Piece[] {
  const last = pieces.findLastIndex(({ text }) => text.includes('/'))
  const slash = pieces[last]
  if (slash === undefined) return [...pieces]
  return [{ ...slash, text: slash.text.slice(slash.text.lastIndexOf('/') + 1) }, ...pieces.slice(last + 1)]
}

/** Puts the time that all files have in its place, from the seconds on. */
function withConstants(pattern: string, found: readonly { wall: number }[]): string {
  const walls = [...new Set(found.map(({ wall }) => wall))]
  if (walls.length < 3) return pattern
  const parts = (['ss', 'mm', 'HH'] as const).filter((part) => pattern.includes(`{${part}}`))
  const shown = (part: 'ss' | 'mm' | 'HH', wall: number) => {
    const from = { HH: 11, mm: 14, ss: 17 }[part]
    return new Date(wall).toISOString().slice(from, from + 2)
  }
  let result = pattern
  for (const part of parts) {
    const value = shown(part, walls[0] ?? 0)
    if (walls.some((wall) => shown(part, wall) !== value)) break
    result = result.replaceAll(`{${part}}`, value)
  }
  return result
}

/** Writes a pattern. A character that would mean something else, or cannot be seen, becomes "?". */
function write(pieces: readonly Piece[]): string {
  const text = pieces
    .map(({ kind, text: part }) => (kind === 'date' ? part : part.replace(/[*{}]|\p{C}/gu, '?')))
    .join('')
  const plain = convertPercent(text) === text ? text : text.replaceAll('%', '?')
  const trimmed = plain.replace(/^\s|\s$/g, '?')
  return findPatternMistake(trimmed)?.kind === 'path' ? `?${trimmed.slice(1)}` : trimmed
}

/** Returns the shortest period in which one file comes regularly; without a sign of it, one by the parts of the pattern. */
function findPeriod(pattern: string, walls: readonly number[]) {
  const possible = [...PERIODS, DAY_MINUTES].filter(
    (minutes) => findPatternProblem(pattern, minutes) === null,
  )
  const regular = possible.find((minutes) => {
    const periods = [...new Set(walls.map((wall) => Math.floor(wall / (minutes * MINUTE_MS))))]
    periods.sort((a, b) => a - b)
    const gaps = periods.slice(1).map((period, index) => period - (periods[index] ?? 0))
    return gaps.length > 0 && gaps.filter((gap) => gap === 1).length >= gaps.length * REGULAR
  })
  if (regular !== undefined) return { everyMinutes: regular, isGuess: false }
  // RINEX 3.05, A1: the period is in the name.
  const [, count, unit] = /_(\d\d)([MHD])_/.exec(pattern) ?? []
  const named = Number(count) * (unit === 'M' ? 1 : unit === 'H' ? 60 : DAY_MINUTES)
  if (possible.includes(named)) return { everyMinutes: named, isGuess: false }
  const isHourly = new Set(walls).size < 2 && /\{HH?\}/.test(pattern) && named !== DAY_MINUTES
  return { everyMinutes: isHourly ? 60 : DAY_MINUTES, isGuess: true }
}

/** True if the names have UTC by convention: with the day of the year, or with a time that ends with "Z". */
const isUtc = (pattern: string): boolean => /\{DOY\}|\{(?:HH|mm|ss)\}Z(?![a-zA-Z])/.test(pattern)

/** Measures how well files fit a timetable, and proposes how late they may come. */
function measure(
  found: readonly { wall: number; modifiedAt: number | null }[],
  { everyMinutes, zone }: { everyMinutes: number; zone: string | null },
) {
  const periods = openPeriods({ everyMinutes, zone })
  const times = found.flatMap(({ wall, modifiedAt }) => {
    const [period] = periods.named(wall)
    if (period === undefined || modifiedAt === null) return []
    return [{ begun: modifiedAt - (period.start + wall - period.wall), late: modifiedAt - period.end }]
  })
  const distance = median(times.map(({ begun, late }) => Math.min(Math.abs(begun), Math.abs(late)))) ?? 0
  const lates = times.map(({ late }) => late / MINUTE_MS).sort((a, b) => a - b)
  const part = (share: number) => lates[Math.floor((lates.length - 1) * share)] ?? 0
  // Times that spread over more than a day are those of a copy.
  const latest = part(0.9) - part(0.1) > DAY_MINUTES ? 0 : part(0.9)
  const within = DELAYS.find((delay) => delay >= latest)
  return { distance, withinMinutes: within ?? DEFAULTS.withinMinutes }
}

function median(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? null
}
