/**
 * A file name as one line of a terminal: newlines, escapes and other control characters become \xNN, and those that
 * turn the direction of writing \uNNNN, so that a name can neither look like two or another one nor command the terminal.
 */
export function quoteControls(name: string): string {
  return name.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16)
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
  })
}

/** Commander's own sentence, which may be followed by one line of its own: what it would have understood. */
export function quoteLines(text: string): string {
  const [sentence = '', ...more] = text.trimEnd().split(/\n(?=\(Did you mean [^\n]*\)$)/)
  return [sentence, ...more].map((line) => `${quoteControls(line)}\n`).join('')
}
