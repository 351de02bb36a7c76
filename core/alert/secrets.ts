import { readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../files/replace-file.ts'
import { errorCode, errorText } from '../files/system-error.ts'
import { freeName } from '../settings/read.ts'
import { Problem } from '../words/problem.ts'
import { refuseValue, secretFieldsOf } from './channels/catalog.ts'
import type { ChannelSettings } from './settings.ts'

/** Seals what is written and opens what is read; null: the file's mode alone protects it. */
export interface Seal {
  seal(secret: string): string | null
  open(sealed: string): string | null
}

/** plain: as it is; sealed: what the desktop's keyring has made of it. */
const valueSchema = z.union([z.object({ plain: z.string() }), z.object({ sealed: z.string() })])
const fileSchema = z.object({
  version: z.literal(1),
  channels: z.record(z.string(), z.record(z.string(), valueSchema)),
})
type Stored = z.infer<typeof fileSchema>['channels']

export type Secrets = Record<string, Record<string, string>>

/** The secrets of channels, in a file that this user alone may read. */
export interface SecretStore {
  /** By the channels' ids and the names of the catalogue. What cannot be opened here is left out. */
  get(): Secrets
  /** Ids of channels that have secrets which cannot be opened here. */
  unreadable(): string[]
  /**
   * An empty value is taken away, one that is left out stays.
   * @throws Problem alert.secretUnknown, alert.secretMissing, alert.secretInvalid, alert.secretsNotKept
   */
  set(channel: Pick<ChannelSettings, 'id' | 'type'>, changes: Readonly<Record<string, string>>): Promise<void>
  /** Forgets all channels but these. */
  keepOnly(ids: ReadonlySet<string>): Promise<void>
}

export function openSecrets(dataDirectory: string, seal: Seal | null): SecretStore {
  const file = path.join(dataDirectory, 'secrets.json')
  let stored = read(file)
  const write = async (next: Stored) => {
    try {
      await replaceFile(file, `${JSON.stringify({ version: 1, channels: next }, null, 2)}\n`)
    } catch (thrown) {
      throw new Problem('alert.secretsNotKept', { file, reason: errorText(thrown) }, { cause: thrown })
    }
    stored = next
  }
  const opened = (value: z.infer<typeof valueSchema>) =>
    'plain' in value ? value.plain : (seal?.open(value.sealed) ?? null)
  const sealed = (secret: string) => {
    const made = seal?.seal(secret) ?? null
    return made === null ? { plain: secret } : { sealed: made }
  }
  return {
    get: () =>
      mapValues(stored, (secrets) =>
        Object.fromEntries(
          Object.entries(secrets).flatMap(([name, value]) => {
            const secret = opened(value)
            return secret === null ? [] : [[name, secret]]
          }),
        ),
      ),
    unreadable: () =>
      Object.entries(stored)
        .filter(([, secrets]) => Object.values(secrets).some((value) => opened(value) === null))
        .map(([id]) => id),
    async set({ id, type }, changes) {
      const known = stored[id] ?? {}
      const unknown = Object.keys(changes).find(
        (name) => !secretFieldsOf(type).some((field) => field.name === name),
      )
      if (unknown !== undefined) throw new Problem('alert.secretUnknown', { type, field: unknown })
      const next = { ...known }
      for (const field of secretFieldsOf(type)) {
        const given = changes[field.name]?.trim()
        if (given === undefined && field.name in known) continue
        const why = refuseValue(field, given ?? '')
        const said = { field: field.name }
        if (why !== null)
          throw new Problem(why === 'missing' ? 'alert.secretMissing' : 'alert.secretInvalid', said)
        if (given === undefined || given === '') delete next[field.name]
        else next[field.name] = sealed(given)
      }
      if (Object.keys(next).length > 0 || id in stored) await write({ ...stored, [id]: next })
    },
    async keepOnly(ids) {
      const next = Object.fromEntries(Object.entries(stored).filter(([id]) => ids.has(id)))
      if (Object.keys(next).length < Object.keys(stored).length) await write(next)
    },
  }
}

/** What cannot be used is set aside, never erased: the channels then say that their secrets are missing. */
function read(file: string): Stored {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return {}
    throw new Problem('alert.secretsNotKept', { file, reason: errorText(thrown) }, { cause: thrown })
  }
  try {
    return fileSchema.parse(JSON.parse(text)).channels
  } catch {
    renameSync(file, freeName(file, 'set-aside'))
    return {}
  }
}

function mapValues<A, B>(given: Record<string, A>, of: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, of(value)]))
}
