import type { AppState } from '../../../core/agent/state/schema.ts'
import type { ChannelType, Field } from '../../../core/alerts/channels/catalog.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import type { Words } from '../../words/context.tsx'
import { firstWord } from '../../words/first-word.ts'
import type { HealthLevel } from '../overview/describe.ts'

type Say = Words['t']
export type ChannelState = AppState['channels'][number]

export const typeWord = (t: Say, type: ChannelType): string => firstWord(t, `channel.type.${type}`)

export const needsWord = (t: Say, type: ChannelType): string => firstWord(t, `channel.needs.${type}`)

export const fieldWord = (t: Say, type: ChannelType, { name }: Pick<Field, 'name'>): string =>
  firstWord(t, `channel.${type}.${name}`, `channel.field.${name}`)

export const choiceWord = (t: Say, value: string): string => firstWord(t, `channel.choice.${value}`)

/** Returns a field's problem as a sentence. */
export function problemWord(
  t: Say,
  kind: Field['kind'],
  why: 'missing' | 'invalid' | undefined,
): string | null {
  if (why === undefined) return null
  if (why === 'missing') return t('window.channel.missing')
  return t(kind === 'secret' ? 'window.channel.invalid.url' : `window.channel.invalid.${kind}`)
}

export const conditions: Record<ChannelState['condition'], { word: WordKey; level: HealthLevel }> = {
  unused: { word: 'window.channel.unused', level: 'unknown' },
  ok: { word: 'window.channel.ok', level: 'ok' },
  retrying: { word: 'window.channel.retrying', level: 'attention' },
  refused: { word: 'window.channel.refused', level: 'failing' },
}

/** True if a desktop shows notifications. An agent in a terminal prints them there, where nobody may look. */
export const hasNotifications = ({ host, settings }: Pick<AppState, 'host' | 'settings'>): boolean =>
  host === 'desktop' && settings.notifications
