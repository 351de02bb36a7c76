import { readFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
// fflate's build for Node defines its own `require`, which the desktop's bundle already defines.
import { strToU8, zipSync } from 'fflate/browser'
import { KEPT_INCIDENTS, timelineQuestionSchema } from '../../../alerts/incident.ts'
import { readTimeline } from '../../../alerts/store/database.ts'
import { errorText } from '../../../platform/system-error.ts'
import type { DataLayout } from '../../../settings/data-directory.ts'
import type { Secrets } from '../../../settings/secret-owner.ts'
import type { AppState } from '../../state/schema.ts'
import { LOG_FILES, readTail } from './log-lines.ts'

/** Bytes read of each log file; the latest events are at its end. */
const LOG_BYTES = 1024 * 1024
/** Shorter secrets would match in any text. */
const SHORTEST_SECRET = 4
const REMOVED = '[removed]'

/** Patterns of secrets from any origin: private keys, age identities, pairing codes, passwords in addresses. */
const SECRET_FORMS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, REMOVED],
  [/AGE-SECRET-KEY-1[0-9A-Z]+/gi, REMOVED],
  [/(holdfast:\/\/\S*?[?&]code=)[^&\s"]+/g, `$1${REMOVED}`],
  [/(:\/\/)[^/@\s"]+@/g, `$1${REMOVED}@`],
]

/**
 * Collects versions, settings, status, incidents and logs, without secrets, in a file for support. Holdfast never
 * sends this file anywhere.
 * @param state null: no agent runs
 * @returns the bytes of a zip file
 */
export async function buildDiagnostics(options: {
  layout: DataLayout
  state: AppState | null
  secrets: Secrets
  version: string
}): Promise<Uint8Array> {
  const { layout, state, secrets, version } = options
  const clean = createRedactor(secrets)
  const kept = async (name: string) =>
    readOrExplain(() => readFile(path.join(layout.directory, name), 'utf8'))
  const logs = LOG_FILES.map(
    async (name) =>
      [`logs/${name}`, await readOrExplain(() => readTail(path.join(layout.logs, name), LOG_BYTES))] as const,
  )
  const texts: Record<string, string> = {
    'about.json': json(describeSystem(version)),
    'settings.json': await kept('settings.json'),
    'incidents.json': await readOrExplain(async () => json(state?.incidents ?? readIncidents(layout))),
    'status.json': json(state),
    ...Object.fromEntries(await Promise.all(logs)),
  }
  return zipSync(
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, strToU8(clean(text))])),
  )
}

/** Reads the newest incidents where no agent has them. */
function readIncidents({ alerts }: DataLayout) {
  const question = timelineQuestionSchema.parse({ before: null, most: KEPT_INCIDENTS })
  return readTimeline(alerts, question).entries.map(({ incident }) => incident)
}

function describeSystem(version: string) {
  const { node, electron, chrome } = process.versions
  return {
    holdfast: version,
    ...{ node, electron, chrome },
    ...{ platform: process.platform, architecture: process.arch, system: os.release() },
    desktop: process.env.XDG_CURRENT_DESKTOP ?? null,
    session: process.env.XDG_SESSION_TYPE ?? null,
    madeAt: new Date().toISOString(),
  }
}

/** Returns the text, or the reason why it cannot be read, which helps support too. */
async function readOrExplain(read: () => Promise<string>): Promise<string> {
  try {
    return await read()
  } catch (error) {
    return errorText(error)
  }
}

/** Returns a function that removes known secrets, raw and escaped as JSON, and strings that look like secrets. */
function createRedactor(secrets: Secrets): (text: string) => string {
  const values = Object.values(secrets)
    .flatMap((fields) => Object.values(fields))
    .filter((value) => value.length >= SHORTEST_SECRET)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    // Longest first: a secret may be part of another.
    .sort((a, b) => b.length - a.length)
  return (text) => {
    const without = values.reduce((left, value) => left.replaceAll(value, REMOVED), text)
    return SECRET_FORMS.reduce((left, [form, replacement]) => left.replace(form, replacement), without)
  }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
