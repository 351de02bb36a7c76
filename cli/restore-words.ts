import path from 'node:path'
import type { Listed, RestoreEvent } from '../core/store/restore/restore.ts'
import { formatBytes } from '../core/words/formats.ts'
import { type Message, message } from '../core/words/message.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalWords } from './terminal-words.ts'

/** @param store its directory, or the destination's name. On a terminal what went well is not listed; a program gets every file. */
export function sayEvent(
  store: string,
  event: RestoreEvent,
  json: boolean,
  say: (text: string, line: object) => void,
): void {
  if (event.kind === 'listed') {
    say(listLine(event.listed), { type: 'listed', ...event.listed })
    return
  }
  const sentence = sentenceOfEvent(store, event)
  if (sentence === null && !json) return
  say(sentence === null ? '' : terminalWords(sentence), { type: 'file', ...event })
}

function sentenceOfEvent(store: string, event: Exclude<RestoreEvent, { kind: 'listed' }>): Message | null {
  switch (event.kind) {
    case 'restored':
    case 'same':
      return null
    case 'exists':
      return message('store.exists', { path: event.to })
    case 'folded':
      return message('store.folded', { path: event.to })
    case 'inTheWay':
      return message('store.inTheWay', { path: event.to })
    case 'damaged':
      return message('store.restoreDamaged', { path: path.join(store, event.place) })
    case 'unreadable':
      return message('store.unreadable', { path: path.join(store, event.place), reason: event.code })
    case 'strange':
      return message('store.strange', { path: path.join(store, event.place) })
    case 'missing':
      return message('store.restoreMissing', { path: path.join(store, event.place) })
    case 'failed':
      return message('store.restoreFailed', { path: event.to, reason: event.code })
    default:
      return event satisfies never
  }
}

/** "2026-11-20T08:15:00Z  12 KiB  now                     pc/data/a/b" */
function listLine({ sender, source, path: file, version, size, storedAt }: Listed): string {
  const stored = new Date(storedAt).toISOString().replace(/\.\d+Z$/, 'Z')
  const name = quoteControls([sender, source, file].join('/'))
  return `${stored}  ${formatBytes(size, 'en').padStart(9)}  ${(version ?? 'now').padEnd(26)}  ${name}`
}
