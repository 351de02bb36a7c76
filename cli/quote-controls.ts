/**
 * A file name as one line of a terminal: newlines, escapes and other control characters become \xNN, so that a
 * name can neither look like two nor command the terminal.
 */
export function quoteControls(name: string): string {
  return name.replace(/\p{Cc}/gu, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
