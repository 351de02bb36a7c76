import { textsOf } from '../../../core/lib/i18n/dictionaries.ts'
import type { Language } from '../../words/dictionaries.ts'
import { type Entry, type EntryId, settingsCatalog, synonymKey } from './catalog.ts'

/** Texts of an entry in one language, or in English and that one, prepared for comparison. */
interface IndexedEntry {
  id: EntryId
  /** The label and its synonyms, the most telling texts. */
  names: readonly string[]
  /** Headings, hints, values and units, joined. */
  texts: string
}

/** How well a word fits, by the place and the kind of its match. */
const NAME = 8
const TEXT = 2
const WHOLE_WORD = 2
const INSIDE = 0.5
/** Added if the whole search is a name, or the beginning of one. */
const EQUAL_NAME = 40
const NAME_BEGINS = 6

const indexes = new Map<Language, readonly IndexedEntry[]>()

/** Words of a question that find nothing. */
const FILLERS = new Set(
  'a an are do does for get how i in is it me my of on our that the this to was we were what which who why you'.split(
    ' ',
  ),
)

/** Limit of entries that have only some of the words. */
const MOST_PARTIAL = 8

/**
 * Returns the entries that contain all words of the search, the best first, in the window's language or in English;
 * none if the search is empty. Each word is the beginning of a word of the entry; where no entry has such words, any
 * part of its texts. Where no entry has all words: those that have most of them.
 */
export function findEntries(search: string, language: Language): EntryId[] {
  const wanted = normalize(search).trim()
  const all = wanted.split(/\s+/).flatMap((word) => word.replace(/[?!,.;:]+$/, '') || [])
  const telling = all.filter((word) => !FILLERS.has(word))
  const words = telling.length > 0 ? telling : all
  const found = scoreEntries(words, wanted, language).filter(({ hits }) => hits === words.length)
  const clear = found.filter((entry) => entry.clear === words.length)
  const whole = clear.length > 0 ? clear : found
  // Sorting keeps the order of entries with the same score.
  if (whole.length > 0) return whole.sort((one, other) => other.score - one.score).map(({ id }) => id)
  return scoreEntries(words.flatMap(splitWord), wanted, language)
    .filter(({ clear }) => clear > 0)
    .sort((one, other) => other.clear - one.clear || other.score - one.score)
    .slice(0, MOST_PARTIAL)
    .map(({ id }) => id)
}

/** Counts and rates the words that each entry has; `clear`: those that begin a word. */
function scoreEntries(words: readonly string[], wanted: string, language: Language) {
  return words.length === 0
    ? []
    : getIndex(language).map((entry) => {
        const scores = words.map((word) => scoreWord(word, entry))
        return {
          id: entry.id,
          hits: scores.filter((score) => score > 0).length,
          score: scores.reduce((sum, score) => sum + score, 0) + scorePhrase(wanted, entry),
          clear: scores.filter((score) => score > INSIDE).length,
        }
      })
}

/** Splits writing without spaces into its words; single characters fit too much. */
function splitWord(word: string): string[] {
  const segmenter = new Intl.Segmenter('zh-TW', { granularity: 'word' })
  const parts = [...segmenter.segment(word)].map(({ segment }) => segment)
  const longer = parts.filter((part) => part.length > 1)
  return isSpaced(word[0]) || longer.length === 0 ? [word] : longer
}

/** Makes letters comparable: full-width and half-width, upper and lower case. */
const normalize = (text: string): string => text.normalize('NFKC').toLowerCase()

function scorePhrase(wanted: string, { names }: IndexedEntry): number {
  if (names.includes(wanted)) return EQUAL_NAME
  return names.some((name) => name.startsWith(wanted)) ? NAME_BEGINS : 0
}

function scoreWord(word: string, { names, texts }: IndexedEntry): number {
  const inNames = Math.max(0, ...names.map((name) => matchWord(word, name)))
  if (inNames >= 1) return NAME * inNames
  const inTexts = matchWord(word, texts)
  if (inTexts >= 1) return TEXT * inTexts
  return inNames > 0 || inTexts > 0 ? INSIDE : 0
}

const isLetter = (character: string | undefined): boolean =>
  character !== undefined && /[\p{L}\p{N}]/u.test(character)
/** Writing without spaces has no beginnings of words. */
const isSpaced = (character: string | undefined): boolean =>
  character !== undefined && !/[\p{sc=Han}\p{sc=Bopomofo}]/u.test(character)

/** Rates a match: WHOLE_WORD, 1 at the beginning of a word, INSIDE one, 0 for none. An English plural fits its singular. */
function matchWord(word: string, text: string): number {
  const singular = /^[a-z]{3,}s$/.test(word) ? word.slice(0, -1) : word
  let best = 0
  for (
    let from = text.indexOf(singular);
    from >= 0 && best < WHOLE_WORD;
    from = text.indexOf(singular, from + 1)
  ) {
    best = Math.max(best, rate(singular, text, from))
  }
  return best
}

function rate(word: string, text: string, from: number): number {
  const before = text[from - 1]
  const after = text[from + word.length]
  if (!isSpaced(word[0])) return 1
  if (isLetter(word[0]) && isLetter(before) && isSpaced(before)) return INSIDE
  return isLetter(after) && isSpaced(after) && after !== 's' ? 1 : WHOLE_WORD
}

/** Built at the first search: it reads all texts of both languages. */
function getIndex(language: Language): readonly IndexedEntry[] {
  const known = indexes.get(language)
  if (known !== undefined) return known
  const dictionaries = [...new Set([language, 'en'] as const)].map((one) => textsOf(one, 'window'))
  const made = [...settingsCatalog].map(([id, entry]) => indexEntry(id, entry, dictionaries))
  indexes.set(language, made)
  return made
}

function indexEntry(
  id: EntryId,
  { label, under, texts = [], values = [], settings = {} }: Entry,
  dictionaries: readonly Readonly<Record<string, string>>[],
): IndexedEntry {
  const read = (key: string) => dictionaries.map((one) => one[key] ?? '')
  const beginnings = [label, ...texts, ...Object.values(settings)]
  const own = dictionaries.flatMap((one) =>
    Object.keys(one)
      .filter((key) => beginnings.some((beginning) => key.startsWith(beginning)))
      .map((key) => one[key] ?? ''),
  )
  const names = [...read(label), ...read(synonymKey(id)).flatMap((words) => words.split(','))]
  const all = [...under.flatMap(read), ...own, ...values, ...Object.keys(settings)]
  return {
    id,
    names: names.map((name) => normalize(withoutPlaces(name)).trim().replace(/…$/, '')).filter(Boolean),
    texts: normalize(withoutPlaces(all.join('\n'))),
  }
}

/** Removes the places of values, such as {{name}}. */
const withoutPlaces = (text: string): string => text.replace(/\{\{[^}]*\}\}/g, '')
