import type { ReceiveConfig } from '../../core/receive/service/config.ts'
import { receiveSettingsSchema, type Settings } from '../../core/settings/schema.ts'
import type { Secrets } from '../../core/settings/secret-owner.ts'
import { type EnteredSecrets, secretOwners } from '../../core/settings/secrets.ts'
import { storeLayout } from '../../core/store/layout.ts'
import { parseRules } from '../../core/store/quota/quota-options.ts'

// Converts the options of `holdfast receive` and its configuration file to the settings of an agent.

/**
 * Returns the settings with those of the options. They are in force until the next start, whatever is changed elsewhere.
 * @param hasFile the configuration file also has the channels and the proxy; without it they stay.
 */
export function withReceiveConfig(before: Settings, config: ReceiveConfig, hasFile: boolean): Settings {
  const { store, host, port, isocketHost, isocketPort, keepFree, proxy } = config
  const { labels, quietHours, channels, silentHours, silentHoursOf, failingMinutes } = config.alerts
  const { keep, lockDays, quota } = parseRules(config)
  const quotas = Object.entries(quota.of)
  const limitsOf = (name: 'bytes' | 'files') =>
    Object.fromEntries(quotas.flatMap(([folder, { [name]: most }]) => (most == null ? [] : [[folder, most]])))
  const receive = receiveSettingsSchema.parse({
    ...{ directory: storeLayout(store).root, host, port, isocketHost, isocketPort, keepFree },
    ...{ quotaBytes: quota.each.bytes, quotaBytesOf: limitsOf('bytes') },
    ...{ quotaFiles: quota.each.files, quotaFilesOf: limitsOf('files') },
    // A part of a day keeps and locks for the whole day.
    lockDays: lockDays === 0 ? null : Math.ceil(lockDays),
    ...{ silentHours, silentHoursOf, failingMinutes },
  })
  return {
    ...before,
    receive,
    keep: { ...keep, withinDays: Math.max(1, Math.ceil(keep.withinDays)) },
    // The log has them.
    notifications: false,
    ...(hasFile && { proxy, alerts: { ...before.alerts, labels, quietHours, channels } }),
  }
}

/** Returns the secrets of the file for the owners that the settings have. A secret that the file lacks is removed. */
export function toEnteredSecrets(settings: Settings, given: Secrets, stored: Secrets): EnteredSecrets[] {
  return [...secretOwners(settings).values()].flatMap(({ id, fields }) => {
    const known = fields.filter(
      ({ name }) => given[id]?.[name] !== undefined || stored[id]?.[name] !== undefined,
    )
    if (known.length === 0) return []
    return [{ id, values: Object.fromEntries(known.map(({ name }) => [name, given[id]?.[name] ?? ''])) }]
  })
}
