import { readFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
// The build for Node has a `require` of its own, which the desktop's bundle has already.
import { strToU8, zipSync } from 'fflate/browser'
import { errorText } from '../platform/system-error.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import type { Secrets } from '../settings/secrets.ts'
import { LOG_FILES, tailOf } from './log-lines.ts'
import type { AppState } from './state/schema.ts'

/** Bytes of each log file: what has just happened is at its end. */
const LOG_BYTES = 1024 * 1024
/** Shorter ones would be found in any text. */
const SHORTEST_SECRET = 4
const REMOVED = '[removed]'

/** What looks like a secret whoever wrote it: private keys, age identities, pairing codes, passwords in addresses. */
const SECRET_FORMS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, REMOVED],
  [/AGE-SECRET-KEY-1[0-9A-Z]+/gi, REMOVED],
  [/(holdfast:\/\/\S*?[?&]code=)[^&\s"]+/g, `$1${REMOVED}`],
  [/(:\/\/)[^/@\s"]+@/g, `$1${REMOVED}@`],
]

/**
 * A file for whoever helps: versions, settings, status, incidents and logs, without secrets. Nothing of it is sent
 * anywhere by itself.
 *
 * @param state null: no agent runs
 * @returns the bytes of a zip file
 */
export async function diagnosticsOf(options: {
  layout: DataLayout
  state: AppState | null
  secrets: Secrets
  version: string
}): Promise<Uint8Array> {
  const { layout, state, secrets, version } = options
  const clean = cleaner(secrets)
  const kept = async (name: string) => textOf(() => readFile(path.join(layout.directory, name), 'utf8'))
  const logs = LOG_FILES.map(
    async (name) =>
      [`logs/${name}`, await textOf(() => tailOf(path.join(layout.logs, name), LOG_BYTES))] as const,
  )
  const texts: Record<string, string> = {
    'about.json': json(aboutOf(version)),
    'settings.json': await kept('settings.json'),
    'incidents.json': await kept('incidents.json'),
    'status.json': json(state),
    ...Object.fromEntries(await Promise.all(logs)),
  }
  return zipSync(
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, strToU8(clean(text))])),
  )
}

function aboutOf(version: string) {
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

/** What cannot be read says why: that is worth knowing, too. */
async function textOf(read: () => Promise<string>): Promise<string> {
  try {
    return await read()
  } catch (error) {
    return errorText(error)
  }
}

/** Takes known secrets out of a text, as they are and as JSON writes them, and whatever looks like one. */
function cleaner(secrets: Secrets): (text: string) => string {
  const values = Object.values(secrets)
    .flatMap((fields) => Object.values(fields))
    .filter((value) => value.length >= SHORTEST_SECRET)
    .flatMap((value) => [value, JSON.stringify(value).slice(1, -1)])
    // One may be a part of another.
    .sort((a, b) => b.length - a.length)
  return (text) => {
    const without = values.reduce((left, value) => left.replaceAll(value, REMOVED), text)
    return SECRET_FORMS.reduce((left, [form, replacement]) => left.replace(form, replacement), without)
  }
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`
