/** Longest line in bytes without its end; a longer one is dropped whole, and said to be too long. */
export const LONGEST_LINE = 65_536

export type Line = { kind: 'line'; text: string } | { kind: 'too long' }

/**
 * Splits bytes into lines that end in LF or CRLF. Text is one character a byte (latin1): a path need not be
 * valid UTF-8 to be checked.
 */
export function createLineSplitter() {
  let rest = ''
  let isTooLong = false

  const finish = (): Line => {
    const text = rest.endsWith('\r') ? rest.slice(0, -1) : rest
    const line: Line = isTooLong || text.length > LONGEST_LINE ? { kind: 'too long' } : { kind: 'line', text }
    rest = ''
    isTooLong = false
    return line
  }
  const add = (part: string) => {
    if (!isTooLong) rest += part
    // One more byte than a line may have: it may still be the CR of a CRLF.
    if (rest.length > LONGEST_LINE + 1) {
      isTooLong = true
      rest = ''
    }
  }
  return {
    push: (chunk: Buffer) => {
      const parts = chunk.toString('latin1').split('\n')
      const last = parts.pop() ?? ''
      const lines = parts.map((part) => {
        add(part)
        return finish()
      })
      add(last)
      return lines
    },
    /** The end of input ends the last line. */
    end: () => (rest === '' && !isTooLong ? [] : [finish()]),
  }
}
