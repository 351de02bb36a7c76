/**
 * Quotes a name for one line of a terminal: newlines, escapes and other control characters become \xNN, characters that
 * change the direction of writing \uNNNN. A name can then neither look like two names or another one, nor control the
 * terminal.
 */
export function quoteControls(name: string): string {
  return name.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16)
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`
  })
}

/** Quotes commander's own message, which may have a second line: the suggestion "(Did you mean …)". */
export function quoteLines(text: string): string {
  const [sentence = '', ...more] = text.trimEnd().split(/\n(?=\(Did you mean [^\n]*\)$)/)
  return [sentence, ...more].map((line) => `${quoteControls(line)}\n`).join('')
}
