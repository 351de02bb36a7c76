import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { alertsSettingsSchema } from '../../alert/settings.ts'
import { errorCode, errorText } from '../../files/system-error.ts'
import { Problem } from '../../words/problem.ts'

const { labels, quietHours, channels } = alertsSettingsSchema.shape
const hours = z.number().min(0).max(8_760)

/** `alerts` of the configuration file: whom a receiver tells, and of what. */
export const receiveAlertsSchema = z.strictObject({
  language: z.enum(['en', 'zh-TW']).default('en'),
  labels,
  quietHours,
  channels,
  /** The channels' secrets as JSON, `{"ID": {"token": "…"}}`, in a file that nobody else may read; null: they have none. */
  secretsFile: z.string().min(1).max(4096).nullable().default(null),
  /** A sender that has not been heard for so many hours is told; 0: never. */
  silentHours: hours.default(24),
  /** The same for single senders, by name or folder. */
  silentHoursOf: z.record(z.string(), hours).default({}),
  /** A sender that says so long that it is failing is told. */
  failingMinutes: z.number().min(0).max(10_080).default(10),
})
export type ReceiveAlerts = z.infer<typeof receiveAlertsSchema>

const secretsSchema = z.record(z.string(), z.record(z.string(), z.string().max(10_000)))

/** @throws Problem that names the file and what is wrong with it, and nothing of what is in it. */
export async function readSecrets(file: string | null): Promise<z.infer<typeof secretsSchema>> {
  if (file === null) return {}
  let text: string
  try {
    const { mode } = await stat(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new Problem('transfer.secretsOpen', { path: file })
    text = await readFile(file, 'utf8')
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown
    const reason = errorCode(thrown) ?? errorText(thrown)
    throw new Problem('transfer.configUnreadable', { path: file, reason })
  }
  try {
    return secretsSchema.parse(JSON.parse(text))
  } catch {
    throw new Problem('transfer.secretsBroken', { path: file })
  }
}
