import { catalog } from '../alerts/channels/catalog.ts'
import type { ChannelSettings } from '../alerts/settings.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { Settings } from './schema.ts'

// Pure functions that change the alert channels and the muting in the settings.

export function getChannel(settings: Settings, id: string): ChannelSettings {
  const channel = settings.alerts.channels.find((one) => one.id === id)
  if (channel === undefined) throw new UserError('alert.noChannel', { id })
  return channel
}

/**
 * Requires a unique name, because commands and messages identify a channel by it.
 * @throws UserError alert.channelName
 */
function refuseChannelName({ alerts: { channels } }: Settings, { id, name }: ChannelSettings): void {
  if (channels.some((one) => one.id !== id && one.name.toLowerCase() === name.toLowerCase()))
    throw new UserError('alert.channelName', { name })
}

/** @throws UserError alert.channelTwice, alert.channelName, alert.channelInSettings */
export function withChannel(settings: Settings, channel: ChannelSettings): Settings {
  const { id, type } = channel
  if (settings.alerts.channels.some((one) => one.id === id)) throw new UserError('alert.channelTwice', { id })
  refuseChannelName(settings, channel)
  if (!catalog[type].isAddable) throw new UserError('alert.channelInSettings', { type })
  return withChannels(settings, [...settings.alerts.channels, channel])
}

/**
 * Changes a channel. Its program can be changed in the settings file only.
 * @throws UserError alert.noChannel, alert.channelName, alert.channelInSettings
 */
export function withChannelChanged(settings: Settings, channel: ChannelSettings): Settings {
  const before = getChannel(settings, channel.id)
  // Duplicate names that already exist are kept.
  if (channel.name !== before.name) refuseChannelName(settings, channel)
  const { type } = channel
  const isSame = type === before.type && JSON.stringify(channel.options) === JSON.stringify(before.options)
  if (!catalog[type].isAddable && !isSame) throw new UserError('alert.channelInSettings', { type })
  return withChannels(
    settings,
    settings.alerts.channels.map((one) => (one.id === channel.id ? channel : one)),
  )
}

/** @throws UserError alert.noChannel */
export function withoutChannel(settings: Settings, id: string): Settings {
  getChannel(settings, id)
  return withChannels(
    settings,
    settings.alerts.channels.filter((one) => one.id !== id),
  )
}

/** @throws UserError alert.orderAll */
export function withChannelOrder(settings: Settings, ids: readonly string[]): Settings {
  const { channels } = settings.alerts
  const isWhole = ids.length === channels.length && new Set(ids).size === ids.length
  if (!isWhole || !channels.every(({ id }) => ids.includes(id))) throw new UserError('alert.orderAll')
  return withChannels(
    settings,
    ids.map((id) => getChannel(settings, id)),
  )
}

/** Mutes a path, and removes expired mutings. @param until milliseconds since 1970; null: until it is unmuted. */
export function withMuted(settings: Settings, id: string, until: number | null, now: number): Settings {
  const others = Object.entries(settings.alerts.muted).filter(([, end]) => end === null || end > now)
  return {
    ...settings,
    alerts: { ...settings.alerts, muted: { ...Object.fromEntries(others), [id]: until } },
  }
}

export function withoutMuted(settings: Settings, id: string): Settings {
  const { [id]: _, ...muted } = settings.alerts.muted
  return { ...settings, alerts: { ...settings.alerts, muted } }
}

function withChannels(settings: Settings, channels: ChannelSettings[]): Settings {
  return { ...settings, alerts: { ...settings.alerts, channels } }
}
