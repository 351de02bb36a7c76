import type { Letter } from './channel.ts'

/** The text of a service that shows the title by itself: without it where it begins with it. */
export function textBesideTitle({ title, text }: Pick<Letter, 'title' | 'text'>): string {
  if (!text.startsWith(title)) return text
  const rest = text.slice(title.length)
  return rest.startsWith('\n') && rest.trim() !== '' ? rest.slice(1) : text
}

/** On one line. */
export function titleLine({ title }: Pick<Letter, 'title'>): string {
  return title.replace(/\s+/g, ' ').trim()
}
