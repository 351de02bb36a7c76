import type { OutgoingMessage } from './channel.ts'

/** Measures a text: in UTF-16 units if the service's manual counts "characters", otherwise in bytes of UTF-8. */
const inUnits = (text: string): number => text.length
export const inBytes = (text: string): number => Buffer.byteLength(text)

const END = '…'

/** Shortens a text to a maximum size, including an ellipsis. Does not split surrogate pairs. */
export function shorten(text: string, most: number, measure: (text: string) => number = inUnits): string {
  // Replaces unpaired surrogates, which every encoder would change.
  const whole = text.toWellFormed()
  if (measure(whole) <= most) return whole
  let fits = 0
  let tooLong = whole.length
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2)
    if (measure(whole.slice(0, middle) + END) <= most) fits = middle
    else tooLong = middle
  }
  return whole.slice(0, fits).replace(/[\ud800-\udbff]$/, '') + END
}

/** Returns the text without the title at its start, for services that show the title separately. */
export function textBesideTitle({ title, text }: Pick<OutgoingMessage, 'title' | 'text'>): string {
  if (!text.startsWith(title)) return text
  const rest = text.slice(title.length)
  return rest.startsWith('\n') && rest.trim() !== '' ? rest.slice(1) : text
}

/** Returns the title on one line. */
export function titleLine({ title }: Pick<OutgoingMessage, 'title'>): string {
  return title.replace(/\s+/g, ' ').trim()
}
