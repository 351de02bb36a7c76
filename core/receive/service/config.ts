import { readFile, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { z } from 'zod'
import { alertsSettingsSchema } from '../../alerts/settings.ts'
import { dropError } from '../../dropped-errors.ts'
import { languages } from '../../lib/i18n/dictionaries.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { errorCode, errorText } from '../../platform/system-error.ts'
import { RECEIVER_PORT } from '../../protocol/limits.ts'
import { proxySettingsSchema } from '../../settings/proxy.ts'
import { senderAlertsSchema } from '../../settings/schema.ts'
import { defaultRuleWords, ruleWordsSchema } from '../../store/quota/quota-options.ts'

const { labels, quietHours, channels } = alertsSettingsSchema.shape

/** `alerts` of the configuration file: channels, and the thresholds of a receiver's alerts. */
const receiveAlertsSchema = z.strictObject({
  language: z.enum(languages).default('en'),
  labels,
  quietHours,
  channels,
  /** A private file with the channels' secrets as JSON, `{"ID": {"token": "…"}}`; null: there are none. */
  secretsFile: z.string().min(1).max(4096).nullable().default(null),
  ...senderAlertsSchema.shape,
})

const port = z.number().int().min(0).max(65_535)
const address = z.string().min(1).max(255)

/**
 * The options of `holdfast receive`, as in the file of --config: JSON, with the names of the command line in camel
 * case. Unknown names are refused, so that a typing error cannot disable a protection.
 */
const fileSchema = z.strictObject({
  store: z.string().min(1).max(4096),
  host: address,
  port,
  name: z.string().min(1).max(200),
  isocketPort: port.nullable(),
  isocketHost: address,
  metricsPort: port.nullable(),
  ...ruleWordsSchema.shape,
  alerts: receiveAlertsSchema,
  /** Its password is in the file of alerts.secretsFile, `{"network:proxy": {"password": "…"}}`. */
  proxy: proxySettingsSchema,
})
const partialSchema = fileSchema.partial()
export type GivenConfig = z.infer<typeof partialSchema>
export type ReceiveConfig = z.infer<typeof fileSchema>

const defaults = (): Omit<ReceiveConfig, 'store'> => ({
  host: '0.0.0.0',
  port: RECEIVER_PORT,
  name: hostname() || 'Holdfast',
  isocketPort: null,
  isocketHost: '127.0.0.1',
  metricsPort: null,
  ...defaultRuleWords,
  alerts: receiveAlertsSchema.parse({}),
  proxy: proxySettingsSchema.parse({}),
})

/** @throws UserError with the field and its error. */
async function readConfig(file: string): Promise<GivenConfig> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    throw new UserError('transfer.configUnreadable', {
      path: file,
      reason: errorCode(thrown) ?? String(thrown),
    })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (thrown) {
    const reason = errorText(thrown)
    throw new UserError('transfer.configNotJson', { path: file, reason })
  }
  const parsed = partialSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : null
  if (unknown !== null) {
    const known = Object.keys(fileSchema.shape).join(', ')
    throw new UserError('transfer.configUnknown', { path: file, field: unknown, known })
  }
  const field = issue?.path.join('.') || 'JSON'
  throw new UserError('transfer.configField', { path: file, field, reason: issue?.message ?? '' })
}

/**
 * Merges the configuration: the command line overrides the file, which overrides the defaults.
 * @throws UserError if the file cannot be used, or no store is given.
 */
export async function loadConfig(file: string | null, given: GivenConfig): Promise<ReceiveConfig> {
  const merged = { ...defaults(), ...(file === null ? {} : await readConfig(file)), ...given }
  if (merged.store === undefined) throw new UserError('transfer.storeNotGiven')
  const checked = fileSchema.safeParse(merged)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  throw new UserError('transfer.optionInvalid', {
    field: issue?.path.join('.') ?? '',
    reason: issue?.message ?? '',
  })
}

const secretsSchema = z.record(z.string(), z.record(z.string(), z.string().max(10_000)))

/** @throws UserError with the file and its error, but without any of its contents. */
export async function readSecrets(file: string | null): Promise<z.infer<typeof secretsSchema>> {
  if (file === null) return {}
  let text: string
  try {
    const { mode } = await stat(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new UserError('transfer.secretsOpen', { path: file })
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (thrown instanceof UserError) throw thrown
    const reason = errorCode(thrown) ?? errorText(thrown)
    throw new UserError('transfer.configUnreadable', { path: file, reason })
  }
  try {
    return secretsSchema.parse(JSON.parse(text))
  } catch (error) {
    dropError(error, 'the message of the error may quote a secret')
    throw new UserError('transfer.secretsBroken', { path: file })
  }
}
