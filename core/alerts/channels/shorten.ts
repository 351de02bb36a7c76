import type { OutgoingMessage } from './channel.ts'

/** How much of a text a service takes: UTF-16 units where its manual says "characters", else bytes of UTF-8. */
const inUnits = (text: string): number => text.length
export const inBytes = (text: string): number => Buffer.byteLength(text)

const END = '…'

/** The text, or so much of its beginning that it has the size with an ellipsis after it. No surrogate pair is cut. */
export function shorten(text: string, most: number, sizeOf: (text: string) => number = inUnits): string {
  // Half a surrogate pair is no text: every encoder would make something else of it.
  const whole = text.toWellFormed()
  if (sizeOf(whole) <= most) return whole
  let fits = 0
  let tooLong = whole.length
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2)
    if (sizeOf(whole.slice(0, middle) + END) <= most) fits = middle
    else tooLong = middle
  }
  return whole.slice(0, fits).replace(/[\ud800-\udbff]$/, '') + END
}

/** The text of a service that shows the title by itself: without it where it begins with it. */
export function textBesideTitle({ title, text }: Pick<OutgoingMessage, 'title' | 'text'>): string {
  if (!text.startsWith(title)) return text
  const rest = text.slice(title.length)
  return rest.startsWith('\n') && rest.trim() !== '' ? rest.slice(1) : text
}

/** On one line. */
export function titleLine({ title }: Pick<OutgoingMessage, 'title'>): string {
  return title.replace(/\s+/g, ' ').trim()
}
