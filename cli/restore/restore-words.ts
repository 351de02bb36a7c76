import type { Computer } from '../../core/backends/backend-messages.ts'
import { formatBytes } from '../../core/lib/i18n/formats.ts'
import { describeEvent, type ListedContent, type RestoreEvent } from '../../core/restore/write/events.ts'
import { padded } from '../terminal/columns.ts'
import { localTime } from '../terminal/moment.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { language, listed, terminalWords, translate } from '../terminal/terminal-words.ts'

/** @param store its directory, or the destination's name. Only JSON output includes files that were restored. */
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
  const sentence = describeEvent(store, event)
  if (sentence === null && !json) return
  say(sentence === null ? '' : terminalWords(sentence), { type: 'file', ...event })
}

/** Formats a computer: "station-3  station-3 in the lab, encrypted" */
export function computerLine({ folder, name, isOwn, isEncrypted }: Computer): string {
  const facts = [
    quoteControls(name ?? ''),
    isOwn ? translate('window.destination.here') : '',
    isEncrypted ? translate('window.destinations.encrypted') : '',
  ]
  return `${padded(quoteControls(folder), 24)}  ${listed(facts.filter((one) => one !== ''))}`.trimEnd()
}

/** Formats a version: "2026-11-20T16:15:00+08:00   12 KiB  now                         pc/data/a/b" */
function listLine({ sender, source, path: file, version, size, storedAt }: ListedContent): string {
  const stored = localTime(storedAt)
  const name = quoteControls([sender, source, file].filter((part) => part !== '').join('/'))
  return `${stored}  ${formatBytes(size, language).padStart(9)}  ${padded(version ?? translate('cli.restore.now'), 26)}  ${name}`
}
