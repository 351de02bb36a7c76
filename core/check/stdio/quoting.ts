/**
 * The opt-in --quoted: a word in double quotes may hold spaces, and these escapes: \" \\ \n \r \t, and \xHH for
 * any byte. Events quote the paths that need it in the same way.
 */
const ESCAPES: Record<string, string> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' }

const WORD = /"((?:[^"\\]|\\(?:["\\nrt]|x[0-9a-fA-F]{2}))*)"( |$)|([^" ][^ ]*|)( |$)/y

/** The words of a line; null where a quote is not closed or an escape is unknown. */
export function splitQuoted(line: string): string[] | null {
  const words: string[] = []
  WORD.lastIndex = 0
  for (;;) {
    const found = WORD.exec(line)
    if (found === null) return null
    const [, quoted, afterQuoted, plain, afterPlain] = found
    words.push(quoted === undefined ? (plain ?? '') : withoutEscapes(quoted))
    if ((afterQuoted ?? afterPlain) !== ' ') return words
  }
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  )
}

/** A path as --quoted events write it. */
export function quote(path: string): string {
  // All but quotation marks, backslashes and control characters; a space has to be quoted, but not escaped.
  if (path !== '' && !/[^!#-[\]-~\x80-\u{10ffff}]/u.test(path)) return path
  const escaped = path.replace(
    /[^ !#-[\]-~\x80-\u{10ffff}]/gu,
    (character) => NAMED[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `"${escaped}"`
}

const NAMED: Record<string, string> = Object.fromEntries(
  Object.entries(ESCAPES).map(([name, character]) => [character, `\\${name}`]),
)
