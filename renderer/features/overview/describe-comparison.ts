import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'

export type Comparison = NonNullable<AppState['comparison']>

/** Returns the title of a comparison with a list. @param name of the destination. */
export function describeComparison({ phase, file: path, ...compared }: Comparison, name: string): Message {
  const file = path.split(/[\\/]/).at(-1) ?? path
  if (phase !== 'done') return message(`window.compare.${phase}`, { name, file })
  const { files, damaged, missing, unreadable } = compared
  return damaged + missing + unreadable === 0
    ? message('window.compare.sound', { count: files, name, file })
    : message('window.compare.unsound', { name, file })
}

/** Counts the files of a comparison that has ended by result, or describes how far it is. */
export function countCompared(compared: Comparison): Message[] {
  const { phase, files, totalFiles, damaged, missing, unreadable } = compared
  if (phase === 'failed') return []
  if (totalFiles === null) return phase === 'running' ? [message('window.compare.reading')] : []
  return [
    phase === 'done'
      ? message('window.compare.same', { count: files - damaged - missing - unreadable })
      : message('window.compare.filesOf', { done: files, count: totalFiles }),
    message('window.compare.damaged', { count: damaged }),
    message('window.compare.missing', { count: missing }),
    ...(unreadable > 0 ? [message('window.compare.unreadable', { count: unreadable })] : []),
  ]
}
