// Names of expected files: a glob pattern with parts of a date. Pure; the settings and the window use it, too.

const DAY_MS = 86_400_000
const DAY_MINUTES = 24 * 60

/** Parts of a date in a pattern, with their lengths. {H} is the hour as a letter from a to x, as in RINEX 2 names. */
const TOKENS = { YYYY: 4, YY: 2, MM: 2, DD: 2, DOY: 3, HH: 2, H: 1, mm: 2, ss: 2 } as const
type Token = keyof typeof TOKENS

/** Tokens that do not distinguish periods of this many minutes or more. */
const UNUSED_FROM: Partial<Record<Token, number>> = { HH: DAY_MINUTES, H: DAY_MINUTES, mm: 60, ss: 0 }

/** Two-digit years are 1980 to 2079 (RINEX 2.11, table A1). */
const FIRST_SHORT_YEAR = 80

const PARTS = /\{(\w+)\}|\*\*\/|\*\*|[*?]|[^{*?]+|\{/g

/** Matches a path that begins at the root or at the home directory, or has a part that is empty, "." or "..". */
const NO_PATH = /^(?:~?\/|\\|[A-Za-z]:[/\\])|(?:^|\/)\.{0,2}(?:\/|$)/

/** Parts of a date as strftime(3) and date(1) write them. */
const PERCENT: Readonly<Record<string, string>> = {
  Y: '{YYYY}',
  y: '{YY}',
  m: '{MM}',
  d: '{DD}',
  j: '{DOY}',
  H: '{HH}',
  M: '{mm}',
  S: '{ss}',
  F: '{YYYY}-{MM}-{DD}',
  T: '{HH}:{mm}:{ss}',
  R: '{HH}:{mm}',
  '%': '%',
}

/** Matches a pattern with at least one of these parts; one that has others alone may be a name with an escaped character. */
const IS_PERCENT = /%[YymdjHMSFTR]/

/** Limit of the places of "*" that are tried for each character of a name. Only patterns with many "*" reach it. */
const MOST_TRIED = 16

/** Clocks of zones differ by at most 26 hours. */
export const ZONES_APART_MS = 26 * 3_600_000

/**
 * Why a pattern cannot be used. spaces: at its beginning or end; path: it is no path in the source; braces: they
 * enclose no part of a date; percent: no part of a date has the meaning that `text` has for strftime(3); token: `text`
 * is not a part of a date; date: its day is missing; coarse: it cannot distinguish the periods.
 */
export type PatternProblem =
  | { kind: 'token' | 'percent'; text: string }
  | { kind: 'spaces' | 'path' | 'braces' | 'date' | 'coarse' }

export interface ExpectedPattern {
  /** True if names contain their date; otherwise the time of arrival counts. */
  isDated: boolean
  /** True if a date in names has its year. Without it, the same name returns each year. */
  hasYear: boolean
  /**
   * Returns the wall time in a file's name, in milliseconds as if it were UTC; 0 without a date; null: the pattern does
   * not match, or the date does not exist.
   * @param at the present; a date without a year is the last one until the next period
   */
  match(path: string, at: number): number | null
  /** Returns the name of the file of a period by its wall time; what the period leaves open is "*". */
  format(wall: number): string
}

/** Returns a pattern with the parts of a date that strftime(3) writes, such as %Y%m%d, as {YYYY}{MM}{DD}. */
export const convertPercent = (pattern: string): string =>
  IS_PERCENT.test(pattern)
    ? pattern.replace(/%([A-Za-z%])/g, (found, letter: string) => PERCENT[letter] ?? found)
    : pattern

/** Returns why a pattern was hardly meant as it is written; null: there is no sign of that. */
export function findPatternMistake(pattern: string): PatternProblem | null {
  if (pattern !== pattern.trim()) return { kind: 'spaces' }
  if (NO_PATH.test(pattern)) return { kind: 'path' }
  const percent = IS_PERCENT.test(pattern)
    ? pattern.match(/%(?:%|[-_0^#EO]*[A-Za-z])/g)?.find((part) => PERCENT[part.slice(1)] === undefined)
    : undefined
  if (percent !== undefined) return { kind: 'percent', text: percent }
  return /[{}]/.test(pattern.replace(/\{\w+\}/g, '')) ? { kind: 'braces' } : null
}

/** Returns why a pattern cannot be used with this period; null: it can. */
export function findPatternProblem(pattern: string, everyMinutes: number): PatternProblem | null {
  const names = [...pattern.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const unknown = names.find((name) => !isToken(name))
  if (unknown !== undefined) return { kind: 'token', text: `{${unknown}}` }
  if (names.length === 0) return null
  const has = (...some: Token[]) => some.some((one) => names.includes(one))
  const hasDay = has('DOY') || (has('MM') && has('DD'))
  if (!hasDay) return { kind: 'date' }
  const isHourly = has('HH', 'H')
  const finest = !isHourly ? DAY_MINUTES : has('mm') ? 1 : 60
  return everyMinutes % finest === 0 ? null : { kind: 'coarse' }
}

/**
 * Compiles a pattern. Without "/" it is compared with the file's name, otherwise with its path relative to the source.
 * @param everyMinutes the period of its files
 * @param flags ui: upper and lower case are the same
 */
export function compilePattern(
  pattern: string,
  everyMinutes: number,
  flags: 'u' | 'ui' = 'u',
): ExpectedPattern {
  const parts = pattern.match(PARTS) ?? []
  const fold = (text: string) => (flags === 'ui' ? text.toLowerCase() : text)
  const folded = parts.map((part) => (toToken(part) === null ? fold(part) : part))
  const find = compileParts(folded)
  const [first, last] = [fixedText(folded[0]), fixedText(folded.at(-1))]
  const seen = new Set(parts.flatMap((part) => toToken(part) ?? []))
  const isPath = pattern.includes('/')
  const hasYear = seen.has('YYYY') || seen.has('YY')
  return {
    isDated: seen.size > 0,
    hasYear,
    match: (path, at) => {
      const text = fold(isPath ? path : path.slice(path.lastIndexOf('/') + 1))
      // Most files that do not match begin or end otherwise.
      const groups = text.startsWith(first) && text.endsWith(last) ? find(text) : null
      if (groups === null) return null
      if (seen.size === 0) return 0
      if (hasYear) return readWall(groups)
      const latest = at + everyMinutes * 60_000 + ZONES_APART_MS
      const year = new Date(latest).getUTCFullYear()
      const walls = [year, year - 1].map((one) => readWall({ ...groups, YYYY: String(one) }))
      return walls.find((wall) => wall !== null && wall <= latest) ?? null
    },
    format: (wall) => {
      const shown = parts.map((part) => {
        const token = toToken(part)
        if (token === null) return part
        return everyMinutes >= (UNUSED_FROM[token] ?? Number.POSITIVE_INFINITY)
          ? '*'
          : formatToken(token, wall)
      })
      return shown.filter((part, index) => part !== '*' || shown[index - 1] !== '*').join('')
    },
  }
}

type Groups = Partial<Record<Token, string>>

/** A place in a pattern and in a text, with the date so far. */
interface Place {
  part: number
  from: number
  groups: Groups
}

/**
 * Compiles the parts of a pattern. Each "*" is as long as possible. A regular expression would try all combinations of
 * their lengths: a name of 250 characters could occupy the scanner for hours.
 */
function compileParts(parts: readonly string[]): (text: string) => Groups | null {
  const tokens = parts.map(toToken)
  const repeated = tokens.flatMap((token, index) =>
    token !== null && tokens.indexOf(token) < index ? [token] : [],
  )
  return (text) => {
    const tried = new Set<string | number>()
    const places: Place[] = [{ part: 0, from: 0, groups: {} }]
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      const { part, from, groups } = passFixed(parts, tokens, text, place)
      if (part === parts.length && from === text.length) return groups
      const star = parts[part]
      const spot = part * (text.length + 1) + from
      const key = repeated.length === 0 ? spot : `${spot} ${repeated.map((token) => groups[token])}`
      if (!isStar(star) || tried.has(key)) continue
      if (tried.size > MOST_TRIED * text.length) return null
      tried.add(key)
      places.push({ part: part + 1, from, groups })
      const next = star === '**/' ? text.indexOf('/', from) : from
      if (next !== -1 && next < text.length && (star !== '*' || text[next] !== '/'))
        places.push({ part, from: next + 1, groups })
    }
    return null
  }
}

/** Returns the text of a part that matches that text alone; otherwise ''. */
const fixedText = (part = ''): string => (isStar(part) || part === '?' || toToken(part) !== null ? '' : part)

/** Goes on to the next "*", to the first part that does not match, or to the end. */
function passFixed(
  parts: readonly string[],
  tokens: readonly (Token | null)[],
  text: string,
  place: Place,
): Place {
  let { part, from, groups } = place
  for (; part < parts.length; part += 1) {
    const token = tokens[part] ?? null
    const fixed = parts[part] ?? ''
    const length = isStar(fixed) ? 0 : matchPart(fixed, token, text, from, groups)
    if (length === 0) break
    if (token !== null) groups = { ...groups, [token]: text.slice(from, from + length) }
    from += length
  }
  return { part, from, groups }
}

const isStar = (part: string | undefined): boolean => part === '*' || part === '**' || part === '**/'

/** Returns the length of a part other than "*" at this place; 0: it does not match. */
function matchPart(part: string, token: Token | null, text: string, from: number, groups: Groups): number {
  if (part === '?') {
    const code = text.codePointAt(from)
    return code === undefined || text[from] === '/' ? 0 : String.fromCodePoint(code).length
  }
  if (token === null) return text.startsWith(part, from) ? part.length : 0
  const found = text.slice(from, from + TOKENS[token])
  const isPart =
    token === 'H' ? /^[a-x]$/i.test(found) : found.length === TOKENS[token] && /^\d+$/.test(found)
  return isPart && (groups[token] ?? found) === found ? found.length : 0
}

const isToken = (name: string): name is Token => Object.hasOwn(TOKENS, name)

function toToken(part: string): Token | null {
  const name = part.startsWith('{') && part.endsWith('}') ? part.slice(1, -1) : ''
  return isToken(name) ? name : null
}

function readWall(found: Groups): number | null {
  const number = (token: Token) => Number(found[token] ?? 0)
  const short = number('YY')
  const year = found.YYYY === undefined ? short + (short < FIRST_SHORT_YEAR ? 2000 : 1900) : number('YYYY')
  const month = found.DOY === undefined ? number('MM') : 1
  const day = found.DOY === undefined ? number('DD') : number('DOY')
  const hour = found.H === undefined ? number('HH') : found.H.toLowerCase().charCodeAt(0) - 'a'.charCodeAt(0)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // Date would take the 30th of February for the 2nd of March.
  const isReal =
    found.DOY === undefined ? date.getUTCMonth() === month - 1 : day > 0 && date.getUTCFullYear() === year
  if (!isReal || hour > 23 || number('mm') > 59 || number('ss') > 59) return null
  return date.getTime() + (hour * 3_600 + number('mm') * 60 + number('ss')) * 1_000
}

function formatToken(token: Token, wall: number): string {
  const date = new Date(wall)
  const year = date.getUTCFullYear()
  const padded = (value: number, digits: number) => String(value).padStart(digits, '0')
  switch (token) {
    case 'YYYY':
      return padded(year, 4)
    case 'YY':
      return padded(year % 100, 2)
    case 'MM':
      return padded(date.getUTCMonth() + 1, 2)
    case 'DD':
      return padded(date.getUTCDate(), 2)
    case 'DOY':
      return padded(
        (Date.UTC(year, date.getUTCMonth(), date.getUTCDate()) - Date.UTC(year, 0, 0)) / DAY_MS,
        3,
      )
    case 'HH':
      return padded(date.getUTCHours(), 2)
    case 'H':
      return String.fromCharCode('a'.charCodeAt(0) + date.getUTCHours())
    case 'mm':
      return padded(date.getUTCMinutes(), 2)
    case 'ss':
      return padded(date.getUTCSeconds(), 2)
  }
}
